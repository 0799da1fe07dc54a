"""A name server that knows one name: `upstream.test` is 127.0.0.1. Listens on 127.0.0.1:53 until it is ended.

The program in the image is linked without a shared C library; this is how it is seen to resolve names all the same.
"""

import socket
import struct

NAME = b"\x08upstream\x04test\x00"
A, IN = 1, 1
HEAD = 12
POINTER_TO_QUESTION = b"\xc0\x0c"
AUTHORITATIVE_ANSWER, NO_SUCH_NAME = 0x8580, 3


def answer(query: bytes) -> bytes:
    """The answer to one question: an address, no address of that kind, or no such name."""
    end = query.index(b"\x00", HEAD) + 1
    name, question = query[HEAD:end], query[HEAD : end + 4]
    (kind,) = struct.unpack("!H", query[end : end + 2])
    known = name.lower() == NAME
    record = POINTER_TO_QUESTION + struct.pack("!HHIH", A, IN, 60, 4) + socket.inet_aton("127.0.0.1")
    records = [record] if known and kind == A else []
    flags = AUTHORITATIVE_ANSWER | (0 if known else NO_SUCH_NAME)
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        while True:
            query, client = server.recvfrom(512)
            server.sendto(answer(query), client)


if __name__ == "__main__":
    main()
