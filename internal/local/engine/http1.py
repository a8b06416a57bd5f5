"""The little of HTTP/1.1 that a reverse proxy needs: heads are read and written, bodies are passed on as they are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

HEAD_LIMIT = 64 * 1024  # bytes of a request or response head, the load balancer's own limit (docs.aws.amazon.com)
_BLOCK = 64 * 1024
_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer"))

Header = tuple[bytes, bytes]


class Malformed(Exception):
    """Not HTTP/1.x, or a body whose end cannot be found."""


@dataclass
class Head:
    """First line and headers of a request or response; names as they came."""

    first: bytes
    headers: list[Header]

    def get(self, name: bytes) -> bytes:
        """The first header of that (lower-case) name, or empty."""
        return next((value for key, value in self.headers if key.lower() == name), b"")

    def has_token(self, name: bytes, token: bytes) -> bool:
        return any(part.strip().lower() == token for part in self.get(name).split(b","))

    def forwardable(self, *dropped: bytes) -> list[Header]:
        """The headers without those that concern one connection only, and without the named ones."""
        named = {part.strip().lower() for part in self.get(b"connection").split(b",")}
        out = _HOP_BY_HOP | named | set(dropped)
        return [(key, value) for key, value in self.headers if key.lower() not in out]

    def encode(self) -> bytes:
        lines = [self.first, *(key + b": " + value for key, value in self.headers)]
        return b"\r\n".join(lines) + b"\r\n\r\n"


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next head, or None where the peer has closed between two messages."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise Malformed("the connection ended inside a head") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise Malformed("the head is too long") from error
    first, *lines = raw[:-4].lstrip(b"\r\n").split(b"\r\n")
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise Malformed("a header line has no name")
        headers.append((name, value.strip()))
    return Head(first, headers)


@dataclass
class Body:
    """How the end of a body is told: length bytes, chunks, or (length None) the end of the connection."""

    chunked: bool = False
    length: int | None = 0

    @property
    def empty(self) -> bool:
        return not self.chunked and self.length == 0

    @property
    def until_close(self) -> bool:
        return not self.chunked and self.length is None


def _declared(head: Head) -> Body | None:
    encoding = head.get(b"transfer-encoding").lower()
    if encoding:
        if encoding != b"chunked":
            raise Malformed("the transfer encoding is not chunked")
        return Body(chunked=True)
    length = head.get(b"content-length")
    if not length:
        return None
    if not length.isdigit():
        raise Malformed("the content length is not a number")
    return Body(length=int(length))


def request_body(head: Head) -> Body:
    return _declared(head) or Body()


def response_body(head: Head, method: bytes) -> Body:
    status = status_of(head)
    if method == b"HEAD" or status in (204, 304) or status < 200:
        return Body()
    return _declared(head) or Body(length=None)


def status_of(head: Head) -> int:
    parts = head.first.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
        raise Malformed("the answer is not HTTP/1.x")
    return int(parts[1])


async def copy(body: Body, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes = b"") -> None:
    """Pass a body on, byte for byte, after first; a short one goes out together with that."""
    if body.length is not None and not body.chunked and body.length <= _BLOCK // 2:
        try:
            writer.write(first + await reader.readexactly(body.length))
        except asyncio.IncompleteReadError as error:
            raise Malformed("the connection ended inside a body") from error
        return
    writer.write(first)
    if body.chunked:
        await _copy_chunks(reader, writer)
    elif body.length is None:
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
    else:
        await _copy_bytes(body.length, reader, writer)


async def _copy_bytes(count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while count:
        block = await reader.read(min(count, _BLOCK))
        if not block:
            raise Malformed("the connection ended inside a body")
        count -= len(block)
        writer.write(block)
        await writer.drain()


async def _copy_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        line = await _line(reader)
        writer.write(line)
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError as error:
            raise Malformed("a chunk has no size") from error
        if size == 0:
            break
        await _copy_bytes(size + 2, reader, writer)
    while (line := await _line(reader)) != b"\r\n":
        writer.write(line)
    writer.write(b"\r\n")
    await writer.drain()


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise Malformed("the connection ended inside a body") from error
