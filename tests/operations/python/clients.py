"""Clients to whom everything happens that is counted."""

import contextlib
import json
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from deployed import DEPLOY
from reelgate import PATIENCE

KEY, POOR = "sk-demo", "sk-poor"


class Clients:
    """Ask one gateway, in front of a sandbox that does as it is told."""

    def __init__(self, gateway, sandbox):
        self.gateway, self.sandbox = gateway, sandbox

    def ask(self, method, path, body=None, key=KEY, **headers):
        """Status and JSON, or bytes, of an answer; None where there is none."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            body, names["content-type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(
            self.gateway.url + path, body, {"authorization": f"Bearer {key}", **names}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, read(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, read(error)

    def create(self, model="sora-2", seconds="4", **more):
        return self.ask("POST", "/videos", {"model": model, "seconds": seconds, "prompt": "a cat"}, **more)

    def play(self, on, *faults):
        self.sandbox.play(on, *faults)

    # --- what happens ---------------------------------------------------------------------------------------------

    def everything(self):
        """Each of these once, in this order: none leaves anything behind that the next would stumble over."""
        self.usual()
        for happens in (
            self.a_job_fails,
            self.many_come_together,
            self.told_to_wait,
            self.an_answer_is_lost,
            self.asked_twice,
            self.answered_twice,
            self.a_download_breaks,
            self.a_client_leaves,
            self.nobody_is_there,
            self.our_credential_is_refused,
            self.a_limit_is_reached,
            self.the_ledger_is_stuck,
            self.a_budget_is_used_up,
        ):
            happens()

    def usual(self):
        """What the demo's clients do: videos are made, watched, fetched, deleted, adjusted and refused."""
        command = ["sh", DEPLOY / "demo/clients.sh", self.gateway.origin, "", "1"]
        subprocess.run(command, check=True, timeout=3 * PATIENCE)

    def a_job_fails(self):
        _, job = self.create()
        self.sandbox.end(job["id"], "failed")
        assert self.ask("GET", f"/videos/{job['id']}")[1]["status"] == "failed"

    def many_come_together(self):
        """They wait for their turn, which comes 20 times a second."""
        together = [threading.Thread(target=self.create) for _ in range(4)]
        for one in together:
            one.start()
        for one in together:
            one.join(PATIENCE)

    def told_to_wait(self):
        self.play("POST /v1/videos", "429;retry-after-ms=1")
        assert self.create()[0] == 200

    def an_answer_is_lost(self):
        for _ in range(2):
            self.play("POST /v1/videos", "accept-then-reset")
            assert self.create()[0] == 502

    def asked_twice(self):
        self.play("POST /v1/videos", "accept-then-500")
        assert self.create("twice")[0] == 200

    def answered_twice(self):
        key = f"key-{time.monotonic_ns()}"
        first, again = (self.create(idempotency_key=key) for _ in range(2))
        assert first == again

    def a_download_breaks(self):
        _, job = self.create()
        self.sandbox.end(job["id"], "completed")
        self.play("GET /v1/videos/*/content", "truncate=500")
        assert self.ask("GET", f"/videos/{job['id']}/content")[0] == 200

    def a_client_leaves(self):
        """Once its create is on its way."""
        asked = len(self.sandbox.requests())
        self.play("POST /v1/videos", "delay=300ms")
        body = json.dumps({"model": "sora-2", "seconds": "4", "prompt": "a cat"})
        address = urllib.parse.urlsplit(self.gateway.origin)
        with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as connection:
            connection.sendall(
                f"POST /v1/videos HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: Bearer {KEY}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
            )
            until(lambda: len(self.sandbox.requests()) > asked)

    def nobody_is_there(self):
        """Its breaker opens."""
        for _ in range(4):
            assert self.create("dead")[0] in (502, 503)

    def our_credential_is_refused(self):
        """AU08"""
        assert self.create("locked")[0] == 502

    def a_limit_is_reached(self):
        """By the second in an hour."""
        self.create("scarce")
        assert self.create("scarce")[0] == 429

    def the_ledger_is_stuck(self):
        """Another program holds on to its file."""
        ledger = f"{self.gateway.folder}/reelgate-ledger.db"
        with contextlib.closing(sqlite3.connect(ledger, timeout=PATIENCE, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert self.create()[0] == 503
            other.execute("ROLLBACK")
        until(lambda: self.create()[0] == 200)

    def a_budget_is_used_up(self):
        for _ in range(2):
            self.create(key=POOR)
        assert self.create(key=POOR)[0] == 429


def read(answer):
    content = answer.read()
    return json.loads(content) if "json" in answer.headers.get("content-type", "") else content


def until(done):
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(0.05)
