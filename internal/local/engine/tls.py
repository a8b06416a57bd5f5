"""Certificates of load balancers: made by the manager (internal/local/certificates.go), found by the name asked for."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl

_HANDSHAKE = b"\x16"  # how a TLS connection begins (RFC 8446, section 5.1)
_NAME = re.compile(r"[a-z0-9.*-]{1,253}")
_ANY = "localhost"  # the certificate for who asks for no name, or for one that has none


class Certificates:
    """The contexts of TLS connections, one for each certificate in a folder: NAME.pem, with its key."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self) -> ssl.SSLContext | None:
        """For a connection whose name is not known yet; None where the manager made no certificates."""
        return self._named(_ANY)

    def _named(self, name: str) -> ssl.SSLContext | None:
        path = os.path.join(self._folder, name + ".pem")
        if name not in self._contexts and _NAME.fullmatch(name) and os.path.exists(path):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(path)
            context.sni_callback = self._choose
            self._contexts[name] = context
        return self._contexts.get(name)

    def _choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        chosen = self._named((name or _ANY).lower())
        if chosen is not None:
            connection.context = chosen


async def begins(connection: socket.socket) -> bool:
    """Whether a connection begins as TLS does; waits for its first byte and leaves it to be read."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    loop.add_reader(connection, lambda: readable.done() or readable.set_result(None))
    try:
        await readable
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK) == _HANDSHAKE
