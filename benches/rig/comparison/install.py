"""Sees to it that what is needed is there: peers from Debian, our programs and Reelgate from source."""

import os
import shutil
import subprocess
from pathlib import Path

from comparison import machine
from comparison.paths import PROFILE, PROJECT, REELGATE, RIG, TARGET, WORK

# Commands, and the Debian packages that bring them.
NEEDED = {"wrk": "wrk", "nginx": "nginx-light", "haproxy": "haproxy", "taskset": "util-linux", "cc": "build-essential"}


def setup() -> None:
    """Installs (as root) and builds. Fails with what to install where it may not."""
    missing = [package for name, package in NEEDED.items() if not installed(name)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        done("apt-get", "update", "-qq")
        done("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)
    elif missing:
        raise RuntimeError(f"please install: {' '.join(missing)}")
    build()


def build() -> None:
    """What cargo has built before it only looks at. Reelgate is laid out by its training, where it has had one."""
    build_programs()
    if REELGATE == TARGET / "release" / "reelgate":
        trained = f"{os.environ.get('RUSTFLAGS', '')} -Cprofile-use={PROFILE}".strip()
        cargo(TARGET, **({"RUSTFLAGS": trained} if PROFILE.exists() else {}))


def build_programs() -> None:
    """The upstream, the driver, and the least that a proxy can be."""
    manifest = ["--manifest-path", str(RIG / "programs" / "Cargo.toml"), "--target-dir", str(WORK / "programs")]
    # Flags of Reelgate's are not theirs.
    done("cargo", "build", "--release", "--locked", "--features", "rig-bare/mimalloc", *manifest, RUSTFLAGS="")


def cargo(target_folder: Path, *more: str, **variables: str) -> None:
    """Builds Reelgate."""
    project = ["--manifest-path", str(PROJECT / "Cargo.toml"), "--target-dir", str(target_folder)]
    done("cargo", "build", "--release", "--locked", *project, *more, **variables)


def installed(name: str) -> bool:
    """Whether there is such a command."""
    return shutil.which(name, path=machine.environment()["PATH"]) is not None


def done(*command: str, **variables: str) -> None:
    """Runs a command that must succeed."""
    subprocess.run(command, check=True, env=machine.environment(DEBIAN_FRONTEND="noninteractive", **variables))
