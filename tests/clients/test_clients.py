"""Every HTTP client gets its create through: the upstream reads what the client meant, and the client reads a refusal."""

import io
import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import python_multipart

from reelgate import PATIENCE, Gateway
from scripted import Upstream, answer

FOLDER = Path(__file__).parent
JARS = "/usr/share/java"
JOB = {"id": "video_1", "object": "video", "status": "queued", "model": "sora-2"}
PROMPT = 'a "cat" / ein Kätzchen + 猫\nwith a \\ hat'
FILENAME = 'Grüße; "a"=1.png'
# Bytes that look like line ends and delimiters.
PICTURE = b"\x89PNG\r\n\x1a\n\r\n--\n--\r\n\0" * 40


def curl(*options):
    def command(url, kind, seconds, picture, filename, prompt):
        fields = {"model": "sora-2", "prompt": prompt, "seconds": seconds, "size": "1280x720"}
        quoted = filename.replace("\\", "\\\\").replace('"', '\\"')
        form = [part for name, value in fields.items() for part in ("--form-string", f"{name}={value}")]
        form += ["-F", f'input_reference=@{picture};type=image/png;filename="{quoted}"', *options]
        body = form if kind == "form" else ["--json", json.dumps(fields)]
        written = "%{stderr}%{http_code}"
        shell = 'status=$("$@" 2>&1 >"$0"); echo "$status"; cat "$0"'
        request = ["curl", "-sS", "-H", "Authorization: Bearer sk-test", "-w", written, *body, f"{url}/videos"]
        return ["bash", "-c", shell, f"{picture}.answer", *request]

    return command


def program(*start):
    return lambda *arguments: [*map(str, start), *arguments]


def java(source, *jars):
    return program("java", "-cp", ":".join(f"{JARS}/{jar}.jar" for jar in jars), FOLDER / source)


# By name: what runs it with the arguments URL, form or json, seconds, picture, file name and prompt. It prints the status
# of the answer and, below it, the body.
CLIENTS = {
    "curl": curl(),
    "curl, names escaped": curl("--form-escape"),
    "Python requests": program(sys.executable, FOLDER / "client.py", "requests"),
    "Python httpx": program(sys.executable, FOLDER / "client.py", "httpx"),
    "Python aiohttp": program(sys.executable, FOLDER / "client.py", "aiohttp"),
    "Python email": program(sys.executable, FOLDER / "client.py", "email"),
    ".NET": program(sys.executable, FOLDER / "client.py", "dotnet"),
    "Node fetch": program("node", FOLDER / "client.mjs", "fetch"),
    "Node form-data": program("node", FOLDER / "client.mjs", "form-data"),
    "Ruby net/http": program("ruby", FOLDER / "client.rb"),
    "Go net/http": program("go", "run", FOLDER / "client.go"),
    "PHP Guzzle": program("php", FOLDER / "client.php"),
    "Java okhttp": java("OkHttp.java", "okhttp", "okio"),
    "Java Apache HttpClient": java(
        "Apache.java", "httpclient", "httpcore", "httpmime", "commons-logging", "commons-codec"
    ),
}
FORMS_ONLY = {"Python email", ".NET", "Node form-data"}
# Guzzle writes quotes in a file name as they are: what follows the first one could be anything, and is refused.
NAMES = {"PHP Guzzle": "Grüße; a=1.png"}


def name_of_file(client):
    return NAMES.get(client, FILENAME)


def name_upstream(client):
    """What the upstream reads for it: a quote as every reader takes it, see docs/spellings.md."""
    name = name_of_file(client)
    # aiohttp encodes the name by itself.
    return quote(name, safe="") if client == "Python aiohttp" else name.replace('"', "%22")


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as upstream:
        upstream.play(answer(200, JOB))
        yield upstream


@pytest.fixture(scope="module")
def page():
    with Page() as page:
        yield page


@pytest.fixture(scope="module")
def gateway(upstream, page, tmp_path_factory):
    config = tmp_path_factory.mktemp("gateway") / "reelgate.toml"
    config.write_text(
        f'presets = ["openai"]\n[cors]\norigins = ["{page.origin}"]\n[upstreams.main]\nbase_url = "{upstream.url}"\n'
    )
    with Gateway(config) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "picture"
    path.write_bytes(PICTURE)
    return str(path)


def ask(client, gateway, kind, seconds, picture):
    command = CLIENTS[client](gateway.url, kind, seconds, picture, name_of_file(client), PROMPT)
    assert shutil.which(command[0]), f"{command[0]} is missing; tests/run installs it"
    done = subprocess.run(command, capture_output=True, text=True, timeout=6 * PATIENCE)
    assert done.returncode == 0, done.stderr
    status, _, body = done.stdout.partition("\n")
    return int(status), json.loads(body)


def read(request):
    """The texts and files of a request as python-multipart reads them, or its JSON."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert int(headers["content-length"]) == len(request.body)
    if headers["content-type"] == "application/json":
        return json.loads(request.body), {}
    texts, files = {}, {}

    def on_file(file):
        file.file_object.seek(0)
        name = file.file_name.decode()
        files[file.field_name.decode()] = (name, file.content_type, file.file_object.read())

    def on_field(field):
        assert field.field_name.decode() not in texts
        texts[field.field_name.decode()] = field.value.decode()

    form = {"Content-Type": headers["content-type"].encode(), "Content-Length": headers["content-length"].encode()}
    python_multipart.parse_form(form, io.BytesIO(request.body), on_field, on_file)
    return texts, files


def assert_reads(request, kind, client):
    texts, files = read(request)
    # Browsers, and those who follow them, send line breaks of a form's texts as CR LF.
    texts["prompt"] = texts["prompt"].replace("\r\n", "\n")
    assert texts == {"model": "sora-2", "prompt": PROMPT, "seconds": "8", "size": "1280x720"}
    picture = {"input_reference": (name_upstream(client), "image/png", PICTURE)}
    assert files == (picture if kind == "form" else {})


def assert_refused(status, body):
    assert status == 400
    assert (body["error"]["code"], body["error"]["param"]) == ("invalid_value", "seconds")


@pytest.mark.parametrize("client", CLIENTS)
def test_upstream_reads_what_the_client_meant(client, gateway, upstream, picture):
    for kind in ("form",) if client in FORMS_ONLY else ("form", "json"):
        upstream.play(answer(200, JOB))
        assert ask(client, gateway, kind, "8", picture) == (200, JOB)
        [request] = upstream.asked
        assert_reads(request, kind, client)


@pytest.mark.parametrize("client", CLIENTS)
def test_client_reads_why_its_create_is_refused(client, gateway, upstream, picture):
    upstream.play(answer(200, JOB))
    assert_refused(*ask(client, gateway, "form", "9", picture))
    assert upstream.asked == []


class Page:
    """A page of another origin than the gateway's, opened in a browser without a window."""

    def __init__(self):
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(PICTURE if self.path == "/picture" else (FOLDER / "browser.html").read_bytes())

            def do_POST(self):
                page.result = self.rfile.read(int(self.headers["content-length"])).decode()
                self.answer(b"")
                page.is_done.set()

            def answer(self, body):
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """The test run's output is no place for it."""

        self.is_done, self.result = threading.Event(), None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def open(self, folder, **wanted):
        self.is_done.clear()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        options.append(f"--user-data-dir={folder}")
        browser = subprocess.Popen(
            ["chromium", *options, f"{self.origin}/?{urlencode(wanted)}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert self.is_done.wait(3 * PATIENCE), "the page did not come to its end"
        finally:
            browser.terminate()
            browser.wait(PATIENCE)
        status, _, body = self.result.partition("\n")
        assert status != "0", body
        return int(status), json.loads(body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("kind", ["form", "json"])
def test_browser_page_of_an_allowed_origin_gets_its_create_through(kind, gateway, upstream, page, tmp_path):
    wanted = {"url": gateway.url, "kind": kind, "prompt": PROMPT, "filename": FILENAME}
    upstream.play(answer(200, JOB))
    assert page.open(tmp_path, seconds="8", **wanted) == (200, JOB)
    [request] = upstream.asked
    assert_reads(request, kind, "browser")
    assert_refused(*page.open(tmp_path, seconds="9", **wanted))
    assert len(upstream.asked) == 1
