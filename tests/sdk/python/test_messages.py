"""Anthropic's SDK: messages pass, stream as they come, and fail in Anthropic's words."""

import threading
import time

import anthropic
import openai
import pytest

from messages import BEGIN, END, HELLO, MESSAGE, delta, error, event
from reelgate import KEY, configured_for
from scripted import CUT, Upstream, after, answer, stream

LIMITS = '\n[limits]\nmessages_body = "4KiB"\n'


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream, start_gateway):
    # Times that no message may be held to: those of videos.
    video_times = 'submit_timeout = "200ms"\nfetch_timeout = "200ms"\n'
    return start_gateway(configured_for(upstream.url, video_times + LIMITS))


@pytest.fixture(scope="module")
def client(gateway):
    with anthropic.Anthropic(base_url=gateway.origin, auth_token=KEY, max_retries=0) as client:
        yield client


def test_a_message_passes(upstream, client):
    upstream.play(answer(200, MESSAGE, request_id="req_upstream"))
    message = client.messages.create(**HELLO)
    assert message.content[0].text == "Hello there"
    assert message._request_id == "req_upstream"
    [asked] = upstream.asked
    assert (asked.method, asked.path) == ("POST", "/v1/messages")
    assert asked.headers["anthropic-version"]
    assert asked.headers["authorization"] == f"Bearer {KEY}"


def test_an_api_key_passes_where_older_clients_put_it(upstream, gateway):
    upstream.play(answer(200, MESSAGE))
    with anthropic.Anthropic(base_url=gateway.origin, api_key=KEY, max_retries=0) as client:
        client.messages.create(**HELLO, extra_headers={"x-api-key": KEY, "authorization": anthropic.omit})
    assert upstream.asked[0].headers["x-api-key"] == KEY


def test_the_siblings_of_messages_pass(upstream, client):
    upstream.play(answer(200, {"input_tokens": 8}))
    counted = client.messages.count_tokens(model=HELLO["model"], messages=HELLO["messages"])
    assert counted.input_tokens == 8
    upstream.play(answer(200, {"id": "msgbatch_1", "type": "message_batch"}))
    batch = client.messages.batches.create(requests=[{"custom_id": "a", "params": HELLO}])
    assert batch.id == "msgbatch_1"
    upstream.play(answer(200, {"data": [{"id": "claude", "type": "model"}], "has_more": False}))
    assert [model.id for model in client.models.list()] == ["claude"]
    assert upstream.asked[0].path.startswith("/v1/models")


def test_a_message_may_take_longer_than_a_video_call(upstream, client):
    upstream.play(after(1, answer(200, MESSAGE)))
    assert client.messages.create(**HELLO).id == "msg_1"


# --- streams --------------------------------------------------------------------------------------------------------


def texts(events):
    return [event.delta.text for event in events if event.type == "content_block_delta"]


def test_text_arrives_as_it_is_sent(upstream, client):
    upstream.play(stream(BEGIN, delta("Hello"), delta(" there"), END, request_id="req_upstream"))
    with client.messages.stream(**HELLO) as streamed:
        assert list(streamed.text_stream) == ["Hello", " there"]
        assert streamed.get_final_message().stop_reason == "end_turn"
        assert streamed.request_id == "req_upstream"


def test_every_event_is_sent_on_at_once(upstream, client):
    gates = [threading.Event() for _ in range(4)]
    steps = [step for number, gate in enumerate(gates) for step in (delta(str(number)), gate)]
    upstream.play(stream(*steps, END))
    late = []
    events = client.messages.create(**HELLO, stream=True)
    for number, gate in enumerate(gates):
        assert next(events).delta.text == str(number)
        late.append(time.monotonic() - upstream.sent_at[number])
        gate.set()
    assert max(late[1:]) < 0.1, late
    assert [event.type for event in events][-1] == "message_stop"


@pytest.mark.parametrize("half", ["", delta("lost")[:40]], ids=["between events", "within an event"])
def test_a_stream_that_dies_is_an_error_and_not_a_short_answer(upstream, client, half):
    upstream.play(stream(BEGIN, delta("Hello"), half or ": ping\n\n", CUT, request_id="req_upstream"))
    came = []
    with pytest.raises(anthropic.APIStatusError) as caught:
        for streamed in client.messages.create(**HELLO, stream=True):
            came.append(streamed)
    assert texts(came) == ["Hello"]
    assert caught.value.status_code == 200
    assert caught.value.body["error"]["type"] == "api_error"
    assert caught.value.body["request_id"] == caught.value.request_id == "req_upstream"


def test_the_upstreams_own_last_word_is_the_last(upstream, client):
    upstream.play(stream(BEGIN, event(error("overloaded_error", "Overloaded")), CUT))
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(client.messages.create(**HELLO, stream=True))
    assert caught.value.body["error"] == {"type": "overloaded_error", "message": "Overloaded"}


def test_a_stream_that_said_its_last_word_has_not_died(upstream, client):
    upstream.play(stream(BEGIN, delta("Hello"), END, CUT))
    assert texts(client.messages.create(**HELLO, stream=True)) == ["Hello"]


def test_openais_client_hears_of_a_stream_that_dies(upstream, gateway):
    upstream.play(stream('data: {"id":"c","choices":[]}\n\n', 'data: {"id":', CUT))
    came = []
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        chunks = client.chat.completions.create(model="m", messages=[], stream=True)
        with pytest.raises(openai.APIError) as caught:
            for chunk in chunks:
                came.append(chunk.id)
    assert came == ["c"]
    assert (caught.value.type, caught.value.code) == ("server_error", "upstream_connection_lost")
    upstream.play(stream('data: {"id":"c","choices":[]}\n\n', "data: [DONE]\n\n", CUT))
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        assert len(list(client.chat.completions.create(model="m", messages=[], stream=True))) == 1


# --- errors ---------------------------------------------------------------------------------------------------------

SAID = {
    401: ("authentication_error", anthropic.AuthenticationError),
    403: ("permission_error", anthropic.PermissionDeniedError),
    404: ("not_found_error", anthropic.NotFoundError),
    413: ("request_too_large", anthropic.ContentTooLargeError),
    429: ("rate_limit_error", anthropic.RateLimitError),
    500: ("api_error", anthropic.InternalServerError),
    529: ("overloaded_error", anthropic.OverloadedError),
}


@pytest.mark.parametrize("status", SAID)
def test_what_the_upstream_says_is_raised_as_it_says_it(upstream, client, status):
    kind, raised = SAID[status]
    upstream.play(answer(status, error(kind), request_id="req_upstream"))
    with pytest.raises(raised) as caught:
        client.messages.create(**HELLO)
    assert caught.value.status_code == status
    assert caught.value.request_id == "req_upstream"
    assert caught.value.body == error(kind)


def test_a_body_too_large_is_refused_in_anthropics_words(upstream, client):
    upstream.play(answer(200, MESSAGE))
    with pytest.raises(anthropic.ContentTooLargeError) as caught:
        client.messages.create(**HELLO | {"messages": [{"role": "user", "content": "x" * 5000}]})
    assert caught.value.body["error"] == {
        "type": "request_too_large",
        "message": "Request exceeds the maximum size",
    }
    assert caught.value.request_id and caught.value.request_id == caught.value.body["request_id"]
    assert upstream.asked == []


def test_an_upstream_that_is_not_there_is_a_server_error(start_gateway):
    with Upstream() as gone:
        url = gone.url
    gateway = start_gateway(configured_for(url))
    with anthropic.Anthropic(base_url=gateway.origin, auth_token=KEY, max_retries=0) as client:
        with pytest.raises(anthropic.InternalServerError) as caught:
            client.messages.create(**HELLO)
    assert (caught.value.status_code, caught.value.body["error"]["type"]) == (502, "api_error")
    assert caught.value.request_id == caught.value.body["request_id"]
