"""Whatever the gateway accepts, every server reads as the gateway judged it.

Recorded requests are changed at random (mutate.py) and sent through the built gateway. Of each that it accepts, what it
wrote upstream is read by the parsers of real servers (readers.py, readers.mjs, readers.go), field by field:

* all of them read the same fields, with the same values and the same bytes of files;
* model, seconds and size are those that the ledger has, which were judged and charged; none is absent;
* where only the spelling was changed, every field is the one that the client meant.

    fuzz.py --accepted 10000 [--seed 7]
"""

import argparse
import asyncio
import collections
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mutate import Mutator

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "sdk/python"))
from reelgate import BINARY, Gateway, environment  # noqa: E402

ROUND = 10_000  # accepted bodies of one gateway
CLIENTS = 32
SHOWN = 5  # disagreements, before the run ends
READERS = {
    "python": [sys.executable, FOLDER / "readers.py"],
    "node": [os.environ.get("NODE", "node"), FOLDER / "readers.mjs"],
    "go": [os.environ["REELGATE_GO_READERS"]],
}
CONFIG = """
presets = ["openai"]
[shared]
seconds_json = "lenient"
allowed_parameters = ["seed", "negative_prompt", "metadata"]
[models.sora-2]
server_defaults = {}
[models.sora-2-pro]
server_defaults = {}
[ledger]
sync = "normal"
[upstreams.main]
base_url = "URL"
forward_headers = ["x-case"]
breaker.consecutive = 0
breaker.ratio = 0
"""


class Upstream(asyncio.Protocol):
    """Accepts every call, and keeps what it was sent by the number in x-case."""

    def __init__(self, seen):
        self.seen, self.rest = seen, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.rest += data
        while (end := self.rest.find(b"\r\n\r\n")) >= 0:
            head = self.rest[:end].decode()
            length = int(re.search(r"(?mi)^content-length: (\d+)\r?$", head).group(1))
            if len(self.rest) < end + 4 + length:
                return
            body, self.rest = self.rest[end + 4 :][:length], self.rest[end + 4 + length :]
            case = re.search(r"(?mi)^x-case: (\d+)\r?$", head).group(1)
            content_type = re.search(r"(?mi)^content-type: ([^\r\n]*)", head).group(1)
            assert int(case) not in self.seen, "sent twice"
            self.seen[int(case)] = (content_type, body)
            answer = json.dumps({"id": f"video_{case}", "object": "video", "status": "queued"}).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(answer)}\r\n\r\n"
            self.transport.write(head.encode() + answer)


class Client:
    """One connection to the gateway."""

    def __init__(self, address):
        self.address, self.streams = address, None

    async def ask(self, case, body):
        """The status of the answer and its body."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(*self.address)
        reader, writer = self.streams
        content_type = body.content_type.encode("utf-8", "surrogateescape").decode("latin-1")
        head = f"POST {body.path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer sk-test\r\nx-case: {case}\r\n"
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body.bytes)}\r\n\r\n"
        writer.write(head.encode("latin-1") + body.bytes)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        answer = await reader.readexactly(int(re.search(r"(?mi)^content-length: (\d+)", head).group(1)))
        if "connection: close" in head.lower():
            writer.close()
            self.streams = None
        return int(head.split(" ", 2)[1]), answer


async def send(mutator, address, seen, wanted, outcomes):
    """Sends bodies until so many have been accepted; those, by their number."""
    sent, numbers = {}, iter(range(10**9))

    async def worker():
        client = Client(address)
        while len(seen) < wanted:
            case, body = next(numbers), mutator.body()
            status, answer = await client.ask(case, body)
            if status == 200:
                sent[case] = body
                outcomes["accepted"] += 1
                continue
            error = json.loads(answer)["error"]
            assert 400 <= status < 500, (status, error, body)
            assert case not in seen, f"answered {status}, and sent upstream: {body}"
            outcomes[f"{status} {error['code'] or re.sub(r'[0-9]+', 'N', error['message'])[:90]}"] += 1

    await asyncio.gather(*(worker() for _ in range(CLIENTS)))
    return sent


def read(written):
    """What each reader reads in these bodies, by the number of the body and the name of the reader."""
    packed = b"".join(
        struct.pack(">I", len(content_type)) + content_type.encode() + struct.pack(">I", len(body)) + body
        for content_type, body in written.values()
    )
    with tempfile.TemporaryFile() as batch:
        batch.write(packed)
        running = []
        for command in READERS.values():
            # Its place in the file is its own.
            again = os.open(f"/proc/self/fd/{batch.fileno()}", os.O_RDONLY)
            batch.flush()
            output = tempfile.TemporaryFile()
            running.append((subprocess.Popen([*map(str, command)], stdin=again, stdout=output), output, again))
        found = {case: {} for case in written}
        for process, output, again in running:
            assert process.wait(3600) == 0, process.args
            os.close(again)
            output.seek(0)
            for case, line in zip(written, output, strict=True):
                found[case] |= json.loads(line)
    return found


def fields(read):
    """The fields of a form, one spelling for the items of an array; or a JSON object."""
    if isinstance(read, list):
        return sorted((re.sub(r"\[\d*\]", "[]", name), kind, value) for name, kind, value in read)
    return read


# The members that a server written in Go looks for, if the client sent nothing of the name.
ABSENT = dict.fromkeys(["model", "prompt", "seconds", "size", "seed", "name", "input_reference", "video"])


def disagreement(reads, judged, body):
    """Why these reads are not all as they must be, if they are not."""
    is_form = "starlette" in reads
    edit = reads.pop("go edit", None)
    go = reads.pop("go struct", None)
    values = {name: fields(read) for name, read in reads.items()}
    first = values["starlette" if is_form else "json"]
    for name, value in values.items():
        if value != first:
            return f"{name} reads otherwise than {'starlette' if is_form else 'json'}"
    found = {name: (kind, value) for name, kind, value in first} if is_form else first
    if go is not None:
        if go != {name: first.get(name) for name in ABSENT}:
            return "Go reads otherwise"
        if isinstance(first.get("video"), dict) and edit != {"video": {"id": first["video"].get("id")}}:
            return "Go reads another id"
    for name in ("model", "seconds", "size"):
        value = found.get(name)
        value = value[1] if is_form and value else value
        if body.path == "/v1/videos" and str(value) != str(judged[name]):
            return f"{name} is not {judged[name]}, as it was judged"
    if body.meant is None:
        return None
    if not is_form:
        changed = {name: value for name, value in first.items() if body.meant.get(name, value) != value}
        changed.pop("seconds", None)  # an integer is written as a text
        return f"not what the client meant: {changed}" if changed or set(body.meant) - set(first) else None
    for name, content in body.meant.items():
        kind, value = found.get(re.sub(r"\[\d*\]", "[]", name), (None, None))
        if value != (content.decode() if kind == "text" else hashlib.sha1(content).hexdigest()):
            return f"{name} is not what the client meant"
    return None


def one_round(seed, wanted, outcomes):
    """Tries so many bodies, and returns what is wrong."""
    with tempfile.TemporaryDirectory(prefix="reelgate-") as folder:
        config, seen = Path(folder) / "reelgate.toml", {}

        async def through():
            server = await asyncio.get_running_loop().create_server(lambda: Upstream(seen), "127.0.0.1", 0)
            config.write_text(CONFIG.replace("URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"))
            with Gateway(config, folder=folder) as gateway:
                host, port = gateway.origin.removeprefix("http://").split(":")
                return await send(Mutator(seed), (host, int(port)), seen, wanted, outcomes)

        sent = asyncio.run(through())
        listed = [BINARY, "ledger", "list", "--config", config, "--limit", "0", "--format", "json"]
        listed = subprocess.run(listed, capture_output=True, check=True, cwd=folder, env=environment({}))
        calls = {call["job_id"]: call for call in map(json.loads, listed.stdout.splitlines())}
    wrong = []
    for case, reads in read({case: seen[case] for case in sent}).items():
        why = disagreement(dict(reads), calls[f"video_{case}"], sent[case])
        if why:
            wrong.append(f"seed {seed}: {why}\n  sent {sent[case]}\n  written {seen[case]}\n  read {reads}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accepted", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first 10,000; the next have the next")
    arguments = parser.parse_args()
    outcomes, done, seed, began = collections.Counter(), 0, arguments.seed, time.monotonic()
    while done < arguments.accepted:
        wanted = min(ROUND, arguments.accepted - done)
        print(f"seed {seed}: {wanted} bodies", flush=True)
        wrong = one_round(seed, wanted, outcomes)
        if wrong:
            print(*wrong[:SHOWN], sep="\n\n")
            sys.exit(f"{len(wrong)} of {wanted} bodies are not read as they were judged")
        done, seed = done + wanted, seed + 1
    for outcome, count in outcomes.most_common():
        print(f"{count:8}  {outcome}")
    print(f"{done} accepted bodies read alike, and as they were judged, in {time.monotonic() - began:.0f} s")


main()
