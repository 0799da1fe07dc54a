"""Whether a request costs the same where there are many models, many keys, many records."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

from comparison import figures, requests
from comparison.bench import Bench, Plan, Sample, rotated
from comparison.ledger import fill
from comparison.paths import WORK
from comparison.peers import ONE_CORE, OURS, everything_on
from comparison.requests import Request
from comparison.rows import Row, about, shown

WITHIN = 0.1
FEW, MANY = "few", "many"
RECORDS = 10_000_000
QUICK_RECORDS = 100_000
# Above what a million calls could wait for: reading a file of gigabytes for the first time.
START_LIMIT = 300


@dataclass(frozen=True)
class Kind:
    """Something there may be few or many of."""

    title: str
    few: int
    many: int
    settings: Callable[[int], str]
    request: Callable[[int], Request]
    # What somebody without a key is answered once it is up.
    to_strangers: int = 200


def models(count: int) -> str:
    """So many models beside the usual ones."""
    table = "\n".join(
        f'[models.film-{number:04}]\nseconds = [4, 8, 12]\nsizes = ["720x1280", "1280x720"]\nprice_per_second = 0.1'
        for number in range(count)
    )
    return f"{everything_on()}\n{table}\n"


def keys(count: int) -> str:
    """So many clients, and a credential of ours for the upstream."""
    table = "\n".join(
        f'[auth.keys.team-{number:04}]\nsha256 = "{hashlib.sha256(key(number).encode()).hexdigest()}"'
        for number in range(count)
    )
    credential = 'base_url = "@UPSTREAM@"\ncredential = { env = "RIG_CREDENTIAL" }'
    settings = everything_on().replace('base_url = "@UPSTREAM@"', credential)
    return f'{settings}\n[auth]\nmode = "keys"\n{table}\n'


def key(number: int) -> str:
    """What a client of that number has."""
    return f"sk-rig-{number:032}"


MODELS = Kind(
    "models", 10, 1000, models, lambda count: requests.varied_create().words("sora-2", f"film-{count - 1:04}")
)
KEYS = Kind(
    "keys",
    1,
    1000,
    keys,
    lambda count: requests.poll().header("authorization", f"Bearer {key(count - 1)}"),
    to_strangers=401,
)
KINDS = {"models": MODELS, "keys": KEYS}
LEDGER_REQUESTS = {"ledger": requests.varied_create, "ledger-poll": requests.poll}


def measure(plan: Plan) -> dict[str, list[Sample]]:
    """Pairs of gateways, one with little and one with much, in slices that take turns."""
    samples: dict[str, list[Sample]] = {}
    for name, kind in KINDS.items():
        with Bench(f"growth-{name}", plan, ONE_CORE) as bench:
            wanted = {FEW: kind.few, MANY: kind.many}
            for called, count in wanted.items():
                bench.start(OURS, kind.settings(count), called, expected=kind.to_strangers)
            by_size = {called: kind.request(count) for called, count in wanted.items()}
            samples |= compared(bench, name, by_size)
    return samples | ledgers(plan)


def ledgers(plan: Plan) -> dict[str, list[Sample]]:
    """A gateway with a new ledger, and one whose ledger has gigabytes."""
    records = plan.scaled(RECORDS, QUICK_RECORDS)
    with Bench("growth-ledger", plan, ONE_CORE) as bench:
        bench.start(OURS, called=FEW)
        made = bench.start(OURS, called=MANY)
        made.stop()
        fill(bench.folder / MANY / "ledger.db", records, WORK)
        begun = time.monotonic()
        bench.start(OURS, called=MANY, within=START_LIMIT)
        samples: dict[str, list[Sample]] = {
            "start": [{"seconds": time.monotonic() - begun, "records": records, "foreign": 0}]
        }
        for name, request in LEDGER_REQUESTS.items():
            samples |= compared(bench, name, {FEW: request(), MANY: request()})
    return samples


def compared(bench: Bench, name: str, by_size: dict[str, Request]) -> dict[str, list[Sample]]:
    """Slices of both, after a warm-up."""
    for called, request in by_size.items():
        bench.saturate(bench.peers[called], request, 1)
    taken = rotated(
        list(by_size),
        bench.plan.rounds,
        lambda called: bench.saturate(bench.peers[called], by_size[called], bench.plan.seconds),
    )
    return {f"{name} {called}": each for called, each in taken.items()}


def rows(samples: dict[str, list[Sample]]) -> list[Row]:
    """What a request costs with many, in what it costs with few."""
    records = samples["start"][0]["records"]
    titles = {
        "models": "create, 1,000 models, cost × 10 models",
        "keys": "poll, 1,000 keys, cost × 1 key",
        "ledger": f"create, {records:,} records, cost × new ledger",
        "ledger-poll": f"poll, {records:,} records, cost × new ledger",
    }
    table = []
    for name, title in titles.items():
        few, many = samples[f"{name} {FEW}"], samples[f"{name} {MANY}"]
        table.append(about("growth", title, figures.of_pairs(many, few, figures.ratio("cpu_100k")), WITHIN))
        failed = sum(one["not_2xx"] + one["broken"] for one in few + many)
        if failed:
            table.append(Row("growth", f"{title}, failed", str(failed), "0", False))
    start = figures.of(samples["start"], itemgetter("seconds"))
    return [*table, shown("growth", f"start with {records:,} records", start, " s")]
