"""What operators may have done to the unsupported, as the client and the upstream see it."""

import openai
import pytest

from reelgate import KEY

PROMPT = "a cat"


@pytest.fixture(scope="module")
def client_of(start_gateway, sandbox):
    """A client of a gateway with this configuration."""

    def client_of(config):
        gateway = start_gateway(f'{config}\n[upstreams.main]\nbase_url = "{sandbox.url}"\n')
        return openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0)

    return client_of


def made(client, **asked):
    """What was made, and what the client was told."""
    raw = client.videos.with_raw_response.create(prompt=PROMPT, **asked)
    video = raw.parse()
    return (video.model, video.seconds, video.size), raw.headers.get("x-reelgate-adjusted")


def test_adjusting_moves_to_the_nearest_and_tells(client_of):
    with client_of('[rewrite]\non_unsupported = "adjust"') as client:
        for seconds, nearest in {"1": "4", "6": "4", "7": "8", "10": "8", "11": "12", "99": "12"}.items():
            video, told = made(client, model="sora-2", seconds=seconds, size="1280x720")
            assert video == ("sora-2", nearest, "1280x720")
            assert told == f"seconds={seconds}->{nearest}"
        assert made(client, model="sora-2", seconds="8", size="1280x720") == (("sora-2", "8", "1280x720"), None)


def test_ties_and_rounding_are_the_operators_choice(client_of):
    with client_of('[rewrite]\non_unsupported = "adjust"\ntie = "upper"') as client:
        assert made(client, model="sora-2", seconds="6", size="1280x720")[0][1] == "8"
    with client_of('[rewrite]\non_unsupported = "adjust"\nrounding = "up"') as client:
        assert made(client, model="sora-2", seconds="9", size="1280x720")[0][1] == "12"


def test_a_client_may_ask_not_to_be_adjusted(client_of):
    with client_of('[rewrite]\non_unsupported = "adjust"\nmode_header = true') as client:
        with pytest.raises(openai.BadRequestError) as caught:
            made(client, model="sora-2", seconds="10", extra_headers={"x-reelgate-mode": "strict"})
    assert caught.value.param == "seconds"


def test_a_client_may_not_choose_where_the_operator_does_not_let_it(client_of):
    with client_of("") as client, pytest.raises(openai.BadRequestError):
        made(client, model="sora-2", seconds="10", extra_headers={"x-reelgate-mode": "adjust"})


def test_switching_finds_the_model_that_makes_just_that(client_of):
    with client_of('[rewrite]\non_unsupported = "switch"\nswitch_to = ["sora-2-pro"]') as client:
        video, told = made(client, model="sora-2", seconds="15", size="1280x720")
        assert video == ("sora-2-pro", "15", "1280x720")
        assert told == "model=sora-2->sora-2-pro"
        with pytest.raises(openai.BadRequestError) as caught:
            made(client, model="sora-2", seconds="99")
    assert caught.value.body["message"] == "Invalid value: '99'. Supported values are: '4', '8', and '12'."


def test_auto_is_the_model_for_the_length(client_of):
    with client_of("") as client:
        for seconds, model in {"8": "sora-2", "25": "sora-2-pro"}.items():
            video, told = made(client, model="auto", seconds=seconds)
            assert video[:2] == (model, seconds)
            assert told == f"model=auto->{model}"


def test_the_upstream_may_know_a_model_by_another_name(client_of, sandbox):
    sandbox.forget()
    mine = '[shared]\nmodel = []\n[models.mine]\nsend_as = "sora-2"\nseconds = [8]\nsizes = ["1280x720"]\n'
    with client_of(mine) as client:
        video, told = made(client, model="mine", seconds="8", size="1280x720")
    assert sandbox.requests()[-1]["fields"]["model"] == "sora-2"
    assert told is None, "a name is not an adjustment"
