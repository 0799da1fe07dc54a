"""The upstream accepts a create, bills it, and loses its answer: one call of the SDK, its own repeats on, is one job.

RT03, RT05, RT06, RT32
"""

import json
import urllib.request

import openai
import pytest

import lossy_upstream
from reelgate import KEY, PATIENCE, configured_for

TIMES = 'submit_timeout = "400ms"\n'


@pytest.fixture(scope="module")
def lossy():
    return lossy_upstream.Server()


@pytest.fixture(scope="module")
def gateway(start_gateway, lossy):
    return start_gateway(configured_for(f"http://{lossy.address}/v1", TIMES))


def jobs(lossy):
    with urllib.request.urlopen(f"http://{lossy.address}/jobs", timeout=PATIENCE) as answer:
        return json.load(answer)


def create(url, way, **options):
    with openai.OpenAI(base_url=url, api_key=KEY, max_retries=2, **options) as client:
        return client.videos.create(prompt=f"a cat <{way}>")


@pytest.mark.parametrize("way", lossy_upstream.WAYS)
def test_however_the_answer_is_lost_one_call_is_one_job(gateway, lossy, way):
    with pytest.raises(openai.APIStatusError) as caught:
        create(gateway.url, way)
    assert jobs(lossy)[way] == 1
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.request_id


@pytest.mark.anyio
async def test_nor_does_the_asynchronous_client_start_a_second(gateway, lossy):
    before = jobs(lossy).get("a reset", 0)
    async with openai.AsyncOpenAI(base_url=gateway.url, api_key=KEY, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError):
            await client.videos.create(prompt="another cat <a reset>")
    assert jobs(lossy)["a reset"] == before + 1


def test_a_client_that_announces_its_patience_is_answered_before_it_is_over(start_gateway, lossy):
    """RT32"""
    patient = start_gateway(configured_for(f"http://{lossy.address}/v1"))
    with pytest.raises(openai.InternalServerError) as caught:
        create(patient.url, "3 s", timeout=1.0)
    assert (caught.value.status_code, caught.value.code) == (504, "upstream_outcome_unknown")
    assert jobs(lossy)["3 s"] == 1


def test_a_repeat_of_a_call_that_is_still_open_waits_for_its_answer(start_gateway, lossy):
    """RT24, RT29: a client that gives up without a word, and its own repeat."""
    patient = start_gateway(configured_for(f"http://{lossy.address}/v1"))
    # Without the announcement the gateway cannot know how long its client waits.
    silent = {"x-stainless-read-timeout": openai.Omit(), "x-stainless-timeout": openai.Omit()}
    video = create(patient.url, "1.5 s", timeout=1.0, default_headers=silent)
    assert video.id == "video_1"
    assert jobs(lossy)["1.5 s"] == 1


@pytest.mark.parametrize("way", ["a reset", "half a body", "a 500"])
def test_without_the_gateway_the_sdk_pays_again(way):
    alone = lossy_upstream.Server()
    with pytest.raises(openai.OpenAIError):
        create(f"http://{alone.address}/v1", way)
    assert jobs(alone)[way] == 3, "or the tests above prove nothing"
