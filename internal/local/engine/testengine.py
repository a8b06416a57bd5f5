"""An emulator with the modules under test, in a process of its own, spoken to over HTTP through botocore's clients."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import botocore.config
import botocore.session

LAUNCHER = """
import sys
sys.path.insert(0, {folder!r})
import build, codebuild, codepipeline, pipelinetemplate
build.SECONDS_PER_MINUTE = {minute}
if {patched}:
    codebuild.install()
    codepipeline.install()
    pipelinetemplate.install()
from ministack import app
app.main()
"""


class Engine:
    def __init__(self, minute: float = 60.0, patched: bool = True, **env: str) -> None:
        """minute: how many seconds a minute of a build's timeout takes."""
        self.folder = tempfile.TemporaryDirectory(prefix="slipway-engine-test-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.tmp = Path(self.folder.name, "tmp")
        self.tmp.mkdir()
        settings = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.tmp),
            "STATE_DIR": self.folder.name,
            "GOCACHE": self.folder.name,
            "DOCKER_HOST": "",
        }
        code = LAUNCHER.format(folder=str(Path(__file__).parent), minute=minute, patched=patched)
        self.log = Path(self.folder.name, "log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-c", code], env=settings | env, stdout=log, stderr=log)
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1)
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"engine does not start: {self.log.read_text()}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        session = botocore.session.Session()
        session.set_credentials("test", "test")
        return session.create_client(
            service,
            region_name="eu-west-1",
            endpoint_url=self.url,
            config=botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self.folder.cleanup()


def unknown_members(shape: Any, value: Any, path: str = "answer") -> list[str]:
    """What an answer holds that AWS's model of the operation does not know."""
    if shape.type_name == "structure":
        found = [f"{path}.{k}" for k in value if k not in shape.members]
        for key in set(value) & set(shape.members):
            found += unknown_members(shape.members[key], value[key], f"{path}.{key}")
        return found
    if shape.type_name == "list":
        return [f for item in value for f in unknown_members(shape.member, item, f"{path}[]")]
    if shape.type_name == "map":
        return [f for v in value.values() for f in unknown_members(shape.value, v, path)]
    return []


def raw_answer(url: str, target: str, request: dict[str, Any]) -> Any:
    """The answer as it is on the wire, before a client drops what it does not know."""
    scope = "test/20260101/eu-west-1/service/aws4_request"
    headers = {"X-Amz-Target": target, "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}"}
    body = json.dumps(request).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        return json.load(answer)
