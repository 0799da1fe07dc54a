"""An upstream that answers as it is told, and remembers what it was asked. The sandbox speaks no messages."""

import collections
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from reelgate import PATIENCE

Asked = collections.namedtuple("Asked", "method path headers body")

# A step of a stream: the connection ends, and nobody says that the answer has.
CUT = object()


def answer(status, body, **headers):
    """A whole answer in JSON."""
    def play(handler, _):
        text = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", len(text))
        handler.end_headers()
        handler.wfile.write(text)

    return play


def after(seconds, reply):
    """The same, later."""
    def play(handler, upstream):
        time.sleep(seconds)
        reply(handler, upstream)

    return play


def stream(*steps, **headers):
    """A stream of events in chunks: texts are sent, gates waited for, and it may end in a CUT."""
    def play(handler, upstream):
        handler.send_response(200)
        for name, value in {"content-type": "text/event-stream", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for step in steps:
            if step is CUT:
                handler.connection.shutdown(socket.SHUT_RDWR)
                handler.close_connection = True
                return
            if isinstance(step, threading.Event):
                assert step.wait(PATIENCE), "nobody opened the gate"
                continue
            upstream.sent_at.append(time.monotonic())
            data = step.encode()
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        handler.wfile.write(b"0\r\n\r\n")

    return play


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Each event leaves when it is written.
    disable_nagle_algorithm = True

    def handle_one(self):
        upstream = self.server.upstream
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        upstream.take(Asked(self.command, self.path, dict(self.headers.items()), body))(self, upstream)

    do_GET = do_POST = do_DELETE = handle_one

    def log_message(self, *_):
        """The test run's output is no place for it."""


class Upstream:
    """A scripted upstream on a port of its own."""

    def __init__(self):
        self.asked, self.sent_at = [], []
        self._script = collections.deque()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.upstream = self
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def play(self, *replies):
        """Plays these from now on, the last one again and again; what was asked is forgotten."""
        with self._lock:
            self._script = collections.deque(replies)
            self.asked.clear()
            self.sent_at.clear()

    def take(self, asked):
        with self._lock:
            self.asked.append(asked)
            return self._script.popleft() if len(self._script) > 1 else self._script[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
