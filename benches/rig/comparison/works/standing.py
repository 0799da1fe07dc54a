"""What a proxy costs before anybody asks: memory, and the time until it answers."""

import time
from operator import itemgetter

from comparison import figures, machine, peers
from comparison.bench import Bench, Plan, Sample, rotated
from comparison.peers import BARE_MI, HAPROXY, NGINX, ONE_CORE, OURS
from comparison.rows import Row, at_most, shown

MEMORY_MIB = 12
START_MS = 50
# Long enough that what begins after the start has begun.
SETTLED = 1.0


def measure(plan: Plan) -> dict[str, list[Sample]]:
    """Each proxy is started again in every round."""
    with Bench("standing", plan, ONE_CORE) as bench:

        def started(name: str) -> Sample:
            machine.wait_for_quiet(plan.patience)
            busy, begun = machine.busy_seconds(), time.monotonic()
            peer = peers.start(name, bench.port, ONE_CORE, bench.folder / name)
            try:
                peer.wait_for_answer(20)
                took = time.monotonic() - begun
                foreign = max(0.0, machine.busy_seconds() - busy - machine.processor_seconds(peer.pid)) / took
                time.sleep(SETTLED)
                return {"start_ms": took * 1e3, "idle_mib": machine.memory_mib(peer.pid), "foreign": foreign}
            finally:
                peer.stop()

        return rotated([NGINX, HAPROXY, BARE_MI, OURS], plan.rounds, started)


def rows(samples: dict[str, list[Sample]]) -> list[Row]:
    """Ours by the targets, the others' for comparison."""
    table = []
    for name, taken in samples.items():
        memory, start = (figures.of(taken, itemgetter(key)) for key in ("idle_mib", "start_ms"))
        if name == OURS:
            table.append(at_most("standing", "idle memory", memory, MEMORY_MIB, " MiB", 1))
            table.append(at_most("standing", "start to first answer", start, START_MS, " ms", 0))
        else:
            table.append(shown("standing", f"idle memory, {name}", memory, " MiB", 1))
            table.append(shown("standing", f"start to first answer, {name}", start, " ms", 0))
    return table
