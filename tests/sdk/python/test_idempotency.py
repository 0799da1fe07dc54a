"""An Idempotency-Key names a create: asked for again, it is still one job.

RT22, RT23, RT24
"""

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from reelgate import KEY, Gateway, configured_for

CREATE = "POST /v1/videos"


@pytest.fixture(autouse=True)
def nothing_before(sandbox):
    sandbox.forget()


def create(client, key, prompt="a cat", **more):
    """The video and the answer's headers."""
    headers = {"idempotency-key": key, **more.pop("headers", {})}
    raw = client.videos.with_raw_response.create(prompt=prompt, extra_headers=headers, **more)
    return raw.parse(), raw.headers


def test_the_same_key_and_body_get_the_first_answer_again(client, sandbox):
    first, told = create(client, "replay")
    again, told_again = create(client, "replay")
    assert again == first
    assert "x-reelgate-replayed" not in told
    assert told_again["x-reelgate-replayed"] == "true"
    assert told_again["x-reelgate-ledger-id"] == told["x-reelgate-ledger-id"]
    assert sandbox.jobs_started() == 1


def test_a_file_is_part_of_the_body(client, sandbox, image):
    """Each form has a boundary of its own, and yet it is the same form."""
    cat, dog = ("ref.png", image, "image/png"), ("ref.png", image + b"\0", "image/png")
    first, _ = create(client, "file", input_reference=cat)
    assert create(client, "file", input_reference=cat)[0] == first
    with pytest.raises(openai.UnprocessableEntityError):
        create(client, "file", input_reference=dog)
    assert sandbox.jobs_started() == 1


def test_the_same_key_with_another_body_is_refused(gateway, sandbox):
    # The SDK's own repeats are on: a 409 would be asked again.
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=2) as client:
        create(client, "mismatch")
        for other in ({"prompt": "a dog"}, {"seconds": "8"}, {"model": "sora-2-pro", "seconds": "10"}):
            with pytest.raises(openai.UnprocessableEntityError) as caught:
                create(client, "mismatch", **other)
            assert caught.value.code == "idempotency_mismatch"
            assert caught.value.type == "invalid_request_error"
            assert "already used" in caught.value.message
    assert sandbox.jobs_started() == 1
    assert len(sandbox.requests()) == 1


def test_a_key_is_one_clients_and_one_operations(gateway, client, sandbox):
    video, _ = create(client, "shared")
    with openai.OpenAI(base_url=gateway.url, api_key="sk-another-0123456789", max_retries=0) as another:
        other, told = create(another, "shared")
    assert other.id != video.id
    assert "x-reelgate-replayed" not in told
    done = client.videos.poll(video.id, poll_interval_ms=10)
    remixes = [
        client.videos.remix(done.id, prompt="a dog", extra_headers={"idempotency-key": "shared"}).id for _ in range(2)
    ]
    assert remixes[0] == remixes[1] != video.id
    assert sandbox.jobs_started() == 3


def test_without_a_key_asking_twice_is_two_jobs(client, sandbox):
    assert client.videos.create(prompt="a cat").id != client.videos.create(prompt="a cat").id
    assert sandbox.jobs_started() == 2


def test_twins_at_the_same_time_are_one_job(client, sandbox):
    """RT24"""
    slow = {"x-sandbox-fault": "ok;delay=300ms"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: create(client, "twins", headers=slow), range(4)))
    assert len({video.id for video, _ in answers}) == 1
    assert sorted(told.get("x-reelgate-replayed", "") for _, told in answers) == ["", "true", "true", "true"]
    assert sandbox.jobs_started() == 1


def test_a_key_outlives_the_process(sandbox, tmp_path):
    config = tmp_path / "reelgate.toml"
    config.write_text(configured_for(sandbox.url))
    ids = []
    for _ in range(2):
        with Gateway(config, folder=tmp_path) as gateway:
            with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
                video, told = create(client, "restart")
                ids.append((video.id, told["x-reelgate-ledger-id"]))
    assert ids[0] == ids[1]
    assert sandbox.jobs_started() == 1


def test_a_key_whose_outcome_is_unknown_is_never_sent_again(gateway, sandbox):
    sandbox.play(CREATE, "accept-then-reset")
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError) as lost:
            create(client, "unknown")
        assert lost.value.code == "upstream_outcome_unknown"
        with pytest.raises(openai.ConflictError) as told:
            create(client, "unknown")
    record = lost.value.response.headers["x-reelgate-ledger-id"]
    assert told.value.code == "create_unresolved"
    assert told.value.response.headers["x-reelgate-ledger-id"] == record
    assert f"reelgate ledger show {record}" in told.value.message
    assert len(sandbox.requests()) == 1


def test_a_key_that_met_a_refusal_of_the_moment_is_free_again(client, sandbox):
    sandbox.play(CREATE, *["429;retry-after-ms=1"] * 3)
    with pytest.raises(openai.RateLimitError):
        create(client, "moment")
    _, told = create(client, "moment")
    assert "x-reelgate-replayed" not in told
    assert sandbox.jobs_started() == 1


@pytest.mark.parametrize("key", ["", "k" * 256], ids=["empty", "long"])
def test_an_odd_key_is_refused_before_anything_is_sent(client, sandbox, key):
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, key)
    assert caught.value.code == "invalid_idempotency_key"
    assert sandbox.requests() == []
