"""A video server that accepts every create, bills it, and loses the answer in the way the prompt asks for.

Raw sockets: no HTTP library would send what this one has to. `GET /jobs` tells how many jobs were started, by
prompt. Standalone, so that any SDK's tests can start it: it prints its address and its ways, and ends with its input.
"""

import json
import re
import socket
import struct
import sys
import threading
import time

JOB = json.dumps({"id": "video_1", "object": "video", "status": "queued", "model": "sora-2", "seconds": "4"}).encode()
LENGTH = b"content-length: %d" % len(JOB)
CHUNKED = b"transfer-encoding: chunked"
CHUNK = b"%x\r\n%s\r\n" % (len(JOB), JOB)


def headed(*lines, body=b"", status=b"HTTP/1.1 200 OK"):
    return b"\r\n".join([status, b"content-type: application/json", *lines, b"", b""]) + body


def failed(code, *lines):
    body = b'{"error":{"message":"Oh","type":"server_error","param":null,"code":null}}'
    return headed(b"content-length: %d" % len(body), *lines, body=body, status=b"HTTP/1.1 %d Oh" % code)


WHOLE = headed(LENGTH, body=JOB)
GAVE_UP = b'{"error":{"message":"context deadline exceeded","type":"new_api_error","code":"do_request_failed"}}'

# What is sent once the job runs, before the connection is closed in good order: nobody can make an answer of it.
LOST = {
    # It ends too early.
    "nothing at all": b"",
    "a byte": b"H",
    "half a status line": b"HTTP/1.1 20",
    "a status line and no more": b"HTTP/1.1 200 OK\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "a hint and no more": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
    "a head without its body": headed(LENGTH),
    "half a body": headed(LENGTH, body=JOB[:20]),
    "a body short of a byte": headed(LENGTH, body=JOB[:-1]),
    "a chunk's length": headed(CHUNKED, body=b"%x\r\n" % len(JOB)),
    "half a chunk": headed(CHUNKED, body=CHUNK[:20]),
    "chunks without an end": headed(CHUNKED, body=CHUNK),
    "half an end of chunks": headed(CHUNKED, body=CHUNK + b"0\r\n"),
    "half a 500": failed(500)[:-10],
    # It is no HTTP.
    "another program": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no head": JOB,
    "zeros": bytes(100),
    "HTTP/2": b"\0\0\0\4\0\0\0\0\0",
    "TLS": b"\x15\x03\x03\0\2\2\x28",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: foo\r\nconnection: upgrade\r\n\r\n" + JOB,
    # Its head cannot be read, or in two ways.
    "a broken header": headed(b"content length: 3", LENGTH, body=JOB),
    "a status of two digits": b"HTTP/1.1 20 OK\r\n" + LENGTH + b"\r\n\r\n" + JOB,
    "two lengths": headed(b"content-length: 3", LENGTH, body=JOB),
    "a length below zero": headed(b"content-length: -1", body=JOB),
    "a length beyond numbers": headed(b"content-length: 99999999999999999999", body=JOB),
    "a length in words": headed(b"content-length: many", body=JOB),
    "chunks beyond numbers": headed(CHUNKED, body=b"f" * 20 + b"\r\n" + JOB),
    "chunks in words": headed(CHUNKED, body=b"many\r\n" + JOB),
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"x-more: %s\r\n" % (b"x" * 1000) * 1000,
    "endless headers": headed(*[b"x-more: x"] * 1000, LENGTH, body=JOB),
    "endless hints": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000,
    # It says that something went wrong, and not what became of the job.
    "another address": headed(b"location: /v1/videos", b"content-length: 0", status=b"HTTP/1.1 307 Elsewhere"),
    **{f"a {code}": failed(code) for code in (408, 500, 501, 502, 504, 520, 522, 524, 599)},
    "a 500 that invites a repeat": failed(500, b"x-should-retry: true"),
    "a 502 that says when": failed(502, b"retry-after: 1", b"retry-after-ms: 1"),
    "a page instead": headed(b"content-length: 6", body=b"<html>", status=b"HTTP/1.1 504 Gateway Timeout"),
    # Its status is a success, and its body names no job.
    "nothing, and it says so": headed(b"content-length: 0"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a page": b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
    "half a job of the right length": headed(b"content-length: 20", body=JOB[:20]),
    "half a job of no length": headed(b"connection: close", body=JOB[:20]),
    "half a job as of old": headed(body=JOB[:20], status=b"HTTP/1.0 200 OK"),
    "a job without an id": headed(b"content-length: 2", body=b"{}"),
    "rubbish that says it is zipped": headed(b"content-encoding: gzip", b"content-length: 4", body=b"\1\2\3\4"),
    "a time-out under 200": headed(b"content-length: %d" % len(GAVE_UP), body=GAVE_UP),
}

# What becomes of the answer where sending some bytes is not all of it.
DONE = [
    "a reset",
    "a reset amid the head",
    "a reset amid the body",
    "silence",
    "silence amid the body",
    "silence, half closed",
    "a head that drips",
    "a body that drips",
]

# The job runs before the upload has ended.
AMID_THE_UPLOAD = ["a close amid the upload", "a 500 amid the upload", "silence amid the upload"]

# What can be made an answer of, if not of use to anybody: whether an SDK takes it is up to the SDK.
ODD = {
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "a length and chunks": headed(CHUNKED, LENGTH, body=CHUNK + b"0\r\n\r\n"),
    "more than it announced": headed(LENGTH, body=JOB + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
}

SENT = LOST | ODD
WAYS = [*LOST, *DONE]
IDLE = 30  # seconds; longer than anybody waits here


class Server:
    def __init__(self):
        self.jobs = {}
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                self.converse(connection)
            except OSError:
                pass  # The other side has had enough.

    def converse(self, connection):
        head, body = read(connection)
        if head.startswith(b"GET /jobs"):
            text = json.dumps(self.told()).encode()
            connection.sendall(headed(b"content-length: %d" % len(text), b"connection: close", body=text))
            return
        way = way_in(body)
        with self.lock:
            self.jobs[way] = self.jobs.get(way, 0) + 1
        answer(connection, way)

    def told(self):
        """Jobs started, by the way their answers were lost."""
        with self.lock:
            return dict(self.jobs)


def way_in(body):
    """What the prompt asks for in angle brackets: a way of losing the answer, or `0.5 s` for a late one."""
    found = re.search(rb"<([^<>]+)>", body)
    return found.group(1).decode() if found else "at once"


def answer(connection, way):
    if way in SENT:
        connection.sendall(SENT[way])
    elif way in AMID_THE_UPLOAD:
        connection.sendall(failed(500) if "500" in way else b"")
        time.sleep(IDLE if "silence" in way else 0)
    elif way in DONE:
        lose(connection, way)
    else:
        late = re.fullmatch(r"([\d.]+) s", way)
        time.sleep(float(late.group(1)) if late else 0)
        connection.sendall(WHOLE)


def lose(connection, way):
    head = len(WHOLE) - len(JOB)
    if way.startswith("a reset"):
        part = {"a reset": 0, "a reset amid the head": 30, "a reset amid the body": head + 20}[way]
        connection.sendall(WHOLE[:part])
        time.sleep(0.05 if part else 0)
        # Closed with nothing to wait for: the other side gets a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif way.startswith("silence"):
        connection.sendall(WHOLE[: head + 20] if way == "silence amid the body" else b"")
        if way == "silence, half closed":
            connection.shutdown(socket.SHUT_WR)
        time.sleep(IDLE)
    else:
        start = 0 if way == "a head that drips" else head
        connection.sendall(WHOLE[:start])
        for byte in WHOLE[start:]:
            connection.sendall(bytes([byte]))
            time.sleep(0.2)


def read(connection):
    """One request: a head, and a body of a length or in chunks, or as much of it as the way it asks for needs."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += more(connection)
    head, body = data.split(b"\r\n\r\n", 1)
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])

    def ends():
        if b"transfer-encoding" in headers:
            return body.endswith(b"0\r\n\r\n")
        return len(body) >= int(headers.get(b"content-length", 0))

    while not ends() and way_in(body) not in AMID_THE_UPLOAD:
        body += more(connection)
    return head, body


def more(connection):
    data = connection.recv(1 << 16)
    if not data:
        raise ConnectionError
    return data


if __name__ == "__main__":
    ways = {"ways": WAYS, "amid_the_upload": AMID_THE_UPLOAD, "odd": list(ODD)}
    print(json.dumps({"address": Server().address, **ways}), flush=True)
    sys.stdin.read()
