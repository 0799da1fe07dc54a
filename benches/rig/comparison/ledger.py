"""Fills a ledger with records as years of use would leave them, faster than calls could."""

import shutil
import sqlite3
import sys
import time
from pathlib import Path

BATCH = 250_000
# They spread over the time that records are kept by default, with room at the end.
DAYS = 80

RECORD = """
WITH RECURSIVE number(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :end)
INSERT INTO calls (
    id, at, updated, client, operation, fingerprint, is_repeat, upstream, model, seconds, size, request_id,
    request_line, request_headers, request_bytes, state, attempts, status, job_id, job_status, instance, client_left,
    replays
)
SELECT
    printf('lg_%012x%020x', :start + n * :step, n), :start + n * :step, :start + n * :step + 900,
    printf('client-%03d', n % 200), 'create', lower(hex(randomblob(32))), 0, 'main', 'sora-2', 8, '1280x720',
    printf('req_%032x', n), 'POST /v1/videos HTTP/1.1',
    '[["content-type","multipart/form-data"],["user-agent","OpenAI/Python"]]', 404, 'accepted', 1, 200,
    printf('video_%048x', n), 'completed', 'filled', 0, 0
FROM number
"""
TRIES = """
INSERT OR IGNORE INTO tries
SELECT is_repeat, at / 60000, substr(fingerprint, 1, 16), id FROM calls WHERE id >= :since
"""


def fill(ledger: Path, records: int, store: Path) -> None:
    """Replaces a ledger that Reelgate has made and left by one with so many records; they are made once and kept."""
    kept = store / f"ledger-{records}-{fingerprint(ledger)}.db"
    if not kept.exists():
        making = kept.with_suffix(".making")
        with sqlite3.connect(ledger) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(ledger, making)
        make(making, records)
        making.rename(kept)
    for beside in ledger.parent.glob(f"{ledger.name}-*"):
        beside.unlink()
    shutil.copyfile(kept, ledger)


def fingerprint(ledger: Path) -> str:
    """Changes with the tables: a kept ledger of another version is of no use."""
    with sqlite3.connect(ledger) as connection:
        return str(connection.execute("PRAGMA user_version").fetchone()[0])


def make(file: Path, records: int) -> None:
    """Writes the records, and the indices afterwards: sorted at once, they take a tenth of the time."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    kept = "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND tbl_name = 'calls'"
    made_again = [each for each in connection.execute(kept) if each[2]]
    for kind, name, _ in made_again:
        connection.execute(f"DROP {kind} {name}")
    now = int(time.time() * 1000)
    times = {"start": now - DAYS * 86_400_000, "step": DAYS * 86_400_000 // records}
    for first in range(0, records, BATCH):
        connection.execute("BEGIN")
        connection.execute(RECORD, times | {"first": first, "end": min(first + BATCH, records)})
        connection.execute("COMMIT")
        say(f"records: {min(first + BATCH, records):,} of {records:,}")
    for kind, name, sql in made_again:
        say(f"{kind} {name}")
        connection.execute(sql)
    # What repeats are told by, of the last day: that long it is kept.
    connection.execute(TRIES, {"since": f"lg_{now - 86_400_000:012x}"})
    connection.close()
    say("")


def say(text: str) -> None:
    """Shows how far it is, on one line."""
    print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
