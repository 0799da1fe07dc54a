"""Processes of the built binary: start them, talk to them, end them."""

import collections
import json
import os
import queue
import re
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
BINARY = os.environ.get("REELGATE_BIN", str(REPOSITORY / "target/debug/reelgate"))
PATIENCE = 20  # seconds; for what takes milliseconds on a machine that is not busy
ANY_PORT = "127.0.0.1:0"
KEY = "sk-test-0123456789abcdef"


def configured_for(upstream, more=""):
    """The configuration most tests use; `more` are keys of its upstream."""
    text = (REPOSITORY / "tests/sdk/gateway.toml").read_text()
    return text.replace('"UPSTREAM"', f'"{upstream}"') + more


def environment(extra):
    """What the shell of whoever runs the tests has set for Reelgate must not reach the process."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REELGATE_")} | extra


class Process:
    """A running `reelgate`, or another program, known to be up once `says` has yielded the line it was asked for.

    It works in a folder of its own, where a gateway puts its ledger; the folder ends with the process, unless it is
    the caller's.
    """

    def __init__(self, *arguments, program=BINARY, folder=None, **variables):
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="reelgate-")
        self.folder = folder or self._own.name
        self.child = subprocess.Popen(
            [program, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=environment(variables),
        )
        self.output = collections.deque(maxlen=2000)
        self._lines = queue.Queue()
        # Reads to the end, or a process that says much would come to wait for us.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.output.append(line)
            self._lines.put(line)
        self._lines.put(None)

    def says(self, pattern):
        """The match of the first line from here on that has one."""
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"ended without saying {pattern}:\n{''.join(self.output)}")

    def stop(self):
        """Ends the process as an operator would, and returns its exit code."""
        if self.child.poll() is None:
            self.child.terminate()
        try:
            code = self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise
        self._reader.join(PATIENCE)
        self.child.stdout.close()
        if self._own:
            self._own.cleanup()
        return code

    def kill(self):
        """Ends the process as a crash would, and leaves its folder."""
        self.child.kill()
        self.child.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.child.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        code, output = self.stop(), "".join(self.output)
        assert code == 0, f"ended with {code}:\n{output}"
        assert "panicked" not in output, output


class Sandbox(Process):
    """A simulated video server that needs milliseconds for a film."""

    def __init__(self, *arguments, queue_time="20ms"):
        pace = ("--queue-time", queue_time, "--time-per-second", "5ms")
        super().__init__("sandbox", "--listen", ANY_PORT, *pace, *arguments)
        self.origin = self.says(r"http://[\d.:]+").group()
        self.url = f"{self.origin}/v1"

    def jobs_started(self):
        """Jobs ever started, each of which would have been paid for."""
        return self._ask("GET", "/sandbox/jobs")["created"]

    def requests(self):
        """What was asked of it, oldest first."""
        return self._ask("GET", "/sandbox/requests")["requests"]

    def await_request(self, method):
        """Returns once it was asked something by this method."""
        deadline = time.monotonic() + PATIENCE
        while not any(request["method"] == method for request in self.requests()):
            assert time.monotonic() < deadline, f"no {method} came"

    def play(self, on, *faults):
        """Plays these faults to the next requests like `on`."""
        self._ask("POST", "/sandbox/faults", {"on": on, "script": faults})

    def end(self, job, status):
        """Ends a job before its time."""
        self._ask("POST", f"/sandbox/jobs/{job}", {"status": status})

    def forget(self):
        """Forgets jobs, requests and faults."""
        for what in ("jobs", "requests", "faults"):
            self._ask("DELETE", f"/sandbox/{what}")

    def _ask(self, method, path, body=None):
        body = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.origin + path, data=body, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None


class Gateway(Process):
    """A gateway with a configuration of its own."""

    def __init__(self, config, listen=ANY_PORT, **more):
        self.config = config
        super().__init__("serve", "--config", config, "--listen", listen, "--admin-listen", ANY_PORT, **more)
        listening = json.loads(self.says(r"^\{.*is listening.*").group())
        self.origin = f"http://{listening['address']}"
        self.admin = listening["admin"]
        self.url = f"{self.origin}/v1"

    def metric(self, line):
        """The value of a metric, by its name and labels as they are written; 0 if it is not there yet."""
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=PATIENCE) as answer:
            lines = answer.read().decode().splitlines()
        return next((float(found.rpartition(" ")[2]) for found in lines if found.startswith(line + " ")), 0.0)


def run(*arguments, folder=None, **variables):
    """Runs a command to its end, in a folder of its own unless it is to be this one."""
    with tempfile.TemporaryDirectory(prefix="reelgate-") as own:
        return subprocess.run(
            [BINARY, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=folder or own,
            env=environment(variables),
        )
