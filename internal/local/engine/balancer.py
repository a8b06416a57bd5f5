"""Load balancers that listen: each on a loopback port of its own, which its DNS name states (localhost:PORT).

That port stands for all of the balancer's: what begins as TLS goes to the HTTPS listener, all else to that for HTTP.
Requests go through the emulator's own listener rules; those forwarded to addresses are proxied here, to healthy
targets only, on connections that are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import alb

import health
import http1
import tls

_BACKLOG = 1024
_ACCEPT_PAUSE = 0.1  # seconds until a connection is accepted again after that has failed
_CLIENT_IDLE = 60.0  # seconds a client's connection may be idle: idle_timeout.timeout_seconds' default
_TARGET_IDLE = 20.0  # seconds a connection to a target is kept; less than servers usually keep theirs
_TARGET_TIMEOUT = 60.0  # seconds until a target must have begun to answer
_CONNECT_TIMEOUT = 5.0  # seconds
_BUFFERED = 1 << 20  # bytes of a request body that are read before it is sent on
# Requests that may be sent again when a kept connection turns out to be closed (RFC 9110, section 9.2.2).
_REPEATABLE = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))
_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
_REASONS = {
    200: "OK", 301: "Moved Permanently", 302: "Found", 400: "Bad Request", 404: "Not Found", 502: "Bad Gateway",
    503: "Service Temporarily Unavailable", 504: "Gateway Time-out",
}  # fmt: skip

Address = tuple[str, int]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Refused(Exception):
    """The balancer itself answers, with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Deadline:
    """A connection is broken off when what is done with it takes more than so many seconds.

    Unlike asyncio.wait_for it makes no task for each request.
    """

    def __init__(self, seconds: float, writer: asyncio.StreamWriter) -> None:
        self.over = False
        self._seconds = seconds
        self._writer = writer

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _expire(self) -> None:
        self.over = True
        self._writer.transport.abort()


@dataclass(frozen=True)
class Balancer:
    """One load balancer: whose it is and where it listens."""

    arn: str
    account: str
    region: str
    port: int
    accepting: tuple[asyncio.Task[None], ...]


class Targets:
    """Connections to targets: kept ones, and how many requests each target has in hand."""

    def __init__(self, reach: Callable[[str, int], Address]) -> None:
        self._reach = reach
        self._kept: dict[Address, list[tuple[float, Streams]]] = defaultdict(list)
        self._in_hand: dict[str, int] = defaultdict(int)

    def in_hand(self, ip: str) -> int:
        """Requests that the target at that address is answering now."""
        return self._in_hand.get(ip, 0)

    @contextlib.contextmanager
    def busy(self, ip: str) -> Any:
        self._in_hand[ip] += 1
        try:
            yield
        finally:
            self._in_hand[ip] -= 1
            if not self._in_hand[ip]:
                del self._in_hand[ip]

    def take(self, ip: str, port: int) -> Streams | None:
        """A kept connection, if there is one that is still fresh."""
        kept, now = self._kept[ip, port], asyncio.get_running_loop().time()
        while kept:
            since, (reader, writer) = kept.pop()
            if now - since < _TARGET_IDLE and not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return None

    async def connect(self, ip: str, port: int) -> Streams:
        try:
            opening = asyncio.open_connection(*self._reach(ip, port), limit=http1.HEAD_LIMIT)
            return await asyncio.wait_for(opening, _CONNECT_TIMEOUT)
        except (OSError, asyncio.TimeoutError) as error:
            raise Refused(502) from error

    def keep(self, ip: str, port: int, streams: Streams) -> None:
        self._kept[ip, port].append((asyncio.get_running_loop().time(), streams))

    def drop(self, ip: str) -> None:
        """Close the kept connections to a target that is going away."""
        for address in [address for address in self._kept if address[0] == ip]:
            for _, (_, writer) in self._kept.pop(address):
                writer.close()


class Balancers:
    """All listening load balancers, served by one thread with an event loop of its own."""

    def __init__(self, checker: health.Checker, reach: Callable[[str, int], Address]) -> None:
        self._checker = checker
        self._open: dict[str, Balancer] = {}
        self._certificates = tls.Certificates(os.path.join(os.environ.get("SLIPWAY_RUN_DIR", ""), "tls"))
        self.targets = Targets(reach)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="slipway-balancer", daemon=True).start()

    def open(self, arn: str) -> str:
        """Listen for a load balancer; its DNS name."""
        opening = self._listen(arn, get_account_id(), get_region())
        balancer = asyncio.run_coroutine_threadsafe(opening, self._loop).result()
        self._open[arn] = balancer
        return self.name(arn)

    def name(self, arn: str) -> str:
        """The DNS name of a load balancer that is open, else nothing."""
        balancer = self._open.get(arn)
        return f"localhost:{balancer.port}" if balancer else ""

    def close(self, arn: str) -> None:
        """Stop listening for a load balancer; unknown ones are ignored."""
        balancer = self._open.pop(arn, None)
        for task in balancer.accepting if balancer else ():
            self._loop.call_soon_threadsafe(task.cancel)

    def in_hand(self, ip: str) -> int:
        return self.targets.in_hand(ip)

    def forget_target(self, ip: str) -> None:
        self._loop.call_soon_threadsafe(self.targets.drop, ip)

    async def _listen(self, arn: str, account: str, region: str) -> Balancer:
        first = _bound(socket.AF_INET, "127.0.0.1", 0)
        port = first.getsockname()[1]
        bound = [first]
        # Clients may try ::1 first for the name localhost: nobody else is to answer there.
        if socket.has_ipv6:
            with contextlib.suppress(OSError):
                bound.append(_bound(socket.AF_INET6, "::1", port))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with request_scope(account, region):
                await self._serve(arn, reader, writer)

        tasks = tuple(self._loop.create_task(self._accept(listening, serve)) for listening in bound)
        return Balancer(arn, account, region, port, tasks)

    async def _accept(self, listening: socket.socket, serve: Serve) -> None:
        welcoming: set[asyncio.Task[None]] = set()
        with listening:
            while True:
                try:
                    connection, _ = await self._loop.sock_accept(listening)
                except OSError:  # no file descriptor is left, or the client has gone
                    await asyncio.sleep(_ACCEPT_PAUSE)
                    continue
                connection.setblocking(False)
                task = self._loop.create_task(self._welcome(connection, serve))
                welcoming.add(task)
                task.add_done_callback(welcoming.discard)

    async def _welcome(self, connection: socket.socket, serve: Serve) -> None:
        """Read and write a new connection as its first byte asks for."""
        try:
            secure = await asyncio.wait_for(tls.begins(connection), _CLIENT_IDLE)
            context = self._certificates.context() if secure else None
            if secure and context is None:
                raise OSError("there are no certificates")
            reader = asyncio.StreamReader(limit=http1.HEAD_LIMIT, loop=self._loop)
            protocol = asyncio.StreamReaderProtocol(reader, serve, loop=self._loop)
            await self._loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
        except (OSError, asyncio.TimeoutError):
            connection.close()

    async def _serve(self, arn: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one client's connection, one after the other."""
        try:
            while arn in self._open and await self._one(arn, reader, writer):
                pass
        except http1.Malformed:
            _answer(writer, 400, [], _page(400), keep=False)
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    async def _one(self, arn: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection is good for another."""
        with _Deadline(_CLIENT_IDLE, writer):
            head = await http1.read_head(reader)
        if head is None:
            return False
        exchange = _Exchange(self, arn, head, reader, writer)
        try:
            return await exchange.run()
        except Refused as refused:
            # What is left of the request's body has not been read: the connection cannot be used again.
            keep = exchange.keep and http1.request_body(head).empty
            _answer(writer, refused.status, [], _page(refused.status), keep)
            await writer.drain()
            return keep

    def choose(self, group: str) -> dict[str, Any]:
        """A target for a request.

        Healthy ones; where there are none, unhealthy ones (docs.aws.amazon.com/elasticloadbalancing/latest/application/
        target-group-health-checks.html: requests go to all registered targets when none is healthy); 503 else.
        """
        registered = alb._targets.get(group, [])
        for state in (health.HEALTHY, health.UNHEALTHY):
            found = [target for target in registered if self._checker.state(group, target).state == state]
            if found:
                return random.choice(found)
        raise Refused(503)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, owner: Balancers, arn: str, head: http1.Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        parts = head.first.split(b" ")
        if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
            raise http1.Malformed("the request line is malformed")
        self.method, self.target, version = parts
        self.keep = version == b"HTTP/1.1" and not head.has_token(b"connection", b"close")
        self._owner, self._arn, self._head = owner, arn, head
        self._reader, self._writer = reader, writer
        self._secure = writer.get_extra_info("sslcontext") is not None

    async def run(self) -> bool:
        listener = _listener(self._arn, self._secure)
        action = self._action(listener)
        group = alb._tgs.get(action.get("TargetGroupArn", "")) if action.get("Type") == "forward" else None
        if group is None or group.get("TargetType") != "ip":
            return await self._answer_itself(action)
        target = self._owner.choose(group["TargetGroupArn"])
        with self._owner.targets.busy(target["Id"]):
            return await self._forward(listener, target["Id"], int(target.get("Port") or group["Port"]))

    def _action(self, listener: dict[str, Any]) -> dict[str, Any]:
        """The action of the first rule that fits."""
        path, _, query = self.target.decode("latin-1").partition("?")
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in self._head.headers}
        rules = [rule for rule in alb._rules.values() if rule["ListenerArn"] == listener["ListenerArn"]]
        for rule in sorted(rules, key=alb._rule_sort_key):
            fits = (
                alb._match_condition(condition, self.method.decode("latin-1"), unquote(path), headers, parse_qs(query))
                for condition in rule.get("Conditions", [])
            )
            if rule.get("IsDefault") or all(fits):
                actions = rule.get("Actions") or listener.get("DefaultActions", [])
                return max(actions, key=lambda action: int(action.get("Order") or 1))
        raise Refused(503)

    async def _answer_itself(self, action: dict[str, Any]) -> bool:
        """Fixed answers, redirects and whatever else the emulator's own balancer can do."""
        path, _, query = self.target.decode("latin-1").partition("?")
        body = await _read_all(http1.request_body(self._head), self._reader)
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in self._head.headers}
        status, made, content = await alb._execute_action(
            action, self.method.decode("latin-1"), path, headers, body, parse_qs(query), query, path
        )
        made = {key: self._here(str(value)) if key == "Location" else value for key, value in made.items()}
        lines = [(str(key).encode(), str(value).encode()) for key, value in made.items()]
        _answer(self._writer, status, lines, content, self.keep, head_only=self.method == b"HEAD")
        await self._writer.drain()
        return self.keep

    def _here(self, location: str) -> str:
        """A redirect to another port of this balancer leads to the one that it listens on."""
        host = self._head.get(b"host").decode("latin-1")
        ports = (item["Port"] for item in alb._listeners.values() if item["LoadBalancerArn"] == self._arn)
        for port in ports if host == self._owner.name(self._arn) else ():
            location = location.replace(f"://localhost:{port}/", f"://{host}/")
        return location

    async def _forward(self, listener: dict[str, Any], ip: str, port: int) -> bool:
        """Proxy to one target."""
        body = http1.request_body(self._head)
        small = not body.chunked and (body.length or 0) <= _BUFFERED
        if self._head.get(b"expect").lower() == b"100-continue" and not body.empty:
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = http1.Head(self._head.first, self._request_headers(listener)).encode()
        if small:
            request += await _read_all(body, self._reader)
        kept = self._owner.targets.take(ip, port) if small and self.method in _REPEATABLE else None
        if kept:
            answered = await self._exchange(kept, request, None, ip, port, again=True)
            if answered is not None:
                return answered
        fresh = await self._owner.targets.connect(ip, port)
        answered = await self._exchange(fresh, request, None if small else body, ip, port, again=False)
        return bool(answered)

    async def _exchange(
        self, streams: Streams, request: bytes, body: http1.Body | None, ip: str, port: int, again: bool
    ) -> bool | None:
        """Send and answer; None where a kept connection was closed before any answer and again may be tried."""
        reader, writer = streams
        reusable = False
        try:
            head = await self._send(streams, request, body, again)
            if head is None:
                return None
            if http1.status_of(head) == 101:
                await self._tunnel(head, streams)
                return False
            answer = http1.response_body(head, self.method)
            self.keep = self.keep and not answer.until_close
            lines = head.forwardable()
            if not self.keep:
                lines.append((b"Connection", b"close"))
            first = http1.Head(b"HTTP/1.1 " + head.first.split(b" ", 1)[1], lines).encode()
            await http1.copy(answer, reader, self._writer, first)
            await self._writer.drain()
            reusable = not answer.until_close and not head.has_token(b"connection", b"close")
        except http1.Malformed:
            # The answer has begun: only a broken connection can tell the client that it is not whole.
            return False
        finally:
            if reusable:
                self._owner.targets.keep(ip, port, streams)
            else:
                writer.close()
        return self.keep

    async def _send(self, streams: Streams, request: bytes, body: http1.Body | None, again: bool) -> http1.Head | None:
        """Send a request and read the answer's head, past interim ones."""
        reader, writer = streams
        deadline = _Deadline(_TARGET_TIMEOUT, writer)
        try:
            writer.write(request)
            if body is not None:
                await http1.copy(body, self._reader, writer)
            await writer.drain()
            with deadline:
                head = await http1.read_head(reader)
                while head is not None and 100 <= http1.status_of(head) < 200 and http1.status_of(head) != 101:
                    head = await http1.read_head(reader)
        except http1.Malformed as error:
            raise Refused(502) from error
        except OSError as error:
            if not again:
                raise Refused(504 if deadline.over else 502) from error
            head = None
        if deadline.over:
            raise Refused(504)
        if head is None and not again:
            raise Refused(502)
        return head

    async def _tunnel(self, head: http1.Head, streams: Streams) -> None:
        """An upgraded connection: bytes go both ways until one side ends."""
        reader, writer = streams
        self._writer.write(head.encode())
        whole = http1.Body(length=None)
        copies = [
            asyncio.ensure_future(http1.copy(whole, self._reader, writer)),
            asyncio.ensure_future(http1.copy(whole, reader, self._writer)),
        ]
        _, pending = await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        for copy in pending:
            copy.cancel()

    def _request_headers(self, listener: dict[str, Any]) -> list[http1.Header]:
        """The client's headers with those the balancer sets (X-Forwarded-*, X-Amzn-Trace-Id)."""
        names = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port", b"x-amzn-trace-id")
        given = {
            name.decode(): self._head.get(name).decode("latin-1")
            for name in (b"x-forwarded-for", b"x-amzn-trace-id")
            if self._head.get(name)
        }
        peer = self._writer.get_extra_info("peername")
        made = alb._target_headers(self._arn, listener, given, peer[0] if peer else "127.0.0.1")
        upgrade = [(b"Connection", b"Upgrade")] if self._head.get(b"upgrade") else []
        lines = self._head.forwardable(b"expect", *names)
        return lines + upgrade + [(key.title().encode(), value.encode("latin-1")) for key, value in made.items()]


def _listener(arn: str, secure: bool) -> dict[str, Any]:
    """The listener that a connection is for: among those of its kind the one of the lowest port."""
    every = [listener for listener in alb._listeners.values() if listener["LoadBalancerArn"] == arn]
    found = [listener for listener in every if (listener.get("Protocol") == "HTTPS") == secure]
    if not found:
        raise Refused(400 if every else 503)
    return min(found, key=lambda listener: listener["Port"])


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


async def _read_all(body: http1.Body, reader: asyncio.StreamReader) -> bytes:
    if body.chunked or body.length is None or body.length > _BUFFERED:
        raise Refused(502)
    try:
        return await reader.readexactly(body.length)
    except asyncio.IncompleteReadError as error:
        raise http1.Malformed("the connection ended inside a body") from error


def _page(status: int) -> bytes:
    return _PAGE.format(f"{status} {_REASONS[status]}").encode()


def _answer(
    writer: asyncio.StreamWriter,
    status: int,
    headers: list[http1.Header],
    content: bytes,
    keep: bool,
    head_only: bool = False,
) -> None:
    """Write an answer of the balancer's own."""
    lines = [(b"Server", b"awselb/2.0"), *headers, (b"Content-Length", str(len(content)).encode())]
    if not any(key.lower() == b"content-type" for key, _ in lines):
        lines.append((b"Content-Type", b"text/html"))
    if not keep:
        lines.append((b"Connection", b"close"))
    first = f"HTTP/1.1 {status} {_REASONS.get(status, '')}".encode()
    writer.write(http1.Head(first, lines).encode() + (b"" if head_only else content))
