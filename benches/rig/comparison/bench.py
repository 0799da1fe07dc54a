"""A bench: the upstream, the peers in front of it, and the drivers that ask them."""

import json
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from comparison import machine, peers
from comparison.paths import LOAD, REELGATE, RIG, STUB, WORK
from comparison.peers import Layout, Peer
from comparison.programs import Program, free_port, get_json, pinned
from comparison.requests import Request, written

# One sample of one peer: what a driver said, and what it took.
Sample = dict


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 9
    seconds: int = 3
    # How long a slice waits for a quiet machine, in seconds.
    patience: float = 10
    quick: bool = False

    def scaled(self, full: int, quick: int) -> int:
        """A number of something, or fewer of it for a quick look."""
        return quick if self.quick else full


class Bench:
    """Starts programs, and ends all of them when it is left."""

    def __init__(self, name: str, plan: Plan, layout: Layout, create_delay_ms: int = 0):
        """Starts the upstream, in a folder of this name that was not there before."""
        self.plan, self.layout = plan, layout
        self.folder = WORK / "run" / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.peers: dict[str, Peer] = {}
        self.drivers: list[subprocess.Popen[str]] = []
        self.port = free_port()
        stub = [str(STUB), str(self.port), str(create_delay_ms)]
        self.stub = Program(stub, self.folder / "stub", layout.load_core)

    def __enter__(self) -> "Bench":
        """Waits for the upstream."""
        try:
            self.stub.wait_for_answer(self.port, 10)
        except BaseException:
            self.stub.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        """Ends everything and forgets its files."""
        for driver in self.drivers:
            driver.kill()
        for peer in self.peers.values():
            peer.stop()
        self.stub.stop()
        # Ledgers and logs are of no use once they are measured.
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(
        self,
        name: str,
        settings: str | None = None,
        called: str = "",
        within: float = 20,
        expected: int = 200,
        program: Path = REELGATE,
    ) -> Peer:
        """Starts a peer and waits for its first answer; `called` tells several of a kind apart."""
        called = called or name
        if name == peers.DIRECT:
            peer = Peer(name, self.port)
        else:
            peer = peers.start(name, self.port, self.layout, self.folder / called, settings, program)
            # Before it answers, so that it is ended if it never does.
            self.peers[called] = peer
            peer.wait_for_answer(within, expected)
        self.peers[called] = peer
        return peer

    def stats(self) -> dict[str, int]:
        """What the upstream has counted."""
        return get_json(self.port, "/stats")

    # --- drivers --------------------------------------------------------------------------------------------------

    def saturate(self, peer: Peer, request: Request, seconds: int, connections: int = 64) -> Sample:
        """As many requests as go over so many connections (wrk)."""
        command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
        command += ["--timeout", "20s", "--script", str(RIG / "request.lua"), f"http://127.0.0.1:{peer.port}/"]
        file = written(request, peer.port, self.folder)
        sample = self.measured(peer, lambda: self.run(command, seconds + 60, RIG_REQUEST=str(file)))
        answered = max(sample["requests"], 1)
        sample["rps"] = sample["requests"] / sample["seconds"]
        sample["cpu_100k"] = sample["cpu"] / answered * 1e5
        return sample

    def load(self, peer: Peer, mode: str, request: Request, **numbers: int) -> Sample:
        """What only the rig's own driver does: rate, bulk, idle, slow."""
        return self.measured(peer, lambda: self.run(self.load_command(peer, mode, request, **numbers), 660))

    def held(self, peer: Peer, mode: str, request: Request, **numbers: int) -> subprocess.Popen:
        """The same, beside something else. Returns once all connections stand."""
        command = pinned(self.load_command(peer, mode, request, **numbers), self.layout.load_core)
        driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.drivers.append(driver)
        if not driver.stdout or driver.stdout.readline().strip() != "held":
            driver.kill()
            raise RuntimeError(f"connections did not stand: {driver.communicate()[1][-500:]}")
        return driver

    def load_command(self, peer: Peer, mode: str, request: Request, **numbers: int) -> list[str]:
        """The command line of the rig's own driver."""
        file = written(request, peer.port, self.folder / mode)
        if request.filler_mib:
            numbers["mib"] = request.filler_mib
        named = [word for name, number in numbers.items() for word in (f"--{name}", str(number))]
        return [str(LOAD), mode, str(peer.port), str(file), *named]

    def run(self, command: list[str], limit: float, **variables: str) -> Sample:
        """Runs a driver; the JSON that it says last."""
        done = subprocess.run(
            pinned(command, self.layout.load_core),
            env=machine.environment(**variables),
            capture_output=True,
            text=True,
            timeout=limit,
        )
        found = re.findall(r"^(?:RESULT )?(\{.*\})$", done.stdout, re.M)
        if not found:
            raise RuntimeError(f"{command[0]} said nothing: {(done.stdout + done.stderr)[-500:]}")
        return json.loads(found[-1])

    def measured(self, peer: Peer, drive: Callable[[], Sample]) -> Sample:
        """A sample with what the proxy used of the processor, and what strangers did meanwhile."""
        machine.wait_for_quiet(self.plan.patience)
        proxy = peer.program
        begun, busy, known = time.monotonic(), machine.busy_seconds(), self.known_seconds()
        used = machine.processor_seconds(proxy.pid) if proxy else 0
        sample = drive()
        sample["cpu"] = machine.processor_seconds(proxy.pid) - used if proxy else 0
        known, busy = self.known_seconds() - known, machine.busy_seconds() - busy
        sample["foreign"] = max(0.0, busy - known) / (time.monotonic() - begun)
        if proxy:
            proxy.forget_output()
        return sample

    def known_seconds(self) -> float:
        """What upstream, peers, drivers and this program have used of the processor."""
        programs = [self.stub, *(peer.program for peer in self.peers.values() if peer.program)]
        running = [driver.pid for driver in self.drivers] + [program.pid for program in programs]
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = ended.ru_utime + ended.ru_stime + time.process_time()
        return spent + sum(machine.processor_seconds(pid) for pid in running)


def rotated(names: list[str], rounds: int, measure: Callable[[str], Sample]) -> dict[str, list[Sample]]:
    """A sample of each in every round. Each round begins with another, so that no order favours anybody."""
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(measure(name))
    return samples
