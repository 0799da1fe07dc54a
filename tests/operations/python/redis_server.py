"""A real Redis, on a socket of its own, that keeps what it is told as a ledger needs it."""

from reelgate import Process

KEEPS = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")


class Redis(Process):
    def __init__(self, folder):
        self.socket = folder / "redis.sock"
        where = ("--port", "0", "--unixsocket", self.socket, "--dir", folder)
        super().__init__(*where, *KEEPS, program="redis-server", folder=folder)
        self.says("ready to accept connections")
        self.url = f"unix://{self.socket}"
