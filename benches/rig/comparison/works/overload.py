"""Three times as much as goes: what is served must stay what it was, and what is refused must be refused at once."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from comparison import figures, requests
from comparison.bench import Bench, Plan, Sample
from comparison.peers import ONE_CORE, OURS, Peer, everything_on
from comparison.requests import Request
from comparison.rows import Row, at_least, at_most

TIMES = 3
GOODPUT = 0.9
REFUSED_WITHIN_US = 50_000


@dataclass(frozen=True)
class Case:
    """What there is too little of."""

    title: str
    request: Callable[[], Request]
    # Calls under way at once; the upstream takes `delay_ms` for a create.
    in_flight: int
    delay_ms: int
    connections: int


CASES = {
    "upstream": Case("creates, three times what the upstream takes", requests.create, 64, 20, 512),
    "processor": Case("polls, three times what the processor takes", requests.poll, 512, 0, 1024),
}


def measure(plan: Plan) -> dict[str, list[Sample]]:
    """Each case by itself, in as many rounds as others have quarters."""
    rounds = plan.scaled(max(3, plan.rounds // 3), 1)
    return {name: [one(plan, case) for _ in range(rounds)] for name, case in CASES.items()}


def one(plan: Plan, case: Case) -> Sample:
    """The peak without too much, then what becomes of too much, counted at all three places."""
    settings = f"{everything_on()}\n[limits]\nin_flight = {case.in_flight}\n"
    with Bench("overload", plan, ONE_CORE, case.delay_ms) as bench:
        peer = bench.start(OURS, settings)
        peak = bench.saturate(peer, case.request(), plan.seconds)
        before = settled(bench, peer)
        rate = round(peak["rps"] * TIMES)
        numbers = {"rate": rate, "connections": case.connections, "seconds": plan.scaled(10, 2)}
        sample = bench.load(peer, "rate", case.request(), **numbers)
        after = settled(bench, peer)
    return sample | {
        "peak_rps": peak["rps"],
        "offered_rps": rate,
        "made": after["creates"] - before["creates"],
        "written": after["accepted"] - before["accepted"],
        "foreign": max(peak["foreign"], sample["foreign"]),
    }


def settled(bench: Bench, peer: Peer) -> dict[str, int]:
    """What upstream and ledger have counted, once nothing is open any more; at most ten seconds are waited."""
    ledger = bench.folder / peer.name / "ledger.db"
    end = time.monotonic() + 10
    while True:
        calls = calls_by_state(ledger)
        if calls.get("open", 0) == 0 or time.monotonic() > end:
            return {"creates": bench.stats()["creates"], "accepted": calls.get("accepted", 0)}
        time.sleep(0.1)


def calls_by_state(ledger: Path) -> dict[str, int]:
    """How many records of each state a ledger has."""
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)
    try:
        return dict(connection.execute("SELECT state, count(*) FROM calls GROUP BY state"))
    finally:
        connection.close()


def rows(samples: dict[str, list[Sample]]) -> list[Row]:
    """What is served, how soon the rest is refused, and whether anything was lost or answered wrongly."""
    table = []
    for name, taken in samples.items():
        title = CASES[name].title
        table.append(at_least("overload", f"{title}: served, × peak", figures.of(taken, goodput), GOODPUT))
        refused = [one for one in taken if "503" in one["statuses"]]
        if refused:
            took = figures.of(refused, lambda one: one["statuses"]["503"]["sent"]["p50_us"]).map(lambda us: us / 1e3)
            # Since it was sent: three times too much waits at the client too, and longer all the time.
            table.append(at_most("overload", f"{title}: refused within, p50", took, REFUSED_WITHIN_US / 1e3, " ms", 1))
        wrong = sum(wrong_answers(one) for one in taken)
        table.append(Row("overload", f"{title}: neither 200 nor 503", str(wrong), "0", wrong == 0))
        if name == "upstream":
            lost = sum(lost_calls(one) for one in taken)
            table.append(Row("overload", f"{title}: accepted and lost", str(lost), "0", lost == 0))
    return table


def goodput(sample: Sample) -> float:
    """What was served a second, in what was served at the peak."""
    return served(sample) / sample["seconds"] / sample["peak_rps"]


def served(sample: Sample) -> int:
    """Good answers."""
    return sample["statuses"].get("200", {"count": 0})["count"]


def wrong_answers(sample: Sample) -> int:
    """Answers that are neither good nor the refusal, and connections that broke."""
    wrong = sum(each["count"] for status, each in sample["statuses"].items() if status not in ("200", "503"))
    return wrong + sample["broken"]


def lost_calls(sample: Sample) -> int:
    """Jobs that the upstream made and the ledger or a client that still listened does not know of."""
    unheard = sample["due"] - sample["answered"]
    unknown = max(0, sample["made"] - served(sample) - unheard)
    return unknown + abs(sample["made"] - sample["written"])
