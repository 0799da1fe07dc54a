"""Shows the compiler where a gateway under load spends its time, for a release to be laid out by.

A request runs through more code than the processor keeps at hand, and most of what lies between is for what hardly ever
happens. A build that counts how often each branch is taken is put under load; the next build puts what is taken side by
side.
"""

import os
import shutil
import subprocess
from pathlib import Path

from comparison import machine, peers, requests
from comparison.bench import Bench, Plan
from comparison.install import build_programs, cargo, done
from comparison.paths import TARGET
from comparison.requests import Request

# What is asked, and how often a second: as much as a build that counts answers on a small machine.
RATES: dict[str, tuple[Request, int]] = {
    "poll": (requests.poll(), 3000),
    "other": (requests.other(), 2000),
    "create": (requests.create(), 1000),
    "rejected": (requests.unsupported(), 1500),
}
BULK: dict[str, Request] = {
    "download": requests.poll().path("/v1/videos/mib-64/content"),
    "upload": requests.upload(20),
}
SECONDS = 4
CONNECTIONS = 64
# The build that counts, and what it has counted.
COUNTING = TARGET / "counting"


def train(profile: Path, target: str | None) -> None:
    """Writes down what a build for this target has been seen to do. What it is built with beside, the next must be, too:
    RUSTFLAGS, features, whether a target is named at all.
    """
    compiler = about_compiler()
    merge = llvm_profdata(compiler)
    counts = COUNTING / "counts"
    shutil.rmtree(counts, ignore_errors=True)
    build_programs()
    counting = f"{os.environ.get('RUSTFLAGS', '')} -Cprofile-generate={counts}".strip()
    cargo(COUNTING, *(["--target", target] if target else []), RUSTFLAGS=counting)
    named = compiler["host"] if target == "host-tuple" else target or ""
    drive(COUNTING / named / "release" / "reelgate")
    counted = [str(file) for file in counts.glob("*.profraw")]
    if not counted:
        raise RuntimeError("nothing was counted")
    # What was never reached says nothing that its absence does not.
    done(str(merge), "merge", "--sparse", "--output", str(profile), *counted)


def drive(program: Path) -> None:
    """A little of everything. Fails where anything is answered otherwise than it should be."""
    with Bench("training", Plan(patience=0), peers.TWO_CORES) as bench:
        peer = bench.start(peers.OURS, program=program)
        for name, (request, rate) in RATES.items():
            sample = bench.load(peer, "rate", request, rate=rate, connections=CONNECTIONS, seconds=SECONDS)
            check(name, sample)
        for name, request in BULK.items():
            check(name, bench.load(peer, "bulk", request, requests=16, connections=8))


def check(name: str, sample: dict) -> None:
    """A profile of failures is worth less than none."""
    good = "400" if name == "rejected" else "200"
    if sample["broken"] or set(sample["statuses"]) != {good}:
        raise RuntimeError(f"{name}: {sample['broken']} broken, answers {list(sample['statuses'])}")


def about_compiler() -> dict[str, str]:
    """What rustc says of itself, and where it is."""
    lines = said("rustc", "--version", "--verbose").splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line) | {"root": said("rustc", "--print", "sysroot")}


def said(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def llvm_profdata(compiler: dict[str, str]) -> Path:
    """What joins counts, of the compiler's own version: rustup's component llvm-tools, or a package of LLVM."""
    version = compiler["LLVM version"].split(".")[0]
    own = Path(compiler["root"], "lib", "rustlib", compiler["host"], "bin", "llvm-profdata")
    packaged = shutil.which(f"llvm-profdata-{version}", path=machine.environment()["PATH"])
    for found in (own, Path(packaged or "")):
        if found.is_file():
            return found
    raise RuntimeError(f"llvm-profdata is missing: rustup component add llvm-tools, or Debian's llvm-{version}")
