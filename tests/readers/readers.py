"""What Python's servers read in bodies: Starlette's python-multipart, werkzeug, Django, aiohttp, and json."""

import asyncio
import hashlib
import io
import json
import struct
import sys

import aiohttp
import django.conf
import orjson
import werkzeug.formparser
from django.http.multipartparser import MultiPartParser
from django.core.files.uploadhandler import MemoryFileUploadHandler
from starlette.requests import Request

django.conf.settings.configure(DATA_UPLOAD_MAX_MEMORY_SIZE=None, FILE_UPLOAD_MAX_MEMORY_SIZE=64 << 20)


def digest(data):
    return hashlib.sha1(data).hexdigest()


async def by_starlette(content_type, body):
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type.encode())]}
    form = await Request(scope, receive).form(max_part_size=64 << 20)
    found = []
    for name, value in form.multi_items():
        is_text = isinstance(value, str)
        found.append((name, "text", value) if is_text else (name, "file", digest(await value.read())))
    return found


async def by_werkzeug(content_type, body):
    parser = werkzeug.formparser.FormDataParser(silent=False, max_form_memory_size=None)
    options = {"boundary": werkzeug.http.parse_options_header(content_type)[1]["boundary"]}
    _, texts, files = parser.parse(io.BytesIO(body), "multipart/form-data", len(body), options)
    found = [(name, "text", value) for name, value in texts.items(multi=True)]
    return found + [(name, "file", digest(file.read())) for name, file in files.items(multi=True)]


async def by_django(content_type, body):
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    texts, files = MultiPartParser(meta, io.BytesIO(body), [MemoryFileUploadHandler()], "utf-8").parse()
    found = [(name, "text", value) for name, values in texts.lists() for value in values]
    return found + [(name, "file", digest(file.read())) for name, values in files.lists() for file in values]


async def by_aiohttp(content_type, body):
    stream = aiohttp.StreamReader(Protocol(), 64 << 20, loop=asyncio.get_running_loop())
    stream.feed_data(body)
    stream.feed_eof()
    found = []
    reader = aiohttp.MultipartReader({"Content-Type": content_type}, stream)
    while (part := await reader.next()) is not None:
        data = bytes(await part.read(decode=True))
        is_text = part.filename is None
        found.append((part.name, "text", data.decode()) if is_text else (part.name, "file", digest(data)))
    return found


class Protocol(asyncio.Protocol):
    """Whom aiohttp's streams tell that they are full."""

    _reading_paused = False

    def pause_reading(self, **_):
        pass

    resume_reading = pause_reading


async def by_json(_, body):
    return json.loads(body)


async def by_orjson(_, body):
    return orjson.loads(body)


FORMS = {"starlette": by_starlette, "werkzeug": by_werkzeug, "django": by_django, "aiohttp": by_aiohttp}
JSON = {"json": by_json, "orjson": by_orjson}


def batch(stream):
    while length := stream.read(4):
        content_type = stream.read(*struct.unpack(">I", length)).decode()
        yield content_type, stream.read(*struct.unpack(">I", stream.read(4)))


async def main():
    for content_type, body in batch(sys.stdin.buffer):
        read = {}
        for name, reader in (JSON if content_type.startswith("application/json") else FORMS).items():
            try:
                read[name] = await reader(content_type, body)
            except Exception as error:  # whichever a reader has
                read[name] = {"error": repr(error)}
        print(json.dumps(read))


asyncio.run(main())
