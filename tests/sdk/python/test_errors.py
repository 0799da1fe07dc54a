"""Which exception a failure becomes, and what it says."""

import socket

import openai
import pytest
from openai import omit

from reelgate import KEY, Gateway, Sandbox, configured_for

PROMPT = "a cat"


def facts(error):
    """What programs look at."""
    return (error.status_code, error.type, error.param, error.code)


def fault(what):
    return {"x-sandbox-fault": what}


# --- what the gateway refuses by itself -----------------------------------------------------------------------------

INVALID = "invalid_request_error"

REFUSED = {
    "seconds": (
        lambda client: client.videos.create(model="sora-2", prompt=PROMPT, seconds="10"),
        openai.BadRequestError,
        (400, INVALID, "seconds", "invalid_value"),
        "Invalid value: '10'. Supported values are: '4', '8', and '12'.",
    ),
    "size": (
        lambda client: client.videos.create(prompt=PROMPT, size="1920x1080"),
        openai.BadRequestError,
        (400, INVALID, "size", "invalid_value"),
        "Invalid value: '1920x1080'. "
        "Supported values are: '720x1280', '1280x720', '1024x1792', and '1792x1024'.",
    ),
    "size of the model": (
        lambda client: client.videos.create(model="sora-2", prompt=PROMPT, size="1792x1024"),
        openai.BadRequestError,
        (400, INVALID, None, None),
        "Invalid size for sora-2 model, only 720x1280, 1280x720 are supported.",
    ),
    "prompt missing": (
        lambda client: client.videos.create(prompt=omit, model="sora-2"),
        openai.BadRequestError,
        (400, INVALID, "prompt", "missing_required_parameter"),
        "Missing required parameter: 'prompt'.",
    ),
    "prompt empty": (
        lambda client: client.videos.create(prompt=""),
        openai.BadRequestError,
        (400, INVALID, "prompt", "empty_string"),
        "Invalid 'prompt': empty string. "
        "Expected a string with minimum length 1, but got an empty string instead.",
    ),
    "bare bytes as image": (
        lambda client: client.videos.create(prompt=PROMPT, input_reference=b"\x89PNG"),
        openai.BadRequestError,
        (400, INVALID, "input_reference", "unsupported_file_mimetype"),
        "Invalid file 'input_reference': unsupported mimetype ('application/octet-stream'). "
        "Supported file formats are 'image/jpeg', 'image/png', 'image/webp', and 'video/mp4'.",
    ),
    "unknown parameter": (
        lambda client: client.videos.create(prompt=PROMPT, extra_body={"duration": 8}),
        openai.BadRequestError,
        (400, INVALID, "duration", "unknown_parameter"),
        "Unknown parameter: 'duration'.",
    ),
    "limit of a list": (
        lambda client: client.videos.list(limit=101),
        openai.BadRequestError,
        (400, INVALID, "limit", "integer_above_max_value"),
        "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
    ),
    "variant of a download": (
        lambda client: client.videos.download_content("video_1", variant="gif"),
        openai.BadRequestError,
        (400, INVALID, "variant", "invalid_value"),
        "Invalid value: 'gif'. Supported values are: 'video', 'thumbnail', and 'spritesheet'.",
    ),
    "id that cannot be one": (
        lambda client: client.videos.retrieve("../models"),
        openai.NotFoundError,
        (404, INVALID, None, None),
        "Video with id '../models' not found.",
    ),
    "method": (
        lambda client: client.put("/videos", cast_to=object, body={}),
        openai.APIStatusError,
        (405, INVALID, None, None),
        "Not allowed to PUT on /v1/videos. (HINT: Perhaps you meant to use a different HTTP method?)",
    ),
    "compressed body": (
        lambda client: client.videos.create(prompt=PROMPT, extra_headers={"content-encoding": "gzip"}),
        openai.APIStatusError,
        (415, INVALID, None, "unsupported_content_encoding"),
        "Unsupported content encoding: 'gzip'. Request bodies must be sent uncompressed.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_the_services_own_error(client, sandbox, case):
    call, exception, expected, message = REFUSED[case]
    sandbox.forget()
    with pytest.raises(openai.APIStatusError) as caught:
        call(client)
    error = caught.value
    assert type(error) is exception
    assert facts(error) == expected
    assert error.body["message"] == message
    assert str(error) == f"Error code: {error.status_code} - {message}"
    assert error.request_id.startswith("req_")
    assert sandbox.requests() == [], "the upstream is not called"


def test_a_model_nobody_has_is_not_found(start_gateway, sandbox):
    seed = start_gateway(f'[upstreams.main]\nbase_url = "{sandbox.url}"\n')
    with openai.OpenAI(base_url=seed.url, api_key=KEY) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            client.videos.create(model="sora-3", prompt=PROMPT)
    assert facts(caught.value) == (404, INVALID, None, "model_not_found")
    assert caught.value.body["message"] == (
        "The model `sora-3` does not exist or you do not have access to it."
    )


# --- what the upstream refuses --------------------------------------------------------------------------------------

UPSTREAM = [
    ("status=400", openai.BadRequestError, (400, INVALID, None, None)),
    ("status=401", openai.AuthenticationError, (401, INVALID, None, None)),
    ("status=402", openai.APIStatusError, (402, INVALID, None, None)),
    ("status=403", openai.PermissionDeniedError, (403, INVALID, None, None)),
    ("status=404", openai.NotFoundError, (404, INVALID, None, None)),
    ("status=409", openai.ConflictError, (409, INVALID, None, None)),
    ("status=422", openai.UnprocessableEntityError, (422, INVALID, None, None)),
    ("status=429", openai.RateLimitError, (429, "requests", None, "rate_limit_exceeded")),
    ("status=429;kind=quota", openai.RateLimitError, (429, "insufficient_quota", None, "insufficient_quota")),
    ("status=429;kind=tasks", openai.RateLimitError, (429, "video_generation_user_error", None, None)),
    ("status=429;kind=overloaded", openai.RateLimitError, (429, "server_error", None, None)),
    ("status=500", openai.InternalServerError, (500, "server_error", None, None)),
    ("status=502", openai.InternalServerError, (502, "server_error", None, None)),
    ("status=503", openai.InternalServerError, (503, "cf_service_unavailable", None, "503")),
    ("status=529", openai.InternalServerError, (529, "server_error", None, None)),
]


@pytest.mark.parametrize(("what", "exception", "expected"), UPSTREAM)
def test_an_upstreams_error_arrives_as_it_was_sent(client, direct, sandbox, what, exception, expected):
    caught = []
    for asked in (client, direct):
        with pytest.raises(openai.APIStatusError) as error:
            asked.videos.create(prompt=PROMPT, extra_headers=fault(what))
        caught.append(error.value)
    through, without = caught
    assert type(through) is type(without) is exception
    assert facts(through) == facts(without) == expected
    ids = [request["request_id"] for request in sandbox.requests()[-2:]]
    assert [through.request_id, without.request_id] == ids
    # A server error repeats its own request id.
    bodies = [error.response.content.replace(id.encode(), b"ID") for error, id in zip(caught, ids)]
    assert bodies[0] == bodies[1]


def test_the_wait_of_a_429_arrives(client):
    with pytest.raises(openai.RateLimitError) as caught:
        client.videos.create(prompt=PROMPT, extra_headers=fault("429;retry-after=2;retry-after-ms=1500"))
    headers = caught.value.response.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("2", "1500")


def test_a_video_that_is_not_there_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.videos.retrieve("video_0")
    assert caught.value.body["message"] == "Video with id 'video_0' not found."


def test_a_film_that_is_not_made_yet_is_not_found(client):
    with Sandbox(queue_time="1h") as slow:
        with openai.OpenAI(base_url=slow.url, api_key=KEY) as client:
            video = client.videos.create(prompt=PROMPT)
            with pytest.raises(openai.NotFoundError) as caught:
                client.videos.download_content(video.id)
    assert "Video is not ready yet" in caught.value.body["message"]


def test_a_key_the_upstream_does_not_know_is_refused_by_the_upstream(start_gateway):
    with Sandbox("--key", KEY) as locked:
        gateway = start_gateway(configured_for(locked.url))
        with openai.OpenAI(base_url=gateway.url, api_key=KEY) as client:
            assert client.videos.create(prompt=PROMPT).status == "queued"
        with openai.OpenAI(base_url=gateway.url, api_key="sk-wrong-0123456789") as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                client.videos.create(prompt=PROMPT)
    assert caught.value.code == "invalid_api_key"
    assert "Incorrect API key provided: sk-wrong*******6789." in caught.value.body["message"]


# --- an upstream that does not answer -------------------------------------------------------------------------------

SERVER = "server_error"


def test_an_upstream_that_is_not_there_is_a_bad_gateway(start_gateway):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but it does not listen
        gateway = start_gateway(configured_for(f"http://127.0.0.1:{unused.getsockname()[1]}/v1"))
        with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
            with pytest.raises(openai.InternalServerError) as caught:
                client.videos.create(prompt=PROMPT)
    assert facts(caught.value) == (502, SERVER, None, "upstream_unreachable")


def test_an_upstream_that_hangs_up_is_a_bad_gateway(client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.videos.list(extra_headers=fault("reset"))
    assert facts(caught.value) == (502, SERVER, None, "upstream_connection_lost")


def test_an_upstream_that_stays_silent_is_a_gateway_timeout(start_gateway, sandbox):
    gateway = start_gateway(configured_for(sandbox.url, 'fetch_timeout = "100ms"\n'))
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.videos.list(extra_headers=fault("stall"))
    assert facts(caught.value) == (504, SERVER, None, "upstream_timeout")


def test_a_client_that_is_less_patient_is_answered_before_it_gives_up(client):
    # RT32: the SDK announces its time-out; whoever gives up before we answer asks again.
    with pytest.raises(openai.InternalServerError) as caught:
        client.videos.list(extra_headers=fault("stall"), timeout=1)
    assert facts(caught.value) == (504, SERVER, None, "upstream_timeout")


@pytest.mark.parametrize("bytes_", [0, 20])
def test_json_that_breaks_off_is_never_taken_for_an_answer(client, bytes_):
    with pytest.raises(openai.InternalServerError) as caught:
        client.videos.list(extra_headers=fault(f"truncate={bytes_}"))
    assert facts(caught.value) == (502, SERVER, None, "upstream_connection_lost")


def test_a_download_that_breaks_off_goes_on_until_it_is_whole(client, direct):
    video = client.videos.create_and_poll(prompt=PROMPT, poll_interval_ms=10)
    film = direct.videos.download_content(video.id).content
    # The fault comes again with every part.
    cut = fault(f"truncate={len(film) // 3}")
    assert client.videos.download_content(video.id, extra_headers=cut).content == film


def test_a_download_that_breaks_off_for_good_is_never_taken_for_a_film(start_gateway, sandbox):
    gateway = start_gateway(configured_for(sandbox.url, "resume_attempts = 0\n"))
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        video = client.videos.create_and_poll(prompt=PROMPT, poll_interval_ms=10)
        with pytest.raises(openai.APIConnectionError):
            client.videos.download_content(video.id, extra_headers=fault("truncate=5000"))


def test_a_gateway_that_is_not_there_is_a_connection_error(tmp_path):
    config = tmp_path / "reelgate.toml"
    config.write_text(configured_for("http://127.0.0.1:9/v1"))
    with Gateway(config) as gateway:
        url = gateway.url
    with openai.OpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
        with pytest.raises(openai.APIConnectionError):
            client.videos.list()


@pytest.mark.parametrize(
    "path, hint",
    [
        ("", "base_url should end in /v1"),
        ("/v1/videos", "base_url should end in /v1, without a route behind it"),
        ("/v1/v1", "base_url should end in /v1, once"),
    ],
)
def test_a_wrong_base_url_is_told_beside_the_upstreams_words(gateway, path, hint):
    with openai.OpenAI(base_url=gateway.origin + path, api_key=KEY, max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            client.videos.create(prompt="a cat")
    assert caught.value.body["message"] == f"Invalid URL (POST {path}/videos)"
    assert caught.value.response.headers["x-reelgate-hint"] == hint
