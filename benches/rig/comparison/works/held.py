"""Many connections that do next to nothing: silent ones, and downloads whose clients are slow."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from comparison import figures, machine, requests
from comparison.bench import Bench, Plan, Sample
from comparison.peers import NGINX, ONE_CORE, OURS, everything_on
from comparison.requests import Request
from comparison.rows import Row, at_most, shown

RATE = 500
KIB_PER_IDLE = 12
TIMES_P99 = 2
# More connections than the default lets have calls under way.
ROOM = "\n[limits]\nin_flight = 4096\n"


@dataclass(frozen=True)
class Held:
    """Connections that are held while small calls go on beside them."""

    name: str
    title: str
    mode: str
    connections: int
    request: Callable[[], Request]
    # Seconds: long enough that memory which grows is seen to.
    held: int
    settings: str = ""
    pace: int = 0

    def measure(self, plan: Plan) -> dict[str, list[Sample]]:
        """Each proxy by itself, so that no other's connections weigh on the machine."""
        return {name: [self.one(plan, name)] for name in (NGINX, OURS)}

    def one(self, plan: Plan, name: str) -> Sample:
        """Memory and latency without the connections, and with them."""
        with Bench(self.name, plan, ONE_CORE) as bench:
            peer = bench.start(name, everything_on() + self.settings)
            # Grown first as far as small calls make it grow.
            bench.saturate(peer, requests.poll(), plan.scaled(5, 1))
            seconds = plan.scaled(self.held, 4)
            calls = {"rate": RATE, "connections": 16, "seconds": max(1, seconds // 4)}
            alone = bench.load(peer, "rate", requests.poll(), **calls)
            before = machine.memory_mib(peer.pid)
            numbers = {"connections": self.count(plan), "seconds": seconds}
            if self.pace:
                numbers["pace"] = self.pace
            driver = bench.held(peer, self.mode, self.request(), **numbers)
            end = time.monotonic() + seconds - 2
            try:
                # Until what buffers hold, they hold: it is what lasts that counts.
                time.sleep(seconds / 4)
                first = machine.memory_mib(peer.pid)
                beside = bench.load(peer, "rate", requests.poll(), **calls)
                time.sleep(max(0.0, end - time.monotonic()))
                last = machine.memory_mib(peer.pid)
                said = json.loads(driver.communicate(timeout=seconds + 120)[0].splitlines()[-1])
            finally:
                driver.kill()
        return {
            **said,
            "foreign": max(alone["foreign"], beside["foreign"]),
            "memory_mib": {"before": before, "first": first, "last": last},
            "p99_us": {"alone": p99(alone), "beside": p99(beside)},
        }

    def count(self, plan: Plan) -> int:
        """How many connections."""
        return plan.scaled(self.connections, self.connections // 10)

    def rows(self, samples: dict[str, list[Sample]]) -> list[Row]:
        """Memory of each connection, whether it grows, and what the others notice."""
        table = []
        for name, taken in samples.items():
            title = self.title if name == OURS else f"{self.title}, {name}"
            each = figures.of(taken, kib_per_connection)
            slower = figures.of(taken, lambda one: one["p99_us"]["beside"] / one["p99_us"]["alone"])
            grown = figures.of(taken, lambda one: one["memory_mib"]["last"] / one["memory_mib"]["first"])
            if name != OURS:
                table.append(shown(self.name, f"{title}, memory each", each, " KiB", 1))
                table.append(shown(self.name, f"{title}, p99 of small calls, × without", slower))
                continue
            if self.mode == "idle":
                table.append(at_most(self.name, f"{title}, memory each", each, KIB_PER_IDLE, " KiB", 1))
            else:
                table.append(shown(self.name, f"{title}, memory each", each, " KiB", 1))
                table.append(at_most(self.name, f"{title}, memory at the end, × at first", grown, 1.1))
            table.append(at_most(self.name, f"{title}, p99 of small calls, × without", slower, TIMES_P99))
            lost = sum(one["held"] - one["alive"] for one in taken)
            table.append(Row(self.name, f"{title}, lost", str(lost), "0", lost == 0))
        return table


def kib_per_connection(sample: Sample) -> float:
    """What each connection adds to the proxy's resident memory."""
    return (sample["memory_mib"]["last"] - sample["memory_mib"]["before"]) * 1024 / sample["held"]


def p99(sample: Sample) -> float:
    """The 99th percentile of good answers, in µs."""
    return sample["statuses"]["200"]["p99_us"]


IDLE = Held("idle", "10,000 idle connections", "idle", 10_000, requests.poll, held=40)
SLOW = Held(
    "slow",
    "1,000 slow downloads",
    "slow",
    1_000,
    lambda: requests.poll().path("/v1/videos/mib-64/content"),
    held=60,
    settings=ROOM,
    pace=16_384,
)
