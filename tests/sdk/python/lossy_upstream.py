"""A video server that accepts every create, bills it, and loses the answer in the way the prompt asks for.

Raw sockets: no HTTP library would send what this one has to. `GET /jobs` tells how many jobs were started, by
prompt. Standalone, so that any SDK's tests can start it: it prints its address, and ends with its input.
"""

import json
import socket
import struct
import sys
import threading
import time

JOB = json.dumps({"id": "video_1", "object": "video", "status": "queued", "model": "sora-2", "seconds": "4"}).encode()
ALL_OF_IT = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(JOB), JOB)


def headed(*lines, body=b""):
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"content-type: application/json", *lines, b"", b""]) + body


def status(code):
    return b"HTTP/1.1 %d Oh\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}" % code


# What is sent once the job runs, before the connection is closed in good order.
SENT = {
    "nothing at all": b"",
    "half a status line": b"HTTP/1.1 20",
    "a status line and no more": b"HTTP/1.1 200 OK\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "a head without its body": headed(b"content-length: %d" % len(JOB)),
    "half a body": headed(b"content-length: %d" % len(JOB), body=JOB[:20]),
    "a body short of a byte": headed(b"content-length: %d" % len(JOB), body=JOB[:-1]),
    "half a chunk": headed(b"transfer-encoding: chunked", body=b"%x\r\n%s" % (len(JOB), JOB[:20])),
    "chunks without an end": headed(b"transfer-encoding: chunked", body=b"%x\r\n%s\r\n" % (len(JOB), JOB)),
    "a chunk of no size": headed(b"transfer-encoding: chunked", body=b"zz\r\n" + JOB),
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: foo\r\nconnection: upgrade\r\n\r\n" + JOB,
    "a broken header": headed(b"content length: 3", b"content-length: %d" % len(JOB), body=JOB),
    "two lengths": headed(b"content-length: 3", b"content-length: %d" % len(JOB), body=JOB),
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"x-more: %s\r\n" % (b"x" * 1000) * 200,
    "the way to another server": b"HTTP/1.1 307 Elsewhere\r\nlocation: /v1/videos\r\ncontent-length: 0\r\n\r\n",
    "a 500": status(500),
    "a 502": status(502),
    "a 504": status(504),
    "a 408": status(408),
}
# And what else may become of it.
DONE = ["a reset", "a reset amid the body", "silence", "a head that drips", "a body that drips"]
WAYS = [*SENT, *DONE]


class Server:
    def __init__(self):
        self.jobs = {}
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
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
            with self.lock:
                text = json.dumps(self.jobs).encode()
            connection.sendall(headed(b"content-length: %d" % len(text), b"connection: close", body=text))
            return
        way = next((way for way in sorted(WAYS, key=len, reverse=True) if b"<%s>" % way.encode() in body), None)
        name = way or slow_of(body)
        with self.lock:
            self.jobs[name] = self.jobs.get(name, 0) + 1
        if way is None:
            time.sleep(float(name.split()[0]) if name[0].isdigit() else 0)
            connection.sendall(ALL_OF_IT)
        elif way in SENT:
            connection.sendall(SENT[way])
        else:
            lose(connection, way)


def slow_of(body):
    """`<0.5 s>` in a prompt asks for an answer after half a second."""
    start = body.find(b"<")
    end = body.find(b">", start)
    return body[start + 1 : end].decode() if start >= 0 else "at once"


def lose(connection, way):
    if way.startswith("a reset"):
        if way != "a reset":
            connection.sendall(ALL_OF_IT[:-20])
            time.sleep(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return
    if way == "silence":
        time.sleep(30)
        return
    start = 0 if way == "a head that drips" else len(ALL_OF_IT) - len(JOB)
    connection.sendall(ALL_OF_IT[:start])
    for byte in ALL_OF_IT[start:]:
        connection.sendall(bytes([byte]))
        time.sleep(0.2)


def read(connection):
    """One request: a head, and a body of a length or in chunks."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += more(connection)
    head, body = data.split(b"\r\n\r\n", 1)
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if b"transfer-encoding" in headers:
        while not body.endswith(b"0\r\n\r\n"):
            body += more(connection)
    while len(body) < int(headers.get(b"content-length", 0)):
        body += more(connection)
    return head, body


def more(connection):
    data = connection.recv(1 << 16)
    if not data:
        raise ConnectionError
    return data


if __name__ == "__main__":
    print(json.dumps({"address": Server().address, "ways": WAYS}), flush=True)
    sys.stdin.read()
