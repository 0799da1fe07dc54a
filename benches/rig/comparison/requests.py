"""What is asked: requests as OpenAI's Python SDK sends them, recorded byte for byte by the project's tests."""

from dataclasses import dataclass, replace
from pathlib import Path

from comparison.paths import CAPTURES

FILLER = b"@FILLER@"


@dataclass(frozen=True)
class Request:
    """A request line, headers in their order, and a body."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    # Bytes that stand where the body says @FILLER@.
    filler_mib: int = 0

    def path(self, path: str) -> "Request":
        """The same for another path."""
        method, _, version = self.line.split(" ")
        return replace(self, line=f"{method} {path} {version}")

    def header(self, name: str, value: str) -> "Request":
        """With this header instead of the one it had."""
        kept = tuple(header for header in self.headers if header[0].lower() != name.lower())
        return replace(self, headers=(*kept, (name, value)))

    def words(self, old: str, new: str) -> "Request":
        """With other words in the body. Fails if the old ones are not there."""
        if old.encode() not in self.body:
            raise ValueError(f"{old!r} is not in the body")
        return replace(self, body=self.body.replace(old.encode(), new.encode()))

    def bytes_for(self, port: int) -> bytes:
        """As it is sent to 127.0.0.1."""
        whole = self.header("Host", f"127.0.0.1:{port}")
        if self.body:
            filler = (self.filler_mib << 20) - len(FILLER) if self.filler_mib else 0
            whole = whole.header("Content-Length", str(len(self.body) + filler))
        head = [self.line, *(f"{name}: {value}" for name, value in whole.headers)]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + self.body


def captured(name: str) -> Request:
    """A request from the tests' data."""
    return parsed((CAPTURES / f"{name}.http").read_bytes())


def parsed(recorded: bytes) -> Request:
    """A request from its bytes."""
    head, _, body = recorded.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    pairs = (header.partition(": ") for header in headers)
    return Request(line, tuple((name, value) for name, _, value in pairs), body)


def poll() -> Request:
    """`client.videos.retrieve(…)`."""
    return captured("py-retrieve")


def create() -> Request:
    """`client.videos.create(…)` with four fields, as a form."""
    return captured("py-create-int")


def varied_create() -> Request:
    """The same, each with a prompt of its own: wrk puts a number of as many digits there."""
    return create().words("a cat", "a cat @NUMBER@")


def upload(mib: int) -> Request:
    """A create with a film of so many MiB to start from."""
    form = create()
    boundary = dict(form.headers)["Content-Type"].partition("boundary=")[2].encode()
    part = (
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="input_reference"; filename="reference.mp4"\r\n'
        b"Content-Type: video/mp4\r\n\r\n" + FILLER + b"\r\n--" + boundary + b"--\r\n"
    )
    return replace(form, body=form.body.removesuffix(b"--" + boundary + b"--\r\n") + part, filler_mib=mib)


def other() -> Request:
    """A call that is not about videos, in JSON."""
    body = b'{"model":"gpt-5","messages":[{"role":"user","content":"Say what a cat on a skateboard thinks."}]}'
    return json_request("/v1/chat/completions", body)


def unsupported() -> Request:
    """A create in JSON, of seconds that no model makes."""
    return json_request("/v1/videos", b'{"model":"sora-2","prompt":"a cat","seconds":"7","size":"1280x720"}')


def json_request(path: str, body: bytes) -> Request:
    """A POST of JSON with the SDK's headers."""
    return replace(create().path(path).header("Content-Type", "application/json"), body=body)


def written(request: Request, port: int, folder: Path) -> Path:
    """A file with the request, for drivers to read."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"request-{port}.http"
    file.write_bytes(request.bytes_for(port))
    return file
