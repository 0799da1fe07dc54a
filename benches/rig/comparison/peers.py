"""Who is compared, and how each of them is told to do the same: forward to the upstream over kept connections."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from comparison import machine
from comparison.paths import BARE, REELGATE
from comparison.programs import Program, free_port

DIRECT, NGINX, HAPROXY, BARE_MI, OURS = "direct", "nginx", "haproxy", "bare", "reelgate"
# As it comes: it holds a body until all of it is there, as whoever judges it must.
NGINX_HOLDING = "nginx-holding"


@dataclass(frozen=True)
class Layout:
    """Which cores the proxy and its surroundings have; None: whichever are free."""

    workers: int
    proxy_core: int | None = None
    load_core: int | None = None


# The proxy has core 0 to itself; upstream and clients share core 1.
ONE_CORE = Layout(workers=1, proxy_core=0, load_core=1)
# Everybody shares both.
TWO_CORES = Layout(workers=2)


@dataclass
class Peer:
    """A proxy that is up, or the upstream itself."""

    name: str
    port: int
    program: Program | None = None

    @property
    def pid(self) -> int:
        """The process id of a proxy."""
        if self.program is None:
            raise RuntimeError(f"{self.name} is not a proxy")
        return self.program.pid

    def wait_for_answer(self, limit: float, expected: int = 200) -> None:
        """Returns once it answers a poll as expected. Fails if it does not within `limit` seconds."""
        if self.program:
            self.program.wait_for_answer(self.port, limit, expected)

    def stop(self) -> None:
        """Ends it, where it was started."""
        if self.program:
            self.program.stop()


@dataclass(frozen=True)
class Place:
    """What a peer needs to know to start."""

    port: int
    upstream: int
    workers: int
    folder: Path


def start(
    name: str, upstream: int, layout: Layout, folder: Path, settings: str | None = None, program: Path = REELGATE
) -> Peer:
    """Starts a peer in a folder of its own; `settings` and `program` are Reelgate's. It may not answer yet."""
    place = Place(free_port(), upstream, layout.workers, folder)
    folder.mkdir(parents=True, exist_ok=True)
    if name == OURS:
        command = reelgate(place, everything_on() if settings is None else settings, program)
        return Peer(name, place.port, Program(command, folder, layout.proxy_core, RIG_CREDENTIAL="sk-upstream-credential"))
    return Peer(name, place.port, Program(COMMANDS[name](place), folder, layout.proxy_core))


def nginx(place: Place, buffering: str = "off") -> list[str]:
    """Forwards; by default without buffering requests, as the others do."""
    temporary = "\n".join(
        f"  {kind}_temp_path {place.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = place.folder / "nginx.conf"
    file.write_text(f"""daemon off;
worker_processes {place.workers};
worker_rlimit_nofile 20000;
pid {place.folder}/nginx.pid;
user root;
events {{ worker_connections 16000; }}
http {{
  access_log off;
{temporary}
  client_max_body_size 0;
  keepalive_requests 1000000000;
  upstream stub {{ server 127.0.0.1:{place.upstream}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{place.port} backlog=4096;
    location / {{
      proxy_pass http://stub;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering {buffering};
      proxy_buffers 16 64k;
      proxy_max_temp_file_size 0;
    }}
  }}
}}
""")
    error_log = str(place.folder / "error.log")
    return [found("nginx"), "-p", str(place.folder), "-c", str(file), "-e", error_log]


def haproxy(place: Place) -> list[str]:
    """Forwards over connections that clients share."""
    file = place.folder / "haproxy.cfg"
    file.write_text(f"""global
  nbthread {place.workers}
  maxconn 9000
defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  http-reuse always
listen all
  bind 127.0.0.1:{place.port}
  server stub 127.0.0.1:{place.upstream} pool-max-conn 1024
""")
    return [found("haproxy"), "-db", "-q", "-f", str(file)]


def bare(place: Place) -> list[str]:
    """The least that hyper and axum can do."""
    return [str(BARE), str(place.port), str(place.upstream), str(place.workers)]


COMMANDS: dict[str, Callable[[Place], list[str]]] = {
    NGINX: nginx,
    NGINX_HOLDING: partial(nginx, buffering="on"),
    HAPROXY: haproxy,
    BARE_MI: bare,
}


def reelgate(place: Place, settings: str, program: Path) -> list[str]:
    """The built binary, with its log in JSON and its ledger in files."""
    (place.folder / "reelgate.toml").write_text(f"""[server]
listen = "127.0.0.1:{place.port}"
admin_listen = "127.0.0.1:{free_port()}"
workers = {place.workers}
log_format = "json"

[ledger]
path = "ledger.db"

{settings.replace("@UPSTREAM@", f"http://127.0.0.1:{place.upstream}/v1")}
""")
    return [str(program), "serve", "--config", "reelgate.toml"]


# Never reached, so that every limiter does its work and none refuses.
UNREACHED = """submit = { rate = "1000000/s" }
fetch = { rate = "1000000/s" }
other = { rate = "1000000/s" }
"""


def everything_on() -> str:
    """The default configuration, and limits for everybody and for the upstream."""
    return f"""[upstreams.main]
base_url = "@UPSTREAM@"

[upstreams.main.quota]
{UNREACHED}
[quota]
{UNREACHED}"""


def found(name: str) -> str:
    """Where a program is. Fails with what to do if it is nowhere."""
    path = shutil.which(name, path=machine.environment()["PATH"])
    if path is None:
        raise RuntimeError(f"{name} is not installed: benches/rig/run setup")
    return path
