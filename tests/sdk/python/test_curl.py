"""What the README shows, and what HTTP clients other than SDKs do: curl, as it is typed."""

import json
import re
import subprocess

import pytest

from reelgate import KEY

BEARER = ("-H", f"Authorization: Bearer {KEY}")


class Answer:
    """What `curl -i` printed."""

    def __init__(self, text):
        head, _, self.body = text.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


def curl(*arguments):
    options = ["--silent", "--show-error", "--include", "--max-time", "20"]
    # Of several headers of one name curl sends each; the key stands only where the call has none.
    key = () if "Authorization:" in arguments else BEARER
    command = ["curl", *options, *key, *arguments]
    return Answer(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.fixture(scope="module")
def film(client):
    return client.videos.create_and_poll(prompt="a cat on a skateboard", poll_interval_ms=10)


@pytest.fixture(scope="module")
def content(gateway, film):
    return f"{gateway.url}/videos/{film.id}/content"


@pytest.fixture(scope="module")
def whole(content):
    return curl(content)


def test_a_film_is_made_watched_and_downloaded(gateway, client, probe, tmp_path):
    videos = f"{gateway.url}/videos"
    created = curl(videos, "-F", "prompt=a cat on a skateboard", "-F", "seconds=8")
    assert (created.status, created.headers["content-type"]) == (200, "application/json")
    video = json.loads(created.body)
    assert video["seconds"] == "8"

    assert json.loads(curl(videos).body)["data"][0]["id"] == video["id"]
    client.videos.poll(video["id"], poll_interval_ms=10)

    path = tmp_path / "cat.mp4"
    command = ["curl", "-sSf", *BEARER, f"{videos}/{video['id']}/content", "-o", path]
    subprocess.run(command, check=True, timeout=20)
    assert probe(path)["seconds"] == pytest.approx(8.0, abs=0.01)


def test_wrong_seconds_get_the_answer_the_readme_shows(gateway):
    refused = curl(f"{gateway.url}/videos", "-F", "model=sora-2", "-F", "prompt=a cat", "-F", "seconds=10")
    assert refused.status == 400
    assert refused.headers["content-type"] == "application/json"
    assert re.fullmatch("req_[0-9a-f]{32}", refused.headers["x-request-id"])
    assert refused.body == b"""\
{
  "error": {
    "message": "Invalid value: '10'. Supported values are: '4', '8', and '12'.",
    "type": "invalid_request_error",
    "param": "seconds",
    "code": "invalid_value"
  }
}"""


def test_wrong_seconds_are_moved_if_the_client_lets_them(gateway):
    mode = ("-H", "x-reelgate-mode: adjust")
    fields = ("-F", "model=sora-2", "-F", "prompt=a cat", "-F", "seconds=10")
    adjusted = curl(f"{gateway.url}/videos", *mode, *fields)
    assert adjusted.status == 200
    assert adjusted.headers["x-reelgate-adjusted"] == "seconds=10->8; size=none->720x1280"


def test_a_key_is_asked_for(gateway):
    # An empty value makes curl drop the header.
    refused = curl(f"{gateway.url}/videos", "-H", "Authorization:")
    assert refused.status == 401
    assert json.loads(refused.body)["error"]["message"] == "Missing bearer or basic authentication in header"


@pytest.mark.parametrize("as_json", [False, True])
def test_json_is_read_too(gateway, as_json):
    seconds = "8" if as_json else "9"
    body = json.dumps({"prompt": "a cat", "seconds": seconds})
    answer = curl(f"{gateway.url}/videos", "--json", body)
    assert answer.status == (200 if as_json else 400)


def test_a_form_that_is_none_is_refused(gateway):
    form = ("-H", "content-type: multipart/form-data; boundary=b", "--data-binary", "--b\r\n")
    refused = curl(f"{gateway.url}/videos", *form)
    assert (refused.status, json.loads(refused.body)["error"]["message"]) == (
        400,
        "Could not parse multipart form",
    )


@pytest.mark.parametrize(
    ("range_", "part"),
    [("0-99", slice(0, 100)), ("100-", slice(100, None)), ("-50", slice(-50, None))],
)
def test_a_range_of_a_film_can_be_read(content, whole, range_, part):
    answer = curl(content, "--range", range_)
    assert answer.status == 206
    assert answer.body == whole.body[part]
    start, end, _ = part.indices(len(whole.body))
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(whole.body)}"


def test_a_range_behind_the_end_cannot_be_satisfied(content, whole):
    answer = curl(content, "--range", "999999999-")
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(whole.body)}"


def test_a_broken_download_is_continued(content, whole, tmp_path):
    path = tmp_path / "cat.mp4"
    path.write_bytes(whole.body[:1000])
    command = ["curl", "-sSf", "--continue-at", "-", *BEARER, content, "-o", path]
    subprocess.run(command, check=True, timeout=20)
    assert path.read_bytes() == whole.body


def test_head_tells_all_but_the_film(content, whole):
    head = curl(content, "--head")
    assert (head.status, head.body) == (200, b"")
    for name in ("content-length", "content-type", "etag", "content-disposition", "accept-ranges"):
        assert head.headers[name] == whole.headers[name], name


def test_an_unchanged_film_is_not_sent_again(content, whole):
    unchanged = curl(content, "-H", f"If-None-Match: {whole.headers['etag']}")
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert unchanged.headers["etag"] == whole.headers["etag"]
    assert curl(content, "-H", 'If-None-Match: "another"').status == 200


def test_an_upload_waits_for_the_go_ahead(gateway, tmp_path):
    # curl asks with Expect: 100-continue before it sends more than a megabyte.
    path = tmp_path / "cat.png"
    path.write_bytes(bytes(2_000_000))
    expect = ("-H", "Expect: 100-continue", "--expect100-timeout", "20")
    form = ("-F", "prompt=a cat", "-F", f"input_reference=@{path};type=image/png")
    command = ["curl", "-sS", "-o", tmp_path / "answer", "-w", "%{http_code} %{time_total}", *BEARER, *expect, *form]
    done = subprocess.run([*command, f"{gateway.url}/videos"], check=True, capture_output=True, timeout=40)
    status, took = done.stdout.split()
    assert status == b"200", (tmp_path / "answer").read_text()
    assert float(took) < 15, "curl waited for a go-ahead that never came"


def test_other_routes_go_through(gateway, sandbox):
    sandbox.forget()
    answer = curl(f"{gateway.url}/models")
    # The sandbox has videos only; what matters is who says so.
    assert answer.status == 404
    assert sandbox.requests()[-1]["path"] == "/v1/models"
