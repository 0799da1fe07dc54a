"""Keys of the gateway's own, and answers that are there before the upload has ended."""

import hashlib
import io

import anthropic
import openai
import pytest

from reelgate import KEY, Sandbox

UPSTREAM_KEY = "sk-upstream-0123456789abcdef"
WRONG_KEY = "sk-somebody-else-0123456789"
TRIES = 4

CONFIG = """
[auth]
mode = "keys"

[auth.keys.tests]
sha256 = "{digest}"

[limits]
form_body = "16KiB"

[upstreams.main]
base_url = "{upstream}"
credential = {{ env = "UPSTREAM_KEY" }}
"""

AZURE_CONFIG = """
presets = ["azure"]

[upstreams.main]
base_url = "{upstream}"
"""


@pytest.fixture(scope="module")
def locked():
    """An upstream that knows the gateway's credential and no other."""
    with Sandbox("--key", UPSTREAM_KEY) as locked:
        yield locked


@pytest.fixture(scope="module")
def keyed(start_gateway, locked):
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    return start_gateway(CONFIG.format(digest=digest, upstream=locked.url), UPSTREAM_KEY=UPSTREAM_KEY)


def test_a_clients_key_opens_the_gateway_and_stays_there(keyed):
    # The upstream would refuse any key but its own.
    with openai.OpenAI(base_url=keyed.url, api_key=KEY, max_retries=0) as client:
        assert client.videos.create(prompt="a cat").status == "queued"


def test_azures_client_sends_its_key_in_a_header_of_its_own(start_gateway, locked):
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    config = 'presets = ["azure"]\n' + CONFIG.format(digest=digest, upstream=locked.url)
    gateway = start_gateway(config, UPSTREAM_KEY=UPSTREAM_KEY)
    azure = {"base_url": gateway.url, "api_version": "preview", "max_retries": 0}
    with openai.AzureOpenAI(api_key=KEY, **azure) as client:
        assert client.videos.create(prompt="a cat").status == "queued"
    with openai.AzureOpenAI(api_key=WRONG_KEY, **azure) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.videos.list()
    assert caught.value.code == "invalid_api_key"
    assert KEY not in "".join(gateway.output)


def test_azures_client_is_passed_through_to_an_upstream_that_wants_a_bearer(start_gateway):
    own = "azure-0123456789abcdef0123456789"
    with Sandbox("--key", own) as azure:
        config = AZURE_CONFIG.format(upstream=azure.url)
        gateway = start_gateway(config)
        with openai.AzureOpenAI(
            base_url=gateway.url, api_key=own, api_version="preview", max_retries=0
        ) as client:
            assert client.videos.create(prompt="a cat", model="sora-2").status == "queued"
        assert own not in "".join(gateway.output)


def test_a_wrong_key_is_shown_masked(keyed, locked):
    locked.forget()
    with openai.OpenAI(base_url=keyed.url, api_key=WRONG_KEY, max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.videos.list()
    assert caught.value.code == "invalid_api_key"
    assert caught.value.body["message"] == (
        "Incorrect API key provided: sk-someb***************6789. "
        "You can find your API key at https://platform.openai.com/account/api-keys."
    )
    assert locked.requests() == []


def test_no_key_stands_in_the_log(keyed):
    log = "".join(keyed.output)
    assert "/v1/videos" in log
    for key in (KEY, WRONG_KEY, UPSTREAM_KEY):
        assert key not in log


# What is refused while it is still being sent: the key from the head alone, the size from its announcement.
EARLY = {"401": (WRONG_KEY, openai.AuthenticationError), "413": (KEY, openai.APIStatusError)}
SIZES = {"20 kB": 20_000, "8 MB": 8_000_000}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("status", EARLY)
def test_an_early_refusal_is_seen(keyed, status, size):
    key, exception = EARLY[status]
    upload = bytes(SIZES[size])
    with openai.OpenAI(base_url=keyed.url, api_key=key, max_retries=0) as client:
        for _ in range(TRIES):
            with pytest.raises(exception) as caught:
                client.videos.create(prompt="a cat", input_reference=("cat.png", io.BytesIO(upload)))
            assert caught.value.status_code == int(status)


@pytest.mark.anyio
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("status", EARLY)
async def test_an_early_refusal_is_seen_by_the_asynchronous_client(keyed, status, size):
    key, exception = EARLY[status]
    upload = bytes(SIZES[size])
    async with openai.AsyncOpenAI(base_url=keyed.url, api_key=key, max_retries=0) as client:
        for _ in range(TRIES):
            with pytest.raises(exception) as caught:
                await client.videos.create(prompt="a cat", input_reference=("cat.png", upload))
            assert caught.value.status_code == int(status)


def test_anthropics_client_gets_its_own_form(keyed):
    # The SDK appends /v1 itself.
    with anthropic.Anthropic(base_url=keyed.origin, auth_token=WRONG_KEY, max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            client.messages.create(
                model="claude", max_tokens=16, messages=[{"role": "user", "content": "Hello"}]
            )
    error = caught.value
    assert error.body["type"] == "error"
    assert error.body["error"]["type"] == "authentication_error"
    assert error.request_id == error.body["request_id"]
