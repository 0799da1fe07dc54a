"""What was measured, kept as JSON: the samples, not what was made of them."""

import json
import subprocess
import time
from pathlib import Path

from comparison import machine
from comparison.bench import Plan
from comparison.paths import PROJECT
from comparison.rows import Row
from comparison.works import WORKS


def read(file: Path) -> dict:
    """What was measured before; empty at first."""
    if not file.exists():
        return {"works": {}}
    return json.loads(file.read_text())


def add(file: Path, work: str, plan: Plan, samples: dict) -> None:
    """Replaces what is known of one work."""
    results = read(file)
    results["machine"] = machine.describe()
    results["works"][work] = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit(),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "samples": rounded(samples),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1) + "\n")


def rounded(value):
    """Without digits that mean nothing."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return value


def rows(results: dict) -> list[Row]:
    """The whole table, in the order of the works."""
    known = results["works"]
    return [row for name, work in WORKS.items() if name in known for row in work.rows(known[name]["samples"])]


def commit() -> str:
    """The commit that last changed Reelgate, however often others came since; a + stands for uncommitted changes."""
    reelgate = ["--", "Cargo.lock", "Cargo.toml", "build.rs", "config", "src"]
    changed = git("status", "--porcelain", *reelgate)
    return git("log", "-1", "--format=%h", "--abbrev=12", *reelgate) + ("+" if changed else "")


def git(*command: str) -> str:
    """What git says of the project; nothing where it is not under version control."""
    done = subprocess.run(["git", "-C", str(PROJECT), *command], capture_output=True, text=True)
    return done.stdout.strip()
