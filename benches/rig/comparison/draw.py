"""Pictures and the README's table, from results."""

from functools import partial
from operator import itemgetter
from pathlib import Path

from comparison import figures, picture, results, table
from comparison.paths import README
from comparison.peers import BARE_MI, DIRECT, HAPROXY, NGINX, OURS
from comparison.picture import Bar, Panel
from comparison.works.latency import took

NAMES = {
    DIRECT: "no proxy",
    NGINX: "nginx",
    HAPROXY: "HAProxy",
    BARE_MI: "bare hyper",
    OURS: "Reelgate",
}
THROUGHPUT = {
    "poll": "Polls a second, one core",
    "poll-two-cores": "Polls a second, two cores",
    "create-varied": "Creates a second, one core; Reelgate judges each and writes it to disk",
}


def draw(file: Path) -> None:
    """Writes table and pictures beside the README. Fails if nothing was measured."""
    known = results.read(file)
    if not known["works"]:
        raise ValueError(f"{file} has no results: benches/rig/run table")
    content = table.content(known, results.rows(known))
    README.write_text(table.put(README.read_text(), content))
    for name, panels in (("throughput", throughput(known)), ("latency", latency(known))):
        if panels:
            description = "; ".join(spoken(panel) for panel in panels)
            (README.parent / f"{name}.svg").write_text(picture.picture(description, panels))


def throughput(known: dict) -> list[Panel]:
    """Requests a second of every peer, and how many times nginx's that is."""
    panels = []
    for work, title in THROUGHPUT.items():
        if work not in known["works"]:
            continue
        samples = known["works"][work]["samples"]
        bars = []
        for peer, taken in samples.items():
            rps = figures.of(taken, itemgetter("rps")).median
            times = figures.of_pairs(taken, samples[NGINX], figures.ratio("rps")).median
            note = f"{rps:,.0f}" if peer == NGINX else f"{rps:,.0f} · {times:.2f} × nginx"
            bars.append(bar(peer, rps, note))
        panels.append(Panel(title, bars))
    return panels


def latency(known: dict) -> list[Panel]:
    """Two quantiles of every peer, in µs."""
    if "latency" not in known["works"]:
        return []
    samples = known["works"]["latency"]["samples"]
    panels = []
    for quantile, title in (("p50_us", "Half of 2,000 polls a second take at most"), ("p99_us", "99 in 100 of them")):
        bars = []
        for peer, taken in samples.items():
            time = figures.of(taken, partial(took, quantile=quantile)).median
            bars.append(bar(peer, time, f"{time:,.0f} µs"))
        panels.append(Panel(title, bars))
    return panels


def bar(peer: str, value: float, note: str) -> Bar:
    """A peer's bar."""
    return Bar(NAMES[peer], value, note, ours=peer == OURS)


def spoken(panel: Panel) -> str:
    """A panel in words."""
    return f"{panel.title}: " + ", ".join(f"{each.name} {each.note}" for each in panel.bars)
