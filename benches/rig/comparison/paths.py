"""Where things are. What a run writes, but for its results, is below the project's target folder."""

import os
from pathlib import Path

RIG = Path(__file__).resolve().parent.parent
PROJECT = RIG.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
WORK = Path(os.environ.get("RIG_WORK", TARGET / "rig"))

# What `run train` has seen a gateway do.
PROFILE = TARGET / "reelgate.profdata"
REELGATE = Path(os.environ.get("RIG_REELGATE", TARGET / "release" / "reelgate"))
PROGRAMS = WORK / "programs" / "release"
STUB = PROGRAMS / "rig-stub"
LOAD = PROGRAMS / "rig-load"
BARE = PROGRAMS / "rig-bare"

CAPTURES = PROJECT / "tests" / "data" / "captures"
RESULTS = RIG / "results" / "table.json"
QUICK_RESULTS = WORK / "quick.json"
README = PROJECT / "benches" / "README.md"
