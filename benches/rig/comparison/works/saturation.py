"""Requests a second over 64 connections that never pause."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter

from comparison import figures, requests
from comparison.bench import Bench, Plan, Sample, rotated
from comparison.peers import BARE_MI, DIRECT, HAPROXY, NGINX, ONE_CORE, OURS, TWO_CORES, Layout
from comparison.requests import Request
from comparison.rows import Row, at_least, shown

ALL = [DIRECT, NGINX, HAPROXY, BARE_MI, OURS]


@dataclass(frozen=True)
class Saturation:
    """One kind of request through all peers, in slices that take turns."""

    name: str
    title: str
    request: Callable[[], Request]
    # Our requests a second, in those of each of these peers.
    wanted: dict[str, float]
    layout: Layout = ONE_CORE
    peers: list[str] = field(default_factory=lambda: ALL)

    def measure(self, plan: Plan) -> dict[str, list[Sample]]:
        """A slice of each peer a round, once each has been warmed up."""
        with Bench(self.name, plan, self.layout) as bench:
            for name in self.peers:
                peer = bench.start(name)
                bench.saturate(peer, self.request(), 1)
            return rotated(
                self.peers,
                plan.rounds,
                lambda name: bench.saturate(bench.peers[name], self.request(), plan.seconds),
            )

    def rows(self, samples: dict[str, list[Sample]]) -> list[Row]:
        """Ratios by round; every answer must have been a good one."""
        ours = samples[OURS]
        rows = [
            at_least(self.name, f"{self.title}, × {peer}", against(samples, peer), wanted)
            for peer, wanted in self.wanted.items()
        ]
        rows.append(shown(self.name, f"{self.title}, requests/s", figures.of(ours, itemgetter("rps")), digits=0))
        rows.append(shown(self.name, f"{self.title}, CPU s/100k", figures.of(ours, itemgetter("cpu_100k"))))
        return [*rows, *failures(self.name, self.title, ours)]


@dataclass(frozen=True)
class Rejection:
    """A create that the gateway refuses itself, beside the same bytes forwarded by nginx."""

    name: str = "reject"
    title: str = "rejected create"

    def measure(self, plan: Plan) -> dict[str, list[Sample]]:
        """A slice of each a round. The stub answers nginx 200 to what we refuse."""
        peers = [NGINX, BARE_MI, OURS]
        with Bench(self.name, plan, ONE_CORE) as bench:
            for name in peers:
                peer = bench.start(name)
                bench.saturate(peer, requests.unsupported(), 1)
            creates = bench.stats()["creates"]
            samples = rotated(
                peers,
                plan.rounds,
                lambda name: bench.saturate(bench.peers[name], requests.unsupported(), plan.seconds),
            )
            forwarded = bench.stats()["creates"] - creates
        by_nginx = sum(one["requests"] for one in samples[NGINX])
        # What wrk leaves unanswered at the end of a slice reaches the stub all the same.
        return {**samples, "passed": [{"count": max(0, forwarded - by_nginx - 64 * plan.rounds), "foreign": 0}]}

    def rows(self, samples: dict[str, list[Sample]]) -> list[Row]:
        """Absolute, since a refusal has no peer, and beside what nginx forwards."""
        ours = samples[OURS]
        passed = samples["passed"][0]["count"] + sum(one["requests"] - one["not_2xx"] for one in ours)
        return [
            at_least(self.name, f"{self.title}, requests/s", figures.of(ours, itemgetter("rps")), 1e5, digits=0),
            at_least(self.name, f"{self.title}, × nginx forwarding", against(samples, NGINX), 2),
            shown(self.name, f"{self.title}, × bare", against(samples, BARE_MI)),
            Row(self.name, f"{self.title}, not refused", str(passed), "0", passed == 0),
        ]


def against(samples: dict[str, list[Sample]], peer: str) -> figures.Figure:
    """Our requests a second in those of a peer."""
    return figures.of_pairs(samples[OURS], samples[peer], figures.ratio("rps"))


def failures(work: str, title: str, samples: list[Sample]) -> list[Row]:
    """A row only where something failed: figures of failed requests are worth nothing."""
    failed = sum(one["not_2xx"] + one["broken"] for one in samples)
    return [Row(work, f"{title}, failed", str(failed), "0", False)] if failed else []


POLL = Saturation("poll", "poll", requests.poll, {NGINX: 0.9, BARE_MI: 1.0})
OTHER = Saturation("other", "other JSON", requests.other, {NGINX: 0.9, BARE_MI: 1.0})
POLL_TWO_CORES = Saturation("poll-two-cores", "poll, two cores", requests.poll, {NGINX: 0.9}, TWO_CORES)
CREATE = Saturation("create", "create, always the same", requests.create, {NGINX: 0.6}, peers=[NGINX, BARE_MI, OURS])
CREATE_VARIED = Saturation(
    "create-varied", "create, each another", requests.varied_create, {NGINX: 0.6}, peers=[NGINX, BARE_MI, OURS]
)
REJECT = Rejection()
