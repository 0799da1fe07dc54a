"""The clients that Python's users have: requests, httpx, aiohttp, and the standard library's email and http.

And, by hand, the bytes that .NET writes."""

import asyncio
import base64
import http.client
import json
import sys
from email.encoders import encode_noop
from email.mime.application import MIMEApplication
from email.mime.text import MIMEText
from email.policy import HTTP
from pathlib import Path
from urllib.parse import quote, urlsplit

import aiohttp
import httpx
import requests

library, url, kind, seconds, picture, filename, prompt = sys.argv[1:]
FIELDS = {"model": "sora-2", "prompt": prompt, "seconds": seconds, "size": "1280x720"}
HEADERS = {"Authorization": "Bearer sk-test"}
TARGET = f"{url}/videos"
BYTES = Path(picture).read_bytes()


def by_requests(post=requests.post):
    file = {"input_reference": (filename, BYTES, "image/png")}
    body = {"data": FIELDS, "files": file} if kind == "form" else {"json": FIELDS}
    answer = post(TARGET, headers=HEADERS, **body)
    return answer.status_code, answer.text


def by_httpx():
    return by_requests(httpx.post)


async def by_aiohttp():
    body = {"json": FIELDS}
    if kind == "form":
        form = aiohttp.FormData(FIELDS)
        form.add_field("input_reference", BYTES, filename=filename, content_type="image/png")
        body = {"data": form}
    async with aiohttp.ClientSession() as session, session.post(TARGET, headers=HEADERS, **body) as answer:
        return answer.status, await answer.text()


def by_email():
    """Parts as mail has them: each with a version, a character set and an encoding, and folded heads."""
    parts = []
    for name, value in FIELDS.items():
        part = MIMEText("", _charset="us-ascii" if value.isascii() else "utf-8")
        # Mail has base64 for what is not ASCII, which forms have not.
        part.replace_header("Content-Transfer-Encoding", "8bit")
        part.add_header("Content-Disposition", "form-data", name=name)
        parts.append((part, value.encode()))
    file = MIMEApplication(b"", "png", encode_noop)
    file.replace_header("Content-Type", "image/png")
    file.add_header("Content-Disposition", "form-data", name="input_reference", filename=("utf-8", "", filename))
    parts.append((file, BYTES))
    boundary = "===============7330845974216740156=="
    body = b""
    for part, content in parts:
        head = "".join(HTTP.fold(name, value) for name, value in part.items())
        body += f"--{boundary}\r\n{head}\r\n".encode() + content + b"\r\n"
    return send_raw(body + f"--{boundary}--\r\n".encode(), f'multipart/form-data; boundary="{boundary}"')


def by_dotnet():
    """The bytes of .NET's MultipartFormDataContent: quoted boundary, bare names, both kinds of file name."""
    boundary = "0f8fad5b-d9cb-469f-a165-70867728950e"
    parts = [
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}".encode()
        for name, value in FIELDS.items()
    ]
    encoded = base64.b64encode(filename.encode()).decode()
    names = f"filename=\"=?utf-8?B?{encoded}?=\"; filename*=utf-8''{quote(filename, safe='')}"
    head = f"Content-Type: image/png\r\nContent-Disposition: form-data; name=input_reference; {names}\r\n\r\n"
    parts.append(head.encode() + BYTES)
    body = f"--{boundary}\r\n".encode() + f"\r\n--{boundary}\r\n".encode().join(parts) + f"\r\n--{boundary}--\r\n".encode()
    return send_raw(body, f'multipart/form-data; boundary="{boundary}"')


def send_raw(body, content_type):
    target = urlsplit(TARGET)
    connection = http.client.HTTPConnection(target.netloc)
    connection.request("POST", target.path, body, HEADERS | {"Content-Type": content_type})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


libraries = {"requests": by_requests, "httpx": by_httpx, "email": by_email, "dotnet": by_dotnet}
if library == "aiohttp":
    status, text = asyncio.run(by_aiohttp())
else:
    status, text = libraries[library]()
print(status, text, sep="\n")
