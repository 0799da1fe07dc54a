"""How long polls take at 2,000 a second, whatever the answers do: counted from when each was due."""

from functools import partial

from comparison import figures, requests
from comparison.bench import Bench, Plan, Sample, rotated
from comparison.peers import BARE_MI, DIRECT, NGINX, ONE_CORE, OURS
from comparison.rows import Row, at_most, shown

RATE = 2000
CONNECTIONS = 64
WANTED_US = {"p50_us": 50, "p99_us": 300}


def measure(plan: Plan) -> dict[str, list[Sample]]:
    """A slice of each peer a round."""
    peers = [DIRECT, NGINX, BARE_MI, OURS]
    numbers = {"rate": RATE, "connections": CONNECTIONS, "seconds": plan.seconds}
    with Bench("latency", plan, ONE_CORE) as bench:
        for name in peers:
            bench.saturate(bench.start(name), requests.poll(), 1)
        return rotated(
            peers, plan.rounds, lambda name: bench.load(bench.peers[name], "rate", requests.poll(), **numbers)
        )


def rows(samples: dict[str, list[Sample]]) -> list[Row]:
    """How much later than through the bare proxy answers come."""
    table = []
    for quantile, wanted in WANTED_US.items():
        name = quantile.removesuffix("_us")

        def later(ours: Sample, theirs: Sample, quantile: str = quantile) -> float:
            return took(ours, quantile) - took(theirs, quantile)

        added = figures.of_pairs(samples[OURS], samples[BARE_MI], later)
        table.append(at_most("latency", f"latency at 2,000/s, {name} over bare", added, wanted, " µs", 0))
        for peer, taken in samples.items():
            figure = figures.of(taken, partial(took, quantile=quantile))
            table.append(shown("latency", f"latency at 2,000/s, {name}, {peer}", figure, " µs", 0))
    return table


def took(sample: Sample, quantile: str) -> float:
    """A quantile of the good answers' times, in µs. Fails if there was none."""
    return sample["statuses"]["200"][quantile]
