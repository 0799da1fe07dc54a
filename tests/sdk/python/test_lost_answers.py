"""The upstream accepts a create, bills it, and loses its answer: one call of the SDK, its own repeats on, is one job.

RT03, RT05, RT06, RT30, RT32
"""

import asyncio
import contextlib
import io
import socket
import threading
import time

import openai
import pytest

import lossy_upstream
from reelgate import KEY, PATIENCE, Gateway, configured_for, run

TIMES = 'submit_timeout = "400ms"\nbody_idle = "400ms"\n'
# Without the announcement the gateway cannot know how long its client waits.
SILENT = {"x-stainless-read-timeout": openai.Omit()}


@pytest.fixture(scope="module")
def lossy():
    return lossy_upstream.Server()


@pytest.fixture(scope="module")
def gateway(start_gateway, lossy):
    return start_gateway(configured_for(f"http://{lossy.address}/v1", TIMES))


@pytest.fixture(scope="module")
def patient(start_gateway, lossy):
    """A gateway that waits as long as it does by itself."""
    return start_gateway(configured_for(f"http://{lossy.address}/v1"))


@pytest.fixture(autouse=True)
def no_jobs(lossy):
    with lossy.lock:
        lossy.jobs.clear()


def client_of(gateway, **options):
    return openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=2, **options)


def assert_final(error):
    """The SDK was told not to repeat it, and where to look it up."""
    assert error.response.headers["x-should-retry"] == "false"
    assert error.response.headers["x-reelgate-ledger-id"].startswith("lg_")
    assert error.request_id


@pytest.mark.parametrize("way", lossy_upstream.WAYS)
def test_however_the_answer_is_lost_one_call_is_one_job(gateway, lossy, way):
    with client_of(gateway) as client, pytest.raises(openai.APIStatusError) as caught:
        client.videos.create(prompt=f"a cat <{way}>")
    assert lossy.told() == {way: 1}
    assert_final(caught.value)


@pytest.mark.parametrize("way", lossy_upstream.AMID_THE_UPLOAD)
def test_a_job_that_runs_before_the_upload_has_ended_is_one_job(gateway, lossy, way):
    film = ("cat.png", io.BytesIO(bytes(8_000_000)))
    with client_of(gateway) as client, pytest.raises(openai.APIStatusError) as caught:
        client.videos.create(prompt=f"a cat <{way}>", input_reference=film)
    assert lossy.told() == {way: 1}
    assert_final(caught.value)


@pytest.mark.parametrize("way", lossy_upstream.ODD)
def test_an_answer_that_is_of_no_use_is_one_job(gateway, lossy, way):
    # Whether the SDK makes an object, a text or an error of it is its own affair.
    with client_of(gateway) as client, contextlib.suppress(openai.OpenAIError, ValueError):
        client.videos.create(prompt=f"a cat <{way}>")
    assert lossy.told() == {way: 1}


FILM = ("cat.mp4", b"film")
OPERATIONS = {
    "remix": lambda videos, prompt: videos.remix("video_1", prompt=prompt),
    "edit": lambda videos, prompt: videos.edit(prompt=prompt, video=FILM),
    "extension": lambda videos, prompt: videos.extend(prompt=prompt, seconds="4", video=FILM),
}


@pytest.mark.parametrize("way", ["a reset", "half a body", "silence", "a 500"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_else_costs_money_is_one_job_too(gateway, lossy, operation, way):
    """RT30"""
    with client_of(gateway) as client, pytest.raises(openai.APIStatusError) as caught:
        OPERATIONS[operation](client.videos, f"a cat <{way}>")
    assert lossy.told() == {way: 1}
    assert_final(caught.value)


@pytest.mark.anyio
async def test_nor_does_the_asynchronous_client_start_a_second(gateway, lossy):
    ways = ["a reset", "half a head", "half a chunk", "silence", "a 524"]

    async def lose(client, way):
        with pytest.raises(openai.APIStatusError) as caught:
            await client.videos.create(prompt=f"a cat <{way}>")
        assert_final(caught.value)

    async with openai.AsyncOpenAI(base_url=gateway.url, api_key=KEY, max_retries=2) as client:
        await asyncio.gather(*[lose(client, way) for way in ways])
    assert lossy.told() == dict.fromkeys(ways, 1)


def test_helpers_and_raw_answers_are_no_way_around_it(gateway, lossy):
    with client_of(gateway) as client:
        for create in (client.videos.create_and_poll, client.videos.with_raw_response.create):
            with pytest.raises(openai.APIStatusError) as caught:
                create(prompt=f"a cat <a reset> {create}")
            assert_final(caught.value)
    assert lossy.told() == {"a reset": 2}


def test_a_client_that_announces_its_patience_is_answered_before_it_is_over(patient, lossy):
    """RT32: and then the application asks once more, which is told of the first try."""
    with client_of(patient, timeout=1.0) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.videos.create(prompt="a cat <3 s>")
    assert (caught.value.status_code, caught.value.code) == (504, "upstream_outcome_unknown")
    assert lossy.told() == {"3 s": 1}
    assert_final(caught.value)


def test_a_repeat_of_a_call_that_is_still_open_gets_its_answer(patient, lossy):
    """RT25, RT29: a client that gives up without a word, and its own repeat."""
    with client_of(patient, timeout=1.0) as client:
        video = client.videos.create(prompt="a cat <1.6 s>", extra_headers=SILENT)
    assert video.id == "video_1"
    assert lossy.told() == {"1.6 s": 1}


def test_two_clients_that_ask_for_the_same_get_a_job_each(patient, lossy):
    """RT29: their own repeats are told apart by nothing, and yet there are as many jobs as calls."""
    got = []

    def ask():
        with client_of(patient, timeout=1.0) as client:
            got.append(client.videos.create(prompt="a cat <1.6 s>", extra_headers=SILENT).id)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for each in asking:
        each.start()
    for each in asking:
        each.join(PATIENCE)
    assert got == ["video_1", "video_1"]
    assert lossy.told() == {"1.6 s": 2}


@pytest.fixture
def ask(lossy):
    """Starts a create that takes longer than anybody waits here, and returns once its job runs: the call's thread,
    and where its error will be."""

    def ask(client):
        errors = []

        def create():
            with pytest.raises(openai.APIStatusError) as caught:
                client.videos.create(prompt="a cat <20 s>")
            errors.append(caught.value)

        asking = threading.Thread(target=create)
        asking.start()
        deadline = time.monotonic() + PATIENCE
        while not lossy.told():
            assert time.monotonic() < deadline, "no create came"
            time.sleep(0.01)
        return asking, errors

    return ask


def assert_known_as_unknown(error, folder):
    """The record that the client was told of is there to be looked up."""
    shown = run("ledger", "show", error.response.headers["x-reelgate-ledger-id"], folder=folder)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "state                unknown: it may have been taken" in shown.stdout


def test_a_gateway_that_dies_amid_a_create_does_not_start_a_second(lossy, ask, tmp_path):
    """RT06, RT29: killed, and started again before the SDK's own repeat comes."""
    config = tmp_path / "reelgate.toml"
    config.write_text(configured_for(f"http://{lossy.address}/v1"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    dying = Gateway(config, address, folder=tmp_path)
    # More repeats than are needed: the new gateway may take longer to start than the first ones take to come.
    with openai.OpenAI(base_url=dying.url, api_key=KEY, max_retries=5) as client:
        asking, errors = ask(client)
        dying.kill()
        with Gateway(config, address, folder=tmp_path):
            asking.join(PATIENCE)
    assert [(error.status_code, error.code) for error in errors] == [(409, "create_unresolved")]
    assert lossy.told() == {"20 s": 1}
    assert_final(errors[0])
    assert_known_as_unknown(errors[0], tmp_path)


def test_a_gateway_that_is_stopped_amid_a_create_answers_before_it_ends(lossy, ask, tmp_path):
    """RT05: after its drain time."""
    config = tmp_path / "reelgate.toml"
    config.write_text(configured_for(f"http://{lossy.address}/v1"))
    with Gateway(config, folder=tmp_path) as gateway, client_of(gateway) as client:
        asking, errors = ask(client)
        gateway.child.terminate()
        asking.join(PATIENCE)
        # Another signal would end it at once.
        gateway.says('"stopped"')
    assert [(error.status_code, error.code) for error in errors] == [(504, "upstream_outcome_unknown")]
    assert lossy.told() == {"20 s": 1}
    assert_final(errors[0])
    # Whoever starts next finds it, and says so.
    with Gateway(config, folder=tmp_path):
        assert_known_as_unknown(errors[0], tmp_path)


@pytest.mark.parametrize("way", ["a reset", "half a body", "a 500"])
def test_without_the_gateway_the_sdk_pays_again(lossy, way):
    with openai.OpenAI(base_url=f"http://{lossy.address}/v1", api_key=KEY, max_retries=2) as client:
        with pytest.raises(openai.OpenAIError):
            client.videos.create(prompt=f"a cat <{way}>")
    assert lossy.told() == {way: 3}, "or the tests above prove nothing"
