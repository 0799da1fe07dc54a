#!/usr/bin/env python3
"""Instructions per request of a real `reelgate serve`, counted by valgrind's callgrind.

Clocks are noisy and instructions are not: two builds can be compared on a busy machine. One gateway with one worker and
everything on runs under callgrind, between an upstream and clients that live in this script and are not counted. A
scenario is warmed up, then counted for so many requests. Needs valgrind, and a binary with names in it:

    CARGO_PROFILE_RELEASE_DEBUG=1 CARGO_PROFILE_RELEASE_STRIP=none cargo build --release
    benches/instructions/count.py target/release/reelgate
    benches/instructions/count.py target/release/reelgate poll create-form --shares
    benches/instructions/count.py target/release/reelgate poll --missed
    benches/instructions/count.py target/release/reelgate poll-own --keys
"""

import argparse
import collections
import hashlib
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
CAPTURES = HERE.parent.parent / "tests" / "data" / "captures"
CONNECTIONS = 8
WARM_UP = 200

CONFIG = """
presets = ["seed"]
[server]
listen = "127.0.0.1:{port}"
admin_listen = "127.0.0.1:0"
workers = 1
log_format = "json"
[ledger]
path = "{directory}/ledger.db"
[quota]
submit = {{ rate = "1000000/s", burst = 1000000 }}
fetch = {{ rate = "1000000/s", burst = 1000000 }}
other = {{ rate = "1000000/s", burst = 1000000 }}
[upstreams.main]
base_url = "http://127.0.0.1:{upstream}/v1"
[upstreams.main.quota]
submit = {{ rate = "1000000/s", burst = 1000000 }}
fetch = {{ rate = "1000000/s", burst = 1000000 }}
"""

# Clients have keys of the gateway's: the captures' own. They poll what they have ordered.
KEYS = """
[auth]
mode = "keys"
[auth.keys.captures]
sha256 = "{}"
[upstreams.main.credential]
env = "UPSTREAM_KEY"
""".format(hashlib.sha256(b"sk-test").hexdigest())

# === What is asked ===


def captured(name):
    """A request as an SDK sends it."""
    return (CAPTURES / f"{name}.http").read_bytes()


def post(path, body):
    """A JSON request with the headers of OpenAI's Python SDK."""
    text = json.dumps(body, separators=(",", ":")).encode()
    head = captured("py-retrieve").split(b"\r\n", 1)[1].rstrip(b"\r\n")
    length = f"Content-Type: application/json\r\nContent-Length: {len(text)}".encode()
    return f"POST {path} HTTP/1.1\r\n".encode() + head + b"\r\n" + length + b"\r\n\r\n" + text


def create(seconds):
    return {"model": "sora-2", "prompt": "a cat on a skateboard", "seconds": seconds, "size": "1280x720"}


CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "a cat on a skateboard"}]}

# What it is called, the request, and the status it is answered with.
SCENARIOS = {
    "poll": (captured("py-retrieve"), 200),
    "poll-own": (captured("py-retrieve"), 200),
    "other": (post("/v1/chat/completions", CHAT), 200),
    "create-json": (post("/v1/videos", create("8")), 200),
    "create-form": (captured("py-create-int"), 200),
    "reject": (post("/v1/videos", create("7")), 400),
}

# === Both ends ===


def message(stream):
    """Reads one message: its first line, or None at the end."""
    first = stream.readline()
    if not first:
        return None
    length = 0
    for line in iter(stream.readline, b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)
    return first


IDS = itertools.count()


def answer():
    video = {
        "id": f"video_{next(IDS):048x}", "object": "video", "created_at": 1758941485, "completed_at": None,
        "expires_at": None, "status": "queued", "model": "sora-2", "progress": 0, "seconds": "8",
        "size": "1280x720", "prompt": "a cat on a skateboard", "remixed_from_video_id": None, "error": None,
    }
    body = json.dumps(video).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_0123456789abcdef\r\n"
    date = "date: Sun, 22 Nov 2026 12:00:00 GMT\r\nopenai-version: 2020-10-01\r\nopenai-processing-ms: 17\r\n"
    return f"{head}{date}Content-Length: {len(body)}\r\n\r\n".encode() + body


def serve(listener):
    """The upstream: a thread a connection, and the same kind of answer to everything."""

    def talk(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as stream:
            try:
                while message(stream):
                    connection.sendall(answer())
            except OSError:
                pass

    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


PROMPTS = itertools.count()


class Clients:
    """Connections that each ask once in a round."""

    def __init__(self, port):
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for each in self.sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.streams = [each.makefile("rb") for each in self.sockets]

    def order(self):
        """Orders a video; yields its id."""
        self.sockets[0].sendall(SCENARIOS["create-json"][0])
        body = b""
        while b"}" not in body:
            body += self.streams[0].read1()
        return json.loads(body[body.index(b"{") :])["id"]

    def ask(self, request, expected, rounds):
        for _ in range(rounds):
            for each in self.sockets:
                # No two are the same: the ledger has more to do with those that are.
                each.sendall(request.replace(b"a cat", b"%05d" % next(PROMPTS)))
            for stream in self.streams:
                first = message(stream)
                assert first and int(first.split()[1]) == expected, first


# === The gateway ===

# Of one core of a server: what is at hand of code and of data, and what is near.
CACHES = ["--cache-sim=yes", "--I1=32768,8,64", "--D1=49152,12,64", "--LL=2097152,16,64"]


class Counted:
    """A gateway under callgrind."""

    def __init__(self, binary, directory, extra, caches=()):
        self.directory = directory
        self.upstream = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(self.upstream,), daemon=True).start()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        config = CONFIG.format(port=self.port, upstream=self.upstream.getsockname()[1], directory=directory)
        (directory / "gateway.toml").write_text(config + extra)
        command = [
            "valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-callers=0", *caches,
            f"--callgrind-out-file={directory}/out", binary, "serve", "--config", directory / "gateway.toml",
        ]
        with open(directory / "log", "wb") as log:
            environment = os.environ | {"UPSTREAM_KEY": "sk-upstream"}
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, cwd=directory, env=environment
            )
        self.wait()
        self.control("-i", "on")

    def wait(self):
        for _ in range(600):
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit((self.directory / "log").read_text()) from None
                time.sleep(0.1)
        raise SystemExit("the gateway does not start")

    def control(self, *what):
        command = ["callgrind_control", *what, str(self.process.pid)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def count(self, name, requests):
        """Runs a scenario; yields the file of its counts."""
        request, expected = SCENARIOS[name]
        clients = Clients(self.port)
        if name == "poll-own":
            request = request.replace(b"video_123", clients.order().encode())
        clients.ask(request, expected, WARM_UP // CONNECTIONS)
        before = set(self.directory.glob("out.*"))
        self.control("-z")
        clients.ask(request, expected, requests // CONNECTIONS)
        self.control("-d")
        (counts,) = set(self.directory.glob("out.*")) - before
        return counts

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.upstream.close()


# === What is told ===


class Counts:
    """What a file of callgrind's says, with what was inlined counted by its own file, and by the function it is in."""

    def __init__(self, path):
        self.files = collections.Counter()
        self.functions = collections.Counter()
        self.inclusive = collections.Counter()
        self.allocating = collections.Counter()
        self.columns = {}
        names, file, function, called = {}, "", "", None
        for line in path.read_text().splitlines():
            if found := re.match(r"(c?)(fl|fi|fe|fn)=\((\d+)\)(?: (.*))?$", line):
                call, kind, number, name = found.groups()
                key = (kind == "fn", number)
                name = names.setdefault(key, name)
                if call:
                    called = name if kind == "fn" else called
                elif kind == "fn":
                    function = name
                else:
                    file = name
            elif found := re.match(r"calls=(\d+)", line):
                calls = int(found[1])
            elif found := re.match(r"(?:events|totals): (.*)", line):
                self.columns[line[:6]] = found[1].split()
            elif found := re.match(r"[+\-*\d]\S* (\d+)(?: [\d ]+)?$", line):
                cost = int(found[1])
                self.inclusive[function] += cost
                if called:
                    self.allocating[function] += calls if called in ("malloc", "calloc", "realloc") else 0
                    called = None
                else:
                    self.files[file] += cost
                    self.functions[function] += cost
        self.total = self.functions.total()

    def missed(self):
        """Lines of 64 bytes that were not at hand: of code, and of data."""
        of = dict(zip(self.columns["events"], map(int, self.columns["totals"]), strict=True))
        return of["I1mr"], of["D1mr"] + of["D1mw"]


def crate(file):
    """Whose a source file is."""
    for pattern in (r"/registry/src/[^/]+/([^/]+)-\d", r"/library/(\w+)/", r"(sqlite3)\.c"):
        if found := re.search(pattern, file):
            return found[1]
    if found := re.match(r"(?:.*/)?src/(.*)", file):
        return f"reelgate {found[1]}"
    return "libc" if re.match(r"\./|.*sysdeps", file) else file


def shares(counts, requests, top):
    """Who takes most."""
    crates = collections.Counter()
    for file, cost in counts.files.items():
        crates[crate(file)] += cost
    tables = {
        "by source, wherever it was inlined": crates,
        "by function, with what was inlined into it": counts.functions,
        "by function, with what it calls": counts.inclusive,
        "allocations, by function": counts.allocating,
    }
    for title, table in tables.items():
        print(f"  {title}:")
        for name, cost in table.most_common(top):
            print(f"    {cost / requests:11,.1f}  {name[:170]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("scenario", nargs="*", help=f"of {', '.join(SCENARIOS)}; by default all")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--shares", type=int, nargs="?", const=40, help="also tell who takes most: so many of each")
    parser.add_argument("--missed", action="store_true", help="also tell how much was not in the caches nearest by")
    parser.add_argument("--keep", type=pathlib.Path, help="where callgrind's files go, for kcachegrind")
    parser.add_argument("--keys", action="store_true", help="clients have keys of the gateway's")
    parser.add_argument("--extra", default="", help="more configuration, in TOML")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = asked.keep or pathlib.Path(temporary)
        directory.mkdir(exist_ok=True)
        extra = (KEYS if asked.keys else "") + asked.extra
        gateway = Counted(asked.binary.resolve(), directory, extra, CACHES if asked.missed else ())
        try:
            for name in asked.scenario or SCENARIOS:
                counts = gateway.count(name, asked.requests)
                if asked.keep:
                    counts = counts.rename(directory / f"callgrind.out.{name}")
                counts = Counts(counts)
                print(f"{name}: {counts.total / asked.requests:,.0f} instructions a request", flush=True)
                if asked.missed:
                    code, data = (lines / asked.requests for lines in counts.missed())
                    print(f"  not at hand: {code:,.0f} lines of code, {data:,.0f} of data; 64 bytes each")
                if asked.shares:
                    shares(counts, asked.requests, asked.shares)
        finally:
            gateway.stop()


if __name__ == "__main__":
    main()
