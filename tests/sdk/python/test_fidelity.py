"""The promise: what is wrong is refused with the very answer the upstream would have given.

Every call is made twice, to the sandbox and to the gateway in front of it, whose table is the sandbox's. The sandbox
has rules and words of its own, so that agreement proves something.
"""

import openai
import pytest
from openai import omit

CAT = "a cat"
JSON = {"content-type": "application/json"}


def create(prompt=CAT, as_json=False, **fields):
    """A create whose fields are sent as they stand here, whatever the client's types say."""

    def call(client):
        headers = JSON if as_json else None
        return client.videos.create(prompt=prompt, extra_body=fields, extra_headers=headers)

    return call


def post(path, content, content_type):
    def call(client):
        options = {"headers": {"content-type": content_type}}
        return client.post(path, content=content, options=options, cast_to=object)

    return call


WRONG = {
    "seconds 10": create(seconds="10"),
    "seconds 08": create(seconds="08"),
    "seconds with a space": create(seconds=" 8"),
    "seconds 8.0": create(seconds="8.0"),
    "seconds empty": create(seconds=""),
    "seconds in other digits": create(seconds="十"),
    "seconds for pro": create(model="sora-2-pro", seconds="7"),
    "seconds, an integer in JSON": create(as_json=True, seconds=8),
    "seconds, a decimal in JSON": create(as_json=True, seconds=8.5),
    "seconds, a boolean in JSON": create(as_json=True, seconds=True),
    "seconds, an array in JSON": create(as_json=True, seconds=["8"]),
    "seconds, an object in JSON": create(as_json=True, seconds={"value": 8}),
    "size": create(size="1920x1080"),
    "size with a capital": create(size="1280X720"),
    "size, an integer in JSON": create(as_json=True, size=720),
    "size the model has not": create(model="sora-2", size="1024x1792"),
    "prompt and size, of which the prompt comes first": create(prompt="", size="1x1"),
    "model": create(model="sora-1-turbo"),
    "model, an integer in JSON": create(as_json=True, model=2),
    "prompt missing": create(prompt=omit, seconds="8"),
    "prompt empty": create(prompt=""),
    "prompt too long": create(prompt="ä" * 32001),
    "prompt, an integer in JSON": create(as_json=True, prompt=5),
    "unknown parameter": create(duration="8"),
    "unknown parameter before a wrong value": create(seconds="10", width="5"),
    "reference of a wrong type": lambda client: client.videos.create(
        prompt=CAT, input_reference=("cat.gif", b"GIF89a", "image/gif")
    ),
    "JSON that is none": post("/videos", b"{", "application/json"),
    "JSON that is no object": post("/videos", b"[]", "application/json"),
    "another content type": post("/videos", b"prompt=a", "text/plain"),
    "limit above": lambda client: client.videos.list(limit=101),
    "limit below": lambda client: client.videos.list(limit=-1),
    "order": lambda client: client.videos.list(order="newest"),
    "variant": lambda client: client.videos.download_content("video_1", variant="gif"),
    "remix without a prompt": lambda client: client.videos.remix("video_1", prompt=omit),
    "remix with seconds": lambda client: client.videos.remix(
        "video_1", prompt=CAT, extra_body={"seconds": "8"}
    ),
    "extension by 10": lambda client: client.videos.extend(
        prompt=CAT, seconds="10", video=("film.mp4", b"film")
    ),
    "extension without a video": lambda client: client.videos.extend(prompt=CAT, seconds="8", video=omit),
    "character without a video": lambda client: client.videos.create_character(name="Tom", video=omit),
    "unknown URL": lambda client: client.post("/videos/generations", cast_to=object, body={}),
    "unknown method": lambda client: client.put("/videos", cast_to=object, body={}),
    # These the upstream judges; nothing of its answer may be lost on the way.
    "a video that is not there": lambda client: client.videos.retrieve("video_0"),
    "an id with a space": lambda client: client.videos.retrieve("video 0"),
    "a character that is not there": lambda client: client.videos.get_character("char_0"),
    "content of a video that is not there": lambda client: client.videos.download_content("video_0"),
    "remix of a video that is not there": lambda client: client.videos.remix("video_0", prompt=CAT),
}


def refusal(client, call):
    with pytest.raises(openai.APIStatusError) as caught:
        call(client)
    error = caught.value
    return {
        "exception": type(error),
        "text": str(error),
        "status": error.status_code,
        "type": error.type,
        "param": error.param,
        "code": error.code,
        "content-type": error.response.headers["content-type"],
        "body": error.response.content,
        "should retry": error.response.headers.get("x-should-retry"),
    }


@pytest.mark.parametrize("case", WRONG)
def test_the_gateway_refuses_as_the_upstream_does(client, direct, case):
    assert refusal(client, WRONG[case]) == refusal(direct, WRONG[case])


def test_what_the_gateway_refuses_never_reaches_the_upstream(client, sandbox):
    sandbox.forget()
    refusal(client, WRONG["seconds 10"])
    refusal(client, WRONG["unknown parameter"])
    assert sandbox.requests() == []
