"""What the kernel says: who used how much of the processor and of memory, and what machine this is."""

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
# A machine is quiet while everybody together uses less than this share of one core.
QUIET = 0.05


def processor_seconds(pid: int) -> float:
    """Time that a process and its children spent, in the kernel too."""
    spent = 0
    for each in family(pid):
        try:
            fields = stat(each)
        except OSError:
            continue
        spent += int(fields[11]) + int(fields[12])
    return spent / TICK


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    found, todo = [], [pid]
    while todo:
        found.append(each := todo.pop())
        # Whatever ends while we look is of no family.
        with contextlib.suppress(OSError):
            for thread in (PROC / str(each) / "task").iterdir():
                todo += map(int, (thread / "children").read_text().split())
    return found


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold blanks."""
    return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()


def memory_mib(pid: int, key: str = "VmRSS") -> float:
    """Resident memory of a process and its children; `VmHWM` is the most it ever was."""
    kib = 0
    for each in family(pid):
        try:
            found = re.search(rf"^{key}:\s+(\d+) kB", (PROC / str(each) / "status").read_text(), re.M)
        except OSError:
            continue
        kib += int(found[1]) if found else 0
    return kib / 1024


def forget_peak(pid: int) -> None:
    """Lets `VmHWM` begin again at what is used now."""
    for each in family(pid):
        (PROC / str(each) / "clear_refs").write_text("5")


def busy_seconds() -> float:
    """Time that all cores spent for processes or that others took from this machine; not what interrupts took."""
    user, nice, system, _, _, _, _, steal = map(int, (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + steal) / TICK


def wait_for_quiet(limit: float) -> None:
    """Returns once others leave the processor alone, or after `limit` seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before = busy_seconds()
        time.sleep(0.25)
        if (busy_seconds() - before) / 0.25 < QUIET:
            return
        time.sleep(0.5)


def describe() -> dict[str, str]:
    """The machine and the versions of what is compared."""
    processor = re.search(r"model name\s*: (.*)", (PROC / "cpuinfo").read_text())
    clock = re.search(r"cpu MHz\s*: (\d+)", (PROC / "cpuinfo").read_text())
    total = re.search(r"MemTotal:\s+(\d+)", (PROC / "meminfo").read_text())
    return {
        "processor": processor[1] if processor else os.uname().machine,
        "mhz": clock[1] if clock else "",
        "cores": str(os.cpu_count()),
        "memory_gib": f"{int(total[1]) / 1048576:.0f}" if total else "",
        "linux": os.uname().release,
        "rustc": said("rustc", "--version"),
        "nginx": said("nginx", "-v"),
        "haproxy": said("haproxy", "-v"),
        "wrk": said("wrk", "-v"),
    }


def said(*command: str) -> str:
    """The first number with dots that a command says of itself; empty if it is not there."""
    try:
        out = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+\.\d+(\.\d+)?", out.stdout + out.stderr)
    return found[0] if found else ""


def environment(**more: str) -> dict[str, str]:
    """This process's environment; Debian keeps servers where only root looks."""
    return {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", **more}
