"""The command line: setup, train, table, draw."""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from comparison import draw, install, machine, results, table, training
from comparison.bench import Plan
from comparison.paths import PROFILE, QUICK_RESULTS, RESULTS, WORK
from comparison.programs import allow_many_files
from comparison.works import WORKS

FILES = 11_000


def main() -> int:
    """0 where everything went as it should; unmet targets do not change that."""
    # Whatever was started is ended, also if we are.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    asked = arguments().parse_args()
    match asked.command:
        case "setup":
            install.setup()
        case "train":
            training.train(asked.file, asked.target)
        case "draw":
            draw.draw(asked.file)
        case "table":
            return measure(asked)
    return 0


def arguments() -> argparse.ArgumentParser:
    """What may be asked."""
    parser = argparse.ArgumentParser(prog="benches/rig/run", description="Reelgate beside its peers on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("setup", help="install peers (as root, Debian) and build all programs")
    trained = commands.add_parser("train", help="see what a build does under load, for the next to be laid out by")
    trained.add_argument("file", nargs="?", type=Path, default=PROFILE, help="where to write it (default: %(default)s)")
    trained.add_argument("--target", help="as cargo's, for a build that names one")
    drawing = commands.add_parser("draw", help="write the README's table and pictures")
    drawing.add_argument("file", nargs="?", type=Path, default=RESULTS, help="results (default: the committed ones)")
    measuring = commands.add_parser("table", help="measure, and say which targets are met")
    measuring.add_argument("--only", action="append", choices=list(WORKS), help="one work; may be repeated")
    measuring.add_argument("--rounds", type=int, default=9, help="slices of each peer (default: 9)")
    measuring.add_argument("--seconds", type=int, default=3, help="length of a slice (default: 3)")
    measuring.add_argument("--patience", type=float, default=10, help="seconds a slice waits for quiet (default: 10)")
    measuring.add_argument("--quick", action="store_true", help="tiny slices: whether all works run, not how fast")
    measuring.add_argument("--as-built", action="store_true", help="measure what is built, without building it again")
    return parser


def measure(asked: argparse.Namespace) -> int:
    """Takes all samples, keeps each work's as soon as it has them, and prints the table. 1 if a work failed."""
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("two cores are needed: one for the proxy, one for upstream and clients")
    if not asked.as_built:
        install.build()
    if allow_many_files() < FILES:
        raise SystemExit(f"{FILES} open files are needed: raise the hard limit (ulimit -Hn)")
    plan = Plan(asked.rounds, asked.seconds, asked.patience)
    if asked.quick:
        plan = Plan(rounds=1, seconds=1, patience=0.5, quick=True)
    file = QUICK_RESULTS if asked.quick else RESULTS
    WORK.mkdir(parents=True, exist_ok=True)
    machine.wait_for_quiet(plan.patience)
    failed = [name for name in asked.only or WORKS if not measured(name, plan, file)]
    print(f"\n{table.plain(results.rows(results.read(file)))}\n\n{file}")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def measured(name: str, plan: Plan, file: Path) -> bool:
    """Does one work and shows its rows; whether that went well. What stands in its way does not stop the others."""
    begun = time.monotonic()
    try:
        samples = WORKS[name].measure(plan)
        results.add(file, name, plan, samples)
        print(f"\n{name}, {time.monotonic() - begun:.0f} s\n{table.plain(WORKS[name].rows(samples))}", flush=True)
    except (RuntimeError, OSError, LookupError, ValueError, subprocess.SubprocessError) as error:
        print(f"\n{name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
