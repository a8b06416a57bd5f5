"""Images are verified and unpacked with care; containers are processes with an address or a port of their own."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import tarfile
import tempfile
import threading
import unittest
from collections.abc import Callable
from typing import Any

import containers
import images

Members = list[tuple[str, bytes | str]]  # name and content; text is the target of a symbolic link


def layer(members: Members) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.mode = 0o755
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry:
    """A registry that knows what it is given."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = registry.content.get(self.path.rsplit("/", 1)[-1])
                self.send_response(404 if body is None else 200)
                self.end_headers()
                self.wfile.write(body or b"MANIFEST_UNKNOWN")

            log_message: Callable[..., Any] = lambda *_: None

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_port}"

    def add(self, *layers: Members, config: dict[str, Any] | None = None) -> str:
        """Put an image in and return its reference."""
        blobs = [layer(members) for members in layers]
        settings = json.dumps({"config": config or {}}).encode()
        manifest = json.dumps(
            {"config": {"digest": digest(settings)}, "layers": [{"digest": digest(blob)} for blob in blobs]}
        ).encode()
        for content in (*blobs, settings, manifest):
            self.content[digest(content)] = content
        return f"{self.host}/app@{digest(manifest)}"


class ContainersTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.registry = Registry()
        self.addCleanup(self.registry.server.shutdown)
        self.folder = folder.name

    def client(self, own: bool = True) -> containers.Client:
        client = containers.Client(self.registry.host, self.folder, {"MARK": "1"}, own)
        self.addCleanup(client.shutdown, 2)
        return client

    def test_whiteouts_remove_what_lower_layers_hold(self) -> None:
        lower: Members = [("a/one", b"1"), ("a/two", b"2"), ("b/three", b"3")]
        reference = self.registry.add(lower, [("a/.wh.one", b""), ("b/.wh..wh..opq", b""), ("b/four", b"4")])
        root = self.client().images.get(reference).root
        found = sorted(
            os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(root) for name in names
        )
        self.assertEqual(found, ["a/two", "b/four"])

    def test_nothing_is_written_outside_of_the_image(self) -> None:
        for members in ([("../escaped", b"x")], [("link", self.folder), ("link/escaped", b"x")]):
            with self.assertRaises(images.NotFound):
                self.client().images.get(self.registry.add(members))
        self.assertNotIn("escaped", os.listdir(self.folder))

    def test_corrupt_content_is_refused(self) -> None:
        reference = self.registry.add([("a", b"1")])
        for name in list(self.registry.content):
            whole = self.registry.content[name]
            self.registry.content[name] = whole + b" "
            with self.subTest(name), self.assertRaises(images.NotFound):
                self.client().images.get(reference)
            self.registry.content[name] = whole

    def test_a_missing_image_is_named(self) -> None:
        with self.assertRaisesRegex(images.NotFound, "404 MANIFEST_UNKNOWN"):
            self.client().images.get(f"{self.registry.host}/app@sha256:{'0' * 64}")

    def script(self, text: str) -> str:
        body = f"#!/bin/sh\n{text}\n".encode()
        return self.registry.add([("run", body)], config={"Entrypoint": ["/run"], "Env": ["FROM=image"]})

    def test_addresses_of_their_own(self) -> None:
        client = self.client()
        reference = self.script('echo "$HOST $FROM $GIVEN $MARK"; exit 3')
        first, second = (client.containers.run(reference, environment={"GIVEN": "task"}) for _ in range(2))
        self.assertEqual(first.wait(), {"StatusCode": 3})
        self.assertEqual(first.logs(), f"{first.ip} image task 1\n".encode())
        self.assertNotEqual(first.ip, second.ip)
        self.assertEqual(client.reach(first.ip, 8080), (first.ip, 8080))

    def test_ports_of_their_own_where_there_is_one_address(self) -> None:
        client = self.client(own=False)
        reference = self.script('echo "$HOST $PORT"')
        first, second = (client.containers.run(reference, environment={"PORT": "8080"}) for _ in range(2))
        host, port = client.reach(first.ip, 8080)
        first.wait()
        self.assertEqual(first.logs(), f"{host} {port}\n".encode())
        self.assertEqual(host, "127.0.0.1")
        self.assertNotEqual(client.reach(second.ip, 8080), (host, port))

    def test_stop_kills_what_does_not_end(self) -> None:
        container = self.client().containers.run(self.script("trap '' TERM; echo up; while :; do sleep 0.05; done"))
        self.assertEqual(next(container.logs(stream=True, follow=True)), b"up\n")
        container.stop(timeout=0.2)
        self.assertEqual(container.wait(), {"StatusCode": 137})

    def test_a_program_that_is_not_there(self) -> None:
        reference = self.registry.add([("a", b"1")], config={"Cmd": ["/missing"]})
        with self.assertRaisesRegex(containers.APIError, "cannot start /missing: No such file"):
            self.client().containers.run(reference)


if __name__ == "__main__":
    unittest.main()
