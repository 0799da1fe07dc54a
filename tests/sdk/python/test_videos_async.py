"""OpenAI's asynchronous client: the same operations on its own transport."""

import asyncio

import openai
import pytest

pytestmark = pytest.mark.anyio

PROMPT = "a cat on a skateboard"


async def test_a_film_is_made_and_downloaded(async_client, probe, tmp_path):
    video = await async_client.videos.create_and_poll(
        model="sora-2", prompt=PROMPT, seconds="8", size="1280x720", poll_interval_ms=10
    )
    assert video.status == "completed"

    path = tmp_path / "film.mp4"
    async with async_client.videos.with_streaming_response.download_content(video.id) as streamed:
        await streamed.stream_to_file(path)
    assert probe(path) == {"codec": "h264", "size": "1280x720", "seconds": pytest.approx(8.0, abs=0.01)}

    for variant in ("thumbnail", "spritesheet"):
        still = await async_client.videos.download_content(video.id, variant=variant)
        assert still.response.headers["content-type"].startswith("image/"), variant


async def test_a_film_leads_to_others(async_client):
    film = await async_client.videos.create_and_poll(prompt=PROMPT, poll_interval_ms=10)
    upload = ("film.mp4", (await async_client.videos.download_content(film.id)).content)

    remixed = await async_client.videos.remix(film.id, prompt="in the rain")
    assert remixed.remixed_from_video_id == film.id
    assert (await async_client.videos.edit(prompt="in the rain", video=upload)).status == "queued"
    extended = await async_client.videos.extend(prompt="it goes on", seconds="4", video=upload)
    assert extended.seconds == "8"

    made = await async_client.videos.create_character(name="Tom", video=upload)
    assert (await async_client.videos.get_character(made.id)).name == "Tom"

    assert (await async_client.videos.delete(film.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await async_client.videos.retrieve(film.id)


async def test_an_image_travels_with_the_form(async_client, sandbox, image):
    await async_client.videos.create(prompt=PROMPT, input_reference=("reference.png", image))
    assert sandbox.requests()[-1]["fields"]["input_reference"]["bytes"] == len(image)


async def test_a_list_is_read_page_by_page(async_client, sandbox):
    sandbox.forget()
    made = [(await async_client.videos.create(prompt=PROMPT)).id for _ in range(5)]
    listed = [video.id async for video in async_client.videos.list(limit=2, order="asc")]
    assert listed == made


async def test_many_creates_at_once_are_as_many_jobs(async_client, sandbox):
    sandbox.forget()
    made = await asyncio.gather(*(async_client.videos.create(prompt=PROMPT) for _ in range(40)))
    assert len({video.id for video in made}) == 40
    assert sandbox.jobs_started() == 40


async def test_an_adjustment_is_told(async_client):
    raw = await async_client.videos.with_raw_response.create(
        model="sora-2", prompt=PROMPT, seconds="10", extra_headers={"x-reelgate-mode": "adjust"}
    )
    assert raw.headers["x-reelgate-adjusted"].startswith("seconds=10->8")


async def test_a_rejection_is_a_bad_request(async_client):
    with pytest.raises(openai.BadRequestError) as caught:
        await async_client.videos.create(prompt=PROMPT, seconds="10")
    assert (caught.value.code, caught.value.param) == ("invalid_value", "seconds")


async def test_a_call_that_is_given_up_leaves_the_gateway_well(async_client, sandbox):
    sandbox.play("GET /v1/videos", "stall")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(async_client.videos.list(), timeout=0.2)
    sandbox.forget()
    assert (await async_client.videos.list()).data == []
