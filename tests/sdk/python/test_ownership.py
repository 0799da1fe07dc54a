"""OW01, OW02: a video belongs to the client that ordered it, whatever the SDK's method. Two keys, one upstream."""

import hashlib

import openai
import pytest

from reelgate import Sandbox, run

UPSTREAM_KEY = "sk-upstream-0123456789abcdef"
KEYS = {"one": "rg-of-client-one-0123", "other": "rg-of-client-other-01", "dashboard": "rg-of-the-dashboard-1"}
VIDEOS = 250

CONFIG = """
presets = ["openai"]

[auth]
mode = "keys"

[auth.keys.one]
sha256 = "{one}"

[auth.keys.other]
sha256 = "{other}"

[auth.keys.dashboard]
sha256 = "{dashboard}"
sees = "all"

[upstreams.main]
base_url = "{upstream}"
credential = {{ env = "UPSTREAM_KEY" }}
"""


@pytest.fixture(scope="module")
def locked():
    with Sandbox("--key", UPSTREAM_KEY) as locked:
        yield locked


@pytest.fixture(scope="module")
def shared(start_gateway, locked):
    digests = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
    return start_gateway(CONFIG.format(upstream=locked.url, **digests), UPSTREAM_KEY=UPSTREAM_KEY)


@pytest.fixture(scope="module")
def clients(shared):
    made = {name: openai.OpenAI(base_url=shared.url, api_key=key, max_retries=0) for name, key in KEYS.items()}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture(scope="module")
def film(clients):
    """A finished video of the client `one`."""
    return clients["one"].videos.create_and_poll(prompt="a cat", model="sora-2", poll_interval_ms=20)


# Every method of the SDK that names a video.
METHODS = {
    "retrieve": lambda client, id: client.videos.retrieve(id),
    "download": lambda client, id: client.videos.download_content(id).read(),
    "thumbnail": lambda client, id: client.videos.download_content(id, variant="thumbnail").read(),
    "remix": lambda client, id: client.videos.remix(id, prompt="a dog"),
    # The SDK's own methods take files alone.
    "edit": lambda client, id: client.post(
        "/videos/edits", body={"prompt": "x", "video": {"id": id}}, cast_to=object
    ),
    "extend": lambda client, id: client.post(
        "/videos/extensions", body={"prompt": "x", "seconds": "4", "video": {"id": id}}, cast_to=object
    ),
    "list after it": lambda client, id: client.videos.list(after=id),
    "delete": lambda client, id: client.videos.delete(id),
}


@pytest.mark.parametrize("method", METHODS)
def test_another_clients_video_does_not_exist(clients, locked, film, method):
    before = len(locked.requests())
    messages = []
    for id in (film.id, film.id[:-4] + "0000"):
        with pytest.raises(openai.NotFoundError) as caught:
            METHODS[method](clients["other"], id)
        messages.append(caught.value.body["message"].replace(id, "ID"))
    assert messages == ["Video with id 'ID' not found."] * 2
    assert len(locked.requests()) == before


@pytest.mark.parametrize("method", METHODS)
def test_the_owner_reaches_its_video(clients, film, method):
    if method == "delete":
        film = clients["one"].videos.create(prompt="for nothing")
    METHODS[method](clients["one"], film.id)


def test_a_dashboard_reads_and_does_not_change(clients, film):
    dashboard = clients["dashboard"]
    assert dashboard.videos.retrieve(film.id).status == "completed"
    assert dashboard.videos.download_content(film.id).read()[4:8] == b"ftyp"
    for method in ("remix", "delete"):
        with pytest.raises(openai.NotFoundError):
            METHODS[method](dashboard, film.id)


def test_a_client_lists_all_of_its_own_by_the_sdks_paging(clients):
    """OW02"""
    own = [clients["other"].videos.create(prompt=f"number {number}").id for number in range(VIDEOS)]
    listed = [video.id for video in clients["other"].videos.list()]
    assert listed == own[::-1]
    assert [video.id for video in clients["other"].videos.list(order="asc", limit=100)] == own
    assert not set(own) & {video.id for video in clients["one"].videos.list()}
    newest = next(iter(clients["other"].videos.list()))
    assert (newest.object, newest.model, newest.seconds, newest.size) == ("video", "sora-2", "4", "720x1280")
    assert {video.id for video in clients["dashboard"].videos.list(limit=100)} >= set(own)


def test_a_video_can_be_given_to_another_client(clients, shared):
    given = clients["one"].videos.create(prompt="to be given")

    def assign(client):
        arguments = ("ledger", "assign", "--config", shared.config, "--from", client, "--to", "other")
        return run(*arguments, folder=shared.folder, UPSTREAM_KEY=UPSTREAM_KEY)

    done = assign("dashboard")
    assert done.returncode == 1 and "has no calls of dashboard" in done.stderr
    done = assign("one")
    assert done.returncode == 0, done.stderr
    assert clients["other"].videos.retrieve(given.id).id == given.id
