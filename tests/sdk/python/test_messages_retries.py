"""What the gateway absorbs for Anthropic's clients: refusals that pass by themselves. The SDK's own retries are off,
so that every attempt beyond the first is the gateway's."""

import anthropic
import pytest

from messages import HELLO, MESSAGE, error
from reelgate import KEY, configured_for
from scripted import Upstream, answer

# Attempts in all, as the default configuration has it.
ATTEMPTS = 3

PASSING = {429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def client(upstream, start_gateway):
    gateway = start_gateway(configured_for(upstream.url))
    with anthropic.Anthropic(base_url=gateway.origin, auth_token=KEY, max_retries=0) as client:
        yield client


def refusal(status):
    return answer(status, error(PASSING[status]), request_id="req_upstream", retry_after_ms="20")


@pytest.mark.parametrize("status", [429, 529])
def test_a_refusal_that_passes_is_not_seen(upstream, client, status):
    upstream.play(refusal(status), answer(200, MESSAGE))
    assert client.messages.create(**HELLO).id == "msg_1"
    assert len(upstream.asked) == 2
    assert upstream.asked[0].body == upstream.asked[1].body


@pytest.mark.parametrize("status", [429, 529])
def test_a_refusal_that_stays_is_told_after_the_last_attempt(upstream, client, status):
    upstream.play(refusal(status))
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**HELLO)
    assert (caught.value.status_code, caught.value.request_id) == (status, "req_upstream")
    assert caught.value.body == error(PASSING[status])
    assert len(upstream.asked) == ATTEMPTS


def test_a_server_error_is_the_clients_to_repeat(upstream, client):
    """Work may have begun: the gateway does not send it a second time by itself."""
    upstream.play(refusal(500), answer(200, MESSAGE))
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(**HELLO)
    assert len(upstream.asked) == 1
