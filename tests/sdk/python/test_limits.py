"""What the gateway refuses for the moment, as OpenAI's client sees it: rates, job slots, load, and an upstream that is
left alone.

LM07, LM08, RT19
"""

import hashlib
import threading

import openai
import pytest

from reelgate import KEY, PATIENCE, Sandbox, configured_for

OTHER_KEY = "sk-other-0123456789abcdef"
UPSTREAM_KEY = "sk-upstream-0123456789abcdef"

KEYED = """
[auth]
mode = "keys"

[auth.keys.team]
sha256 = "{team}"

[auth.keys.other]
sha256 = "{other}"

[auth.key_quota]
submit = {{ rate = "2/min" }}

[upstreams.main]
base_url = "{upstream}"
credential = {{ env = "UPSTREAM_KEY" }}
"""


@pytest.fixture(autouse=True)
def nothing_before(sandbox):
    sandbox.forget()


def client_of(gateway, key=KEY, **options):
    return openai.OpenAI(base_url=gateway.url, api_key=key, **{"max_retries": 0, **options})


def refused(error, status, code):
    """Its headers, once it is seen to be this one."""
    assert (error.status_code, error.code) == (status, code)
    headers = error.response.headers
    # Both spellings of the wait: SDKs take the milliseconds.
    assert int(headers["retry-after"]) == -(-int(headers["retry-after-ms"]) // 1000)
    assert "x-should-retry" not in headers, "nothing was sent, and the SDK may come back"
    return headers


# --- rates ----------------------------------------------------------------------------------------------------------


def test_each_key_has_its_own_rate(start_gateway, sandbox):
    """LM08"""
    team, other = (hashlib.sha256(key.encode()).hexdigest() for key in (KEY, OTHER_KEY))
    config = KEYED.format(team=team, other=other, upstream=sandbox.url)
    keyed = start_gateway(config, UPSTREAM_KEY=UPSTREAM_KEY)
    with client_of(keyed) as client:
        for left in ("1", "0"):
            told = client.videos.with_raw_response.create(prompt="a cat").headers
            assert told["x-ratelimit-limit-requests"] == "2"
            assert told["x-ratelimit-remaining-requests"] == left
            assert told["x-ratelimit-reset-requests"]
        with pytest.raises(openai.RateLimitError) as caught:
            client.videos.create(prompt="a cat")
        # Polling takes nothing from creates, nor they from it.
        assert len(client.videos.list().data) == 2
    headers = refused(caught.value, 429, "rate_limit_exceeded")
    assert 1 <= int(headers["retry-after"]) <= 30
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert caught.value.type == "requests"
    assert "in organization team on requests per min (RPM): Limit 2, Used 2, Requested 1." in caught.value.message
    with client_of(keyed, OTHER_KEY) as client:
        assert client.videos.create(prompt="a cat").status == "queued"
    assert sandbox.jobs_started() == 3


def test_the_sdk_comes_back_by_itself_when_it_is_its_turn(start_gateway, sandbox):
    limited = start_gateway(configured_for(sandbox.url, '[quota]\nsubmit = { rate = "2/s", burst = 1 }\n'))
    with client_of(limited, max_retries=2) as client:
        assert {client.videos.create(prompt="a cat").status for _ in range(3)} == {"queued"}
    assert sandbox.jobs_started() == 3
    refusals = 'reelgate_rejections_total{code="rate_limit_exceeded",param="none",route="/v1/videos"}'
    assert limited.metric(refusals) >= 2, "or nobody was ever refused"


# --- job slots ------------------------------------------------------------------------------------------------------

ONE_JOB = "quota.max_jobs = 1\n"


def test_more_jobs_than_slots_are_refused_until_one_is_seen_to_end(start_gateway, sandbox):
    slotted = start_gateway(configured_for(sandbox.url, ONE_JOB + 'quota.jobs_wait = "0s"\n'))
    with client_of(slotted) as client:
        first = client.videos.create(prompt="a cat")
        with pytest.raises(openai.RateLimitError) as caught:
            client.videos.create(prompt="a dog")
        refused(caught.value, 429, "rate_limit_exceeded")
        assert caught.value.body["message"] == "Too many running tasks"
        assert sandbox.jobs_started() == 1

        assert client.videos.poll(first.id, poll_interval_ms=10).status == "completed"
        second = client.videos.create(prompt="a dog")
        client.videos.delete(second.id)
        assert client.videos.create(prompt="a bird").status == "queued"
    assert sandbox.jobs_started() == 3


def test_a_create_may_wait_for_a_slot(start_gateway, sandbox):
    waiting = start_gateway(configured_for(sandbox.url, ONE_JOB + f'quota.jobs_wait = "{PATIENCE}s"\n'))
    with client_of(waiting) as client:
        first = client.videos.create(prompt="a cat")
        created = []
        second = threading.Thread(target=lambda: created.append(client.videos.create(prompt="a dog")))
        second.start()
        client.videos.poll(first.id, poll_interval_ms=10)
        second.join(PATIENCE)
    assert [video.status for video in created] == ["queued"]


# --- load -----------------------------------------------------------------------------------------------------------


def test_over_the_limit_in_flight_it_is_overloaded_for_a_moment(start_gateway, sandbox):
    """LM07"""
    limits = '[limits]\nin_flight = 1\nin_flight_queue = 0\nin_flight_wait = "0s"\n'
    narrow = start_gateway(configured_for(sandbox.url, limits))
    slow = {"x-sandbox-fault": "ok;delay=700ms"}
    with client_of(narrow) as client, client_of(narrow, max_retries=2) as persistent:
        busy = threading.Thread(target=lambda: client.videos.create(prompt="a cat", extra_headers=slow))
        busy.start()
        sandbox.await_request("POST")
        with pytest.raises(openai.InternalServerError) as caught:
            client.videos.create(prompt="a dog")
        headers = refused(caught.value, 503, "overloaded")
        assert headers["retry-after"] == "1"
        # Reads have places of their own, and who comes back finds one.
        assert client.videos.list().data is not None
        assert persistent.videos.create(prompt="a bird").status == "queued"
        busy.join(PATIENCE)
    assert sandbox.jobs_started() == 2


# --- an upstream that is left alone ---------------------------------------------------------------------------------


def test_an_upstream_that_fails_is_left_alone_for_a_while(start_gateway):
    """RT19"""
    config = "retry.attempts = 1\nbreaker.open = \"700ms\"\n"
    with Sandbox() as poor:
        text = configured_for(poor.url, config).replace("breaker.consecutive = 0", "breaker.consecutive = 2")
        breaking = start_gateway(text)
        poor.play("*", "status=500", "status=500")
        with client_of(breaking) as client, client_of(breaking, max_retries=2) as persistent:
            for _ in range(2):
                with pytest.raises(openai.InternalServerError) as caught:
                    client.videos.list()
                assert caught.value.status_code == 500
            for call in (client.videos.list, lambda: client.videos.create(prompt="a cat")):
                with pytest.raises(openai.InternalServerError) as caught:
                    call()
                refused(caught.value, 503, "upstream_unavailable")
            assert len(poor.requests()) == 2, "it is left alone"
            # It has recovered by the time the SDK was told to come back.
            assert persistent.videos.create(prompt="a cat").status == "queued"
            assert client.videos.list().data
        assert poor.jobs_started() == 1
