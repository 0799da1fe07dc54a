"""Servers and clients. Every module has its own sandbox, so that none sees the jobs of another."""

import json
import shutil
import struct
import subprocess
import zlib

import openai
import pytest

from reelgate import KEY, Gateway, Sandbox, configured_for

@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def start_gateway(tmp_path_factory):
    """Starts gateways with configurations of their own, which end with the module."""
    running = []

    def start(config, **variables):
        path = tmp_path_factory.mktemp("gateway") / "reelgate.toml"
        path.write_text(config)
        running.append(Gateway(path, **variables))
        return running[-1]

    yield start
    for gateway in running:
        with gateway:
            pass


@pytest.fixture(scope="module")
def gateway(sandbox, start_gateway):
    return start_gateway(configured_for(sandbox.url))


@pytest.fixture(scope="module")
def client(gateway):
    """OpenAI's client, which never asks twice unless a test wants it to."""
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def direct(sandbox):
    """The same client without the gateway."""
    with openai.OpenAI(base_url=sandbox.url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(gateway):
    async with openai.AsyncOpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def probe():
    """Size and length of a film, as ffprobe sees them."""
    ffprobe = shutil.which("ffprobe")
    assert ffprobe, "ffprobe is missing; tests/run installs it"

    def probe(path):
        wanted = "stream=codec_name,width,height:format=duration"
        command = [ffprobe, "-v", "error", "-show_entries", wanted, "-of", "json", path]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
        video = next(stream for stream in found["streams"] if "width" in stream)
        return {
            "codec": video["codec_name"],
            "size": f"{video['width']}x{video['height']}",
            "seconds": float(found["format"]["duration"]),
        }

    return probe


@pytest.fixture(scope="session")
def image():
    """A PNG of the default size, 720x1280, all black."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(1 + 720) * 1280)
    header = struct.pack(">IIBBBBB", 720, 1280, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
