"""Programs that the rig starts, talks to on 127.0.0.1 and ends, by process id."""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

from comparison import machine


class Program:
    """A running program whose output goes to a file."""

    def __init__(self, command: list[str], folder: Path, core: int | None = None, **variables: str):
        """Starts it in a folder, on one core or on any."""
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "output.log"
        self.core = core
        # Appending, so that the file can be cut while the program writes.
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                pinned(command, core),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=machine.environment(**variables),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def stop(self) -> None:
        """Asks it to end, and ends it if it does not within ten seconds."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                return
            for pid in machine.family(self.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)

    def last_words(self) -> str:
        """The end of what it said."""
        return self.log.read_bytes()[-500:].decode(errors="replace")

    def forget_output(self) -> None:
        """Empties its file: a run writes gigabytes of log."""
        if self.log.stat().st_size > 64 << 20:
            with self.log.open("r+b") as log:
                log.truncate()

    def wait_for_answer(self, port: int, limit: float, expected: int = 200) -> float:
        """Seconds until it answered a poll as expected. Fails if it ends before, or takes longer than `limit`."""
        begun = time.monotonic()
        while time.monotonic() - begun < limit:
            if self.process.poll() is not None:
                raise RuntimeError(f"it ended before it answered: {self.last_words()}")
            with contextlib.suppress(OSError):
                if get(port, "/v1/videos/ready")[0] == expected:
                    return time.monotonic() - begun
            time.sleep(0.001)
        raise RuntimeError(f"no answer within {limit} s: {self.last_words()}")


def pinned(command: list[str], core: int | None) -> list[str]:
    """The command, held to one core."""
    return command if core is None else ["taskset", "--cpu-list", str(core), *command]


def get(port: int, path: str, timeout: float = 30) -> tuple[int, bytes]:
    """Status and body of an answer to a GET; the connection is closed after it."""
    head = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer sk-test\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(head.encode())
        said = b""
        while came := connection.recv(65536):
            said += came
    if not said.startswith(b"HTTP/1.1 "):
        raise OSError("not an answer")
    return int(said[9:12]), said.partition(b"\r\n\r\n")[2]


def get_json(port: int, path: str) -> dict:
    """The JSON of an answer to a GET."""
    return json.loads(get(port, path)[1])


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def allow_many_files() -> int:
    """As many open files as this user may have, for us and all that we start; how many that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
