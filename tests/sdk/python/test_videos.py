"""Every operation of OpenAI's synchronous client, as its users write it."""

import io

import pytest
from openai import omit

PROMPT = "a cat on a skateboard"


@pytest.fixture(scope="module")
def film(client):
    """A finished film."""
    return client.videos.create_and_poll(prompt=PROMPT, seconds="4", poll_interval_ms=10)


def test_a_create_says_what_will_be_made(client):
    video = client.videos.create(model="sora-2", prompt=PROMPT, seconds="8", size="1280x720")

    assert video.id.startswith("video_")
    assert (video.object, video.status) == ("video", "queued")
    assert (video.model, video.seconds, video.size) == ("sora-2", "8", "1280x720")
    assert video.prompt == PROMPT


def test_a_form_arrives_with_the_same_values_under_a_boundary_of_the_gateways(client, sandbox):
    """VA10, VA17"""
    raw = client.videos.with_raw_response.create(prompt="Katze 🐈\r\nzwei Zeilen", seconds="12")

    assert raw.parse().prompt == "Katze 🐈\r\nzwei Zeilen"
    received = sandbox.requests()[-1]
    sent = raw.http_request
    assert received["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert received["headers"]["content-type"] != sent.headers["content-type"]
    assert received["headers"]["user-agent"].startswith("OpenAI/Python")
    assert "x-reelgate-adjusted" not in raw.headers


def test_a_json_body_is_as_good_as_a_form(client, sandbox):
    as_json = {"content-type": "application/json"}
    video = client.videos.create(prompt=PROMPT, seconds="8", extra_headers=as_json)

    assert video.seconds == "8"
    assert sandbox.requests()[-1]["headers"]["content-type"] == "application/json"


def references(image, tmp_path):
    path = tmp_path / "reference.png"
    path.write_bytes(image)
    yield "a path", path
    yield "an open file", path.open("rb")
    yield "a tuple of name and bytes", ("reference.png", image)
    yield "a tuple with a type", ("without-ending", io.BytesIO(image), "image/png")


def test_an_image_can_be_given_in_every_way(client, sandbox, image, tmp_path):
    tried = 0
    for way, reference in references(image, tmp_path):
        video = client.videos.create(prompt=PROMPT, input_reference=reference)
        assert video.status == "queued", way
        received = sandbox.requests()[-1]
        assert received["fields"]["input_reference"]["bytes"] == len(image), (way, received)
        tried += 1
    assert tried == 4


def test_an_image_by_url_travels_in_extra_body(client):
    reference = {"input_reference": {"image_url": "https://example.com/cat.png"}}
    assert client.videos.create(prompt=PROMPT, extra_body=reference).status == "queued"


def test_extra_body_reaches_the_upstream(client, sandbox):
    client.videos.create(prompt=PROMPT, extra_body={"seconds": "12", "size": "1280x720"})
    fields = sandbox.requests()[-1]["fields"]
    assert (fields["seconds"], fields["size"]) == ("12", "1280x720")


def test_extra_headers_let_the_gateway_adjust_and_the_answer_tells(client, sandbox):
    adjust = {"x-reelgate-mode": "adjust"}
    raw = client.videos.with_raw_response.create(
        model="sora-2", prompt=PROMPT, seconds="10", size="1920x1080", extra_headers=adjust
    )

    assert raw.headers["x-reelgate-adjusted"] == "seconds=10->8; size=1920x1080->1280x720"
    video = raw.parse()
    assert (video.seconds, video.size) == ("8", "1280x720")
    assert raw.request_id == sandbox.requests()[-1]["request_id"]


def test_an_adjusted_upload_keeps_its_image(client, sandbox, image):
    raw = client.videos.with_raw_response.create(
        prompt=PROMPT,
        seconds="5",
        input_reference=("reference.png", image),
        extra_headers={"x-reelgate-mode": "adjust"},
    )
    assert raw.headers["x-reelgate-adjusted"].startswith("seconds=5->4")
    fields = sandbox.requests()[-1]["fields"]
    assert fields["seconds"] == "4"
    assert fields["input_reference"]["bytes"] == len(image)


def test_create_and_poll_waits_for_the_film(client):
    video = client.videos.create_and_poll(prompt=PROMPT, seconds="8", poll_interval_ms=10)
    assert (video.status, video.progress) == ("completed", 100)
    assert video.completed_at >= video.created_at


def test_create_and_poll_returns_a_job_that_failed(client):
    video = client.videos.create_and_poll(prompt="[moderation]", poll_interval_ms=10)
    assert (video.status, video.error.code) == ("failed", "moderation_blocked")


def test_retrieve_returns_what_was_created(client, film):
    assert client.videos.retrieve(film.id) == film


@pytest.mark.parametrize(
    ("model", "seconds", "size"),
    [
        ("sora-2", "4", "720x1280"),
        ("sora-2", "12", "1280x720"),
        ("sora-2-pro", "15", "1792x1024"),
        ("sora-2-pro", "25", "1024x1792"),
    ],
)
def test_the_film_is_as_big_and_as_long_as_asked(client, probe, tmp_path, model, seconds, size):
    video = client.videos.create_and_poll(
        model=model, prompt=PROMPT, seconds=seconds, size=size, poll_interval_ms=10
    )
    path = tmp_path / "film.mp4"
    content = client.videos.download_content(video.id)
    content.write_to_file(path)

    assert content.response.headers["content-type"] == "video/mp4"
    assert path.stat().st_size == int(content.response.headers["content-length"])
    assert probe(path) == {"codec": "h264", "size": size, "seconds": pytest.approx(float(seconds), abs=0.01)}


@pytest.mark.parametrize(
    ("variant", "type_", "start"),
    [
        ("video", "video/mp4", b"\0\0\0"),
        ("thumbnail", "image/webp", b"RIFF"),
        ("spritesheet", "image/jpeg", b"\xff\xd8\xff"),
    ],
)
def test_every_variant_can_be_downloaded(client, film, variant, type_, start):
    content = client.videos.download_content(film.id, variant=variant)
    assert content.response.headers["content-type"] == type_
    assert content.content.startswith(start)


def test_a_download_can_be_streamed(client, film, tmp_path):
    whole = client.videos.download_content(film.id).content
    path = tmp_path / "film.mp4"
    with client.videos.with_streaming_response.download_content(film.id) as streamed:
        assert streamed.headers["content-length"] == str(len(whole))
        with path.open("wb") as file:
            for piece in streamed.iter_bytes(1024):
                file.write(piece)
    assert path.read_bytes() == whole


def test_a_download_can_be_left_in_the_middle(client, film):
    with client.videos.with_streaming_response.download_content(film.id) as streamed:
        next(streamed.iter_bytes(64))
    assert client.videos.retrieve(film.id).status == "completed"


def test_remix_makes_a_film_from_a_film(client, film):
    remixed = client.videos.remix(film.id, prompt="in the rain")
    assert remixed.id != film.id
    assert (remixed.remixed_from_video_id, remixed.prompt) == (film.id, "in the rain")


def test_edit_takes_a_film_or_an_id(client, sandbox, film):
    upload = client.videos.download_content(film.id).content
    edited = client.videos.edit(prompt="in the rain", video=("film.mp4", upload))
    assert edited.status == "queued"
    assert sandbox.requests()[-1]["fields"]["video"]["bytes"] == len(upload)

    by_id = client.videos.edit(prompt="in the rain", video=omit, extra_body={"video": {"id": film.id}})
    assert by_id.remixed_from_video_id == film.id


def test_extend_adds_to_a_film(client, film):
    upload = client.videos.download_content(film.id).content
    assert client.videos.extend(prompt="it goes on", seconds="8", video=("film.mp4", upload)).status == "queued"

    by_id = client.videos.extend(
        prompt="it goes on", seconds="8", video=omit, extra_body={"video": {"id": film.id}}
    )
    assert by_id.seconds == "12"


def test_a_character_is_made_and_found_again(client, film):
    upload = client.videos.download_content(film.id).content
    made = client.videos.create_character(name="Tom the cat", video=("film.mp4", upload))
    found = client.videos.get_character(made.id)
    assert (found.id, found.name) == (made.id, "Tom the cat")


def test_a_deleted_video_is_gone(client):
    video = client.videos.create(prompt=PROMPT)
    deleted = client.videos.delete(video.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (video.id, True, "video.deleted")
    assert video.id not in [found.id for found in client.videos.list(limit=100)]


def test_a_list_is_read_page_by_page(client, sandbox):
    sandbox.forget()
    made = [client.videos.create(prompt=f"film {number}").id for number in range(7)]

    listed = [video.id for video in client.videos.list(limit=3, order="asc")]

    assert listed == made
    pages = [request["query"] for request in sandbox.requests() if request["method"] == "GET"]
    assert pages == [
        "limit=3&order=asc",
        f"limit=3&order=asc&after={made[2]}",
        f"limit=3&order=asc&after={made[5]}",
    ]


def test_a_page_can_be_read_by_itself(client, sandbox):
    sandbox.forget()
    made = [client.videos.create(prompt=f"film {number}").id for number in range(3)]
    page = client.videos.list(limit=2, order="desc")
    assert [video.id for video in page.data] == [made[2], made[1]]
    assert page.has_next_page()
    assert [video.id for video in page.get_next_page().data] == [made[0]]
