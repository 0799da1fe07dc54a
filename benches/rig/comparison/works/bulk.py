"""Large bodies: eight downloads of 64 MiB, eight uploads of 20 MiB at a time."""

from operator import itemgetter

from comparison import figures, machine, requests
from comparison.bench import Bench, Plan, Sample, rotated
from comparison.peers import BARE_MI, NGINX, NGINX_HOLDING, ONE_CORE, OURS
from comparison.rows import Row, at_least, at_most, shown

AT_A_TIME = 8
PEAK_MIB = 40
PEERS = [NGINX, BARE_MI, OURS]
UPLOADING = [NGINX, NGINX_HOLDING, BARE_MI, OURS]


def measure(plan: Plan) -> dict[str, list[Sample]]:
    """Downloads through each peer in turn, then uploads."""
    down = requests.poll().path("/v1/videos/mib-64/content")
    up = requests.upload(20)
    with Bench("bulk", plan, ONE_CORE) as bench:
        for name in UPLOADING:
            bench.start(name)

        def moved(name: str, request: requests.Request, times: int) -> Sample:
            peer = bench.peers[name]
            machine.forget_peak(peer.pid)
            numbers = {"requests": AT_A_TIME * times, "connections": AT_A_TIME}
            sample = bench.load(peer, "bulk", request, **numbers)
            return sample | {"peak_mib": machine.memory_mib(peer.pid, "VmHWM")}

        rounds = plan.scaled(max(3, plan.rounds // 2), 1)
        downloads = rotated(PEERS, rounds, lambda name: moved(name, down, 2))
        uploads = rotated(UPLOADING, rounds, lambda name: moved(name, up, 4))
    return {f"down {name}": each for name, each in downloads.items()} | {
        f"up {name}": each for name, each in uploads.items()
    }


def rows(samples: dict[str, list[Sample]]) -> list[Row]:
    """Processor time for the bytes, bytes for the time, and memory."""
    table = held(samples.get(f"up {NGINX_HOLDING}", []), samples[f"up {OURS}"])
    for way, what in (("down", "8 × 64 MiB down"), ("up", "8 × 20 MiB up")):
        ours, nginx = samples[f"{way} {OURS}"], samples[f"{way} {NGINX}"]
        cost = figures.of_pairs(ours, nginx, lambda own, other: cpu_per_gib(own) / cpu_per_gib(other))
        pace = figures.of_pairs(ours, nginx, lambda own, other: mib_per_second(own) / mib_per_second(other))
        peak = figures.of(ours, itemgetter("peak_mib"))
        table.append(at_most("bulk", f"{what}, CPU per GiB, × nginx", cost, 1))
        if way == "up":
            table.append(at_least("bulk", f"{what}, MiB/s, × nginx", pace, 1.5))
        else:
            table.append(shown("bulk", f"{what}, MiB/s, × nginx", pace))
        table.append(at_most("bulk", f"{what}, peak memory", peak, PEAK_MIB, " MiB", 0))
        table.append(shown("bulk", f"{what}, MiB/s", figures.of(ours, mib_per_second), digits=0))
        table.append(shown("bulk", f"{what}, CPU s/GiB", figures.of(ours, cpu_per_gib)))
        failed = sum(
            one["broken"] + one["answered"] - one["statuses"].get("200", {"count": 0})["count"] for one in ours
        )
        if failed:
            table.append(Row("bulk", f"{what}, failed", str(failed), "0", False))
    return table


def held(holding: list[Sample], ours: list[Sample]) -> list[Row]:
    """Beside an nginx that holds bodies too."""
    if not holding:
        return []
    what = "8 × 20 MiB up"
    cost = figures.of_pairs(ours, holding, lambda own, other: cpu_per_gib(own) / cpu_per_gib(other))
    pace = figures.of_pairs(ours, holding, lambda own, other: mib_per_second(own) / mib_per_second(other))
    return [
        shown("bulk", f"{what}, CPU per GiB, × nginx that holds bodies", cost),
        shown("bulk", f"{what}, MiB/s, × nginx that holds bodies", pace),
    ]


def mib_per_second(sample: Sample) -> float:
    """How fast bodies moved."""
    return sample["bytes"] / 2**20 / sample["seconds"]


def cpu_per_gib(sample: Sample) -> float:
    """Processor seconds of the proxy for a GiB; at least a tick, which is what the kernel counts in."""
    return max(sample["cpu"], 1 / machine.TICK) / (sample["bytes"] / 2**30)
