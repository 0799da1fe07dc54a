"""Bodies that clients might send, or attackers: recorded requests of SDKs, changed at random.

A mutation is either a spelling, which changes no value, or anything else. Of a body that was only spelled otherwise it is
known what every server must read.
"""

import base64
import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

CAPTURES = Path(__file__).parents[1] / "data/captures"
# Fields whose values decide what is made and paid, and some that a preset may let through.
NAMES = ["model", "seconds", "size", "prompt", "input_reference", "input_reference[image_url]", "video[id]", "seed", "name"]
VALUES = {
    "model": ["sora-2", "sora-2-pro", "SORA-2", "sora-2 ", "gpt-4"],
    "seconds": ["4", "8", "12", "16", "08", "8.0", " 8", "8\n", "８", ""],
    "size": ["720x1280", "1280x720", "1792x1024", "720X1280", "720x1280 "],
    "seed": ["1", "{}", '{"seconds":12}', "null"],
}
HEADER_NAMES = ["Content-Disposition", "content-disposition", "CONTENT-DISPOSITION", "Content-disposition"]


@dataclass
class Part:
    """A part of a form, with the spelling of its head."""

    name: str
    content: bytes
    filename: str | None = None
    type: str | None = None
    more: list = field(default_factory=list)
    spell: dict = field(default_factory=dict)


@dataclass
class Body:
    """A request as it will be sent. `meant`: what every server must read, if that is known."""

    path: str
    content_type: str
    bytes: bytes
    meant: dict | None


def captures():
    """The recorded requests that a gateway judges: path, boundary or None, and the body."""
    found = []
    for file in sorted(CAPTURES.glob("*.http")):
        head, _, body = file.read_bytes().partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        method, path, _ = line.split(" ")
        headers = dict(re.split(r":\s*", header, maxsplit=1) for header in headers)
        headers = {name.lower(): value for name, value in headers.items()}
        if method != "POST" or not path.startswith("/v1/videos") or not body:
            continue
        if headers.get("transfer-encoding") == "chunked":
            body = unchunked(body)
        boundary = re.search(r"boundary=(\S+)", headers["content-type"])
        found.append((path, boundary and boundary.group(1), body))
    return found


def unchunked(body):
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole


def parts_of(boundary, body):
    parts = []
    for part in body.split(b"--" + boundary.encode())[1:-1]:
        head, _, content = part[2:-2].partition(b"\r\n\r\n")
        name = re.search(rb'[ ;]name="([^"]*)"', head).group(1).decode()
        filename = re.search(rb'filename="([^"]*)"', head)
        kind = re.search(rb"(?i)content-type: *([^\r]*)", head)
        # Some pictures are large, and nothing of what is tried depends on that.
        content = content[:2000]
        parts.append(Part(name, content, filename and filename.group(1).decode(), kind and kind.group(1).decode()))
    return parts


class Mutator:
    """Makes one body after the other, from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.captures = captures()

    def body(self):
        path, boundary, body = self.random.choice(self.captures)
        if boundary:
            return self.form(path, parts_of(boundary, body))
        try:
            members = json.loads(body)
        except ValueError:
            return Body(path, "application/json", body, None)
        return self.json(path, members)

    def chance(self, one_in):
        return self.random.randrange(one_in) == 0

    # === forms ===

    def form(self, path, parts):
        pick, keeps = self.random.choice, True
        if self.chance(3):
            self.random.shuffle(parts)
        for _ in range(pick([0, 0, 1, 1, 2, 3])):
            keeps = self.harm(parts) and keeps
        boundary = pick(["b", "----WebKitFormBoundary7MA4YWxk", "0f8fad5b-d9cb-469f", "a'()+_,-./:=?z", "x" * 70, "a b"])
        line = b"\n" if self.chance(12) else b"\r\n"
        for part in parts:
            self.spell(part)
        encoded = [self.head(part, line) + part.content for part in parts]
        delimiter = b"--" + boundary.encode()
        blanks = b" \t" if self.chance(20) else b""
        preamble = pick([b"", line, b"preamble" + line]) if self.chance(10) else b""
        end = pick([b"", line, b" " + line, line + b"epilogue"])
        whole = preamble + b"".join(delimiter + blanks + line + part + line for part in encoded) + delimiter + b"--" + end
        if self.chance(8):
            whole, keeps = self.noise(whole), False
        label = f'"{boundary}"' if re.search(r"[^\w.'+-]", boundary) or self.chance(4) else boundary
        more = pick(["", "; charset=utf-8", "; charset=UTF8", '; charset="utf-8"']) if self.chance(6) else ""
        kind = pick(["multipart/form-data", "Multipart/Form-Data"])
        content_type = f"{kind}{more}; boundary={label}"
        if self.chance(50):
            content_type, keeps = pick([f"{kind}; boundary={label}; boundary=c", f"{kind}; boundary*=utf-8''{boundary}"]), False
        meant = {part.name: part.content for part in parts} if keeps else None
        return Body(path, content_type, whole, meant)

    def harm(self, parts):
        """Changes what a form says. Returns whether it is still known what it says."""
        pick = self.random.choice
        part = pick(parts)
        what = self.random.randrange(12)
        if what <= 2:
            part.name = pick(NAMES)
            return len({part.name for part in parts}) == len(parts) and "[" not in part.name
        if what == 3:
            part.content = pick(VALUES.get(part.name, ["a", "\U0001f408", "--b", "x" * 3000])).encode()
            return True
        if what == 4:
            parts.append(Part(pick(NAMES), pick(["8", "4", "1280x720", "sora-2"]).encode()))
        elif what == 5:
            twin = Part(pick([part.name.upper(), part.name + "[]", part.name + "[0]", part.name + "[id]", part.name]), b"12")
            parts.insert(self.random.randrange(len(parts) + 1), twin)
        elif what == 6:
            part.name = pick(["=?utf-8?Q?{}?=", "{}\\", '{}"', "{}; x", "{}\t", " {}", "{} ", "{}\0", "%73{}", "{}[", "{}]"]).format(part.name)
        elif what == 7:
            part.filename = pick([None, "", "a.png", 'a";name="seconds', "a; name=size", "a\\", "../a", "ü.png", "a" * 300, "..", "a/", "a&sol;", "a&#47", "\u200b", "a\u200b/\u200b"])
        elif what == 8:
            part.more.append(pick(["Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable", "Content-Encoding: gzip", f"Content-Length: {len(part.content) + 1}", "Content-Disposition: form-data; name=seconds", "Content-Type: application/json", "X: y\rContent-Type: z", "Content_Type: text/html"]))
        elif what == 9:
            part.content = pick([b"\xff\xfe8\0", b"8\r\n--b\r\n", b"8\0", base64.b64encode(part.content), b"8\n", b"\r\n8", b"\xef\xbb\xbf" + part.content])
        elif what == 10:
            part.type = pick(["text/plain; charset=utf-16", "text/plain; charset=utf-7", "text/html", "application/json", None, "multipart/mixed; boundary=c", "message/rfc822", "image/png; x=" + "y" * 1200])
        else:
            part.spell["name*"] = pick(["utf-8''seconds", "utf-8'en'size"])
        return False

    def spell(self, part):
        """Chooses a spelling of a part's head, which changes nothing that it says."""
        pick = self.random.choice
        if self.chance(3):
            part.spell |= {"header": pick(HEADER_NAMES), "blank": pick(["", " ", "\t", "  "]), "fold": self.chance(4)}
            part.spell |= {"order": self.chance(2), "space": pick(["", " ", "  "]), "bare": self.chance(3)}
        if part.filename is None and part.type is None and self.chance(4):
            part.type = pick(["text/plain", "text/plain; charset=utf-8", "text/plain;charset=UTF-8", 'Text/Plain; charset="utf8"'])
        if part.filename is not None and self.chance(3):
            part.spell["filename"] = pick(["extended", "both", "continued", "backslash"])
        if self.chance(5):
            part.more.append(pick([f"Content-Length: {len(part.content)}", "Content-Transfer-Encoding: 8bit", "Content-Transfer-Encoding: BINARY", "Content-ID: <a>", "X-Note: a; name=\"b\"", "MIME-Version: 1.0"]))

    def head(self, part, line):
        spell, space = part.spell, part.spell.get("space", " ")
        name = part.name
        is_bare = spell.get("bare") and re.fullmatch(r"[\w-]+", name)
        parameters = [f"name={name}" if is_bare else f'name="{name}"']
        if "name*" in spell:
            parameters.append(f"name*={spell['name*']}")
        if part.filename is not None:
            way = spell.get("filename")
            extended = f"filename*=utf-8''{quote(part.filename, safe='')}"
            if way == "continued":
                half = len(part.filename) // 2
                parameters += [f'filename*0="{part.filename[:half]}"', f'filename*1="{part.filename[half:]}"']
            if way in (None, "both", "backslash"):
                text = part.filename.replace("\\", "\\\\").replace('"', '\\"') if way == "backslash" else part.filename
                parameters.append(f'filename="{text}"')
            if way in ("extended", "both"):
                parameters.append(extended)
        if spell.get("order"):
            parameters.reverse()
        end = line.decode()
        between = f";{end} " if spell.get("fold") else f";{space}"
        headers = [f"{spell.get('header', HEADER_NAMES[0])}:{spell.get('blank', ' ')}form-data;{space}{between.join(parameters)}"]
        headers += [f"Content-Type: {part.type}"] if part.type else []
        headers += part.more
        if spell.get("order"):
            headers.reverse()
        return (end.join(headers) + end + end).encode("utf-8", "surrogatepass")

    def noise(self, whole):
        whole = bytearray(whole)
        for _ in range(self.random.choice([1, 1, 2, 4])):
            at = self.random.randrange(len(whole))
            what = self.random.randrange(4)
            if what == 0:
                whole[at] = self.random.choice(b"\r\n\0\t \"';=-:\\[]{}\xff8b")
            elif what == 1:
                del whole[at : at + self.random.randrange(1, 9)]
            elif what == 2:
                whole[at:at] = self.random.choice([b"\r\n", b"\n", b"\r", b'"', b"\\", b";", b"--b", b" "])
            else:
                start = self.random.randrange(len(whole) or 1)
                whole[at:at] = whole[start : start + self.random.randrange(1, 80)]
            whole = whole or bytearray(b"-")
        return bytes(whole)

    # === JSON ===

    def json(self, path, members):
        pick, keeps = self.random.choice, True
        pairs = list(members.items())
        if self.chance(3):
            self.random.shuffle(pairs)
        for _ in range(pick([0, 1, 1, 2])):
            what = self.random.randrange(8)
            at = self.random.randrange(len(pairs)) if pairs else 0
            name = pairs[at][0] if pairs else "prompt"
            if what == 0:
                name = pick(["seconds", "size", "model", "seed", "prompt"])
                pairs = [pair for pair in pairs if pair[0] != name]
                pairs.append((name, pick(VALUES.get(name, ["a", "\U0001f408 \"b\""]))))
            elif what == 1:
                keeps = False
                pairs.append((name, pick(["12", 12, None])))
            elif what == 2:
                keeps = False
                pairs.append((pick([name.upper(), name.title(), name + "\0", name + " ", "\ufeff" + name]), "12"))
            elif what == 3:
                keeps = False
                pairs.append(("video", pick([{"id": "video_1", "ID": "video_2"}, {"note": "x", "id": "v"}, {"id": ["v"]}, "v"])))
            elif what == 4:
                keeps = False
                pairs.append(("seconds", pick([8, 8.0, "8", 1e400 if False else 80, True, ["8"], {"a": "8"}])))
            elif what == 5:
                pairs.append(("seed", pick([1, -1, 1.5, "7", None, [1, {"a": "b"}], {"a": {"b": [1]}}])))
                keeps = keeps and len({name for name, _ in pairs}) == len(pairs)
            elif what == 6:
                keeps = False
                pairs.append(("input_reference", pick([{"image_url": "data:image/png;base64,AA"}, {"file_id": "f", "FILE_ID": "g"}, "x"])))
            else:
                keeps = False
                pairs.append(("\ud800", 1))
        text = "{" + ",".join(f"{self.string(name)}{pick(['', ' '])}:{self.value(value)}" for name, value in pairs) + "}"
        whole = text.encode("utf-8", "surrogatepass")
        if self.chance(10):
            whole = b"\xef\xbb\xbf" + whole
        if self.chance(10):
            whole = b" \r\n\t" + whole + b"\n"
        if self.chance(6):
            whole, keeps = self.noise(whole), False
        if len({name for name, _ in pairs}) != len(pairs):
            keeps = False
        kind = pick(["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])
        return Body(path, kind, whole, dict(pairs) if keeps else None)

    def string(self, text):
        """A JSON string in one of its spellings."""
        if not self.chance(4):
            return json.dumps(text, ensure_ascii=self.chance(2))
        escape = lambda char: f"\\u{ord(char):04X}" if ord(char) < 0x10000 and self.chance(3) else json.dumps(char)[1:-1]
        return '"' + "".join(map(escape, text)) + '"'

    def value(self, value):
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, dict):
            return "{" + " ,".join(f"{self.string(name)}: {self.value(item)}" for name, item in value.items()) + "}"
        if isinstance(value, list):
            return "[ " + ",".join(map(self.value, value)) + "]"
        return json.dumps(value)
