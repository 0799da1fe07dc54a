"""A create costs money: however its answer is lost, the SDK's own retries never start a second video."""

import openai
import pytest

from reelgate import KEY, configured_for

CREATE = "POST /v1/videos"


@pytest.fixture(scope="module")
def impatient_gateway(start_gateway, sandbox):
    return start_gateway(configured_for(sandbox.url, 'submit_timeout = "200ms"\n'))


@pytest.fixture(autouse=True)
def nothing_before(sandbox):
    sandbox.forget()


LOST = {
    "the upstream hangs up after it accepted": ("accept-then-reset", 502),
    "the upstream falls silent after it accepted": ("accept-then-stall", 504),
    "the upstream hangs up, and nobody knows why": ("reset", 502),
    "the answer breaks off": ("truncate=10", 502),
}


@pytest.mark.parametrize("case", LOST)
def test_a_lost_answer_is_never_answered_by_a_second_create(impatient_gateway, sandbox, case):
    fault, status = LOST[case]
    # Once, so that a repeated create would succeed and show.
    sandbox.play(CREATE, fault)
    with openai.OpenAI(base_url=impatient_gateway.url, api_key=KEY, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.videos.create(prompt="a cat")
    assert (caught.value.status_code, caught.value.code) == (status, "upstream_outcome_unknown")
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(sandbox.requests()) == 1
    assert sandbox.jobs_started() <= 1


@pytest.mark.anyio
async def test_nor_does_the_asynchronous_client_repeat_it(gateway, sandbox):
    sandbox.play(CREATE, "accept-then-reset")
    async with openai.AsyncOpenAI(base_url=gateway.url, api_key=KEY, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.videos.create(prompt="a cat")
    assert caught.value.code == "upstream_outcome_unknown"
    assert sandbox.jobs_started() == 1


def test_without_the_gateway_the_sdk_pays_twice(sandbox):
    sandbox.play(CREATE, "accept-then-reset")
    with openai.OpenAI(base_url=sandbox.url, api_key=KEY, max_retries=2) as client:
        client.videos.create(prompt="a cat")
    assert sandbox.jobs_started() == 2, "or the tests above prove nothing"


@pytest.mark.parametrize("fault", ["429;retry-after-ms=20", "503;retry-after-ms=20"])
def test_a_create_that_was_refused_is_repeated_by_the_gateway(gateway, sandbox, fault):
    sandbox.play(CREATE, fault, fault)
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=2) as client:
        assert client.videos.create(prompt="a cat").status == "queued"
    tries = [request["headers"]["x-stainless-retry-count"] for request in sandbox.requests()]
    assert tries == ["0", "0", "0"]
    assert sandbox.jobs_started() == 1


def test_polls_that_fail_on_the_way_are_repeated(gateway, sandbox):
    sandbox.play("GET /v1/videos/*", "reset", "503;retry-after-ms=20")
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=2) as client:
        video = client.videos.create_and_poll(prompt="a cat", poll_interval_ms=10)
    assert video.status == "completed"
    assert sandbox.jobs_started() == 1


def test_an_idempotency_key_reaches_the_upstream(client, sandbox):
    client.videos.create(prompt="a cat", extra_headers={"idempotency-key": "order-7"})
    assert sandbox.requests()[-1]["headers"]["idempotency-key"] == "order-7"
