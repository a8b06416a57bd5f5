"""Entry of the local engine: the emulator with our mends, on one loopback port.

The manager (internal/local) gives everything by environment variables: SLIPWAY_ENGINE_TOKEN marks the engine and all
it starts, SLIPWAY_RUNTIME is process or docker, SLIPWAY_RUN_DIR is the folder for what must not outlive the engine.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import containers

STATUS_PATH = "/_slipway/status"
_SHUTDOWN = 8.0  # seconds that containers get to end when the engine does
_OPTIONAL = ("codebuild", "codepipeline", "pipelinetemplate")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def _runtime(name: str, token: str) -> Any:
    """The client that runs containers; it is in the place of docker's before the emulator looks for one."""
    port, folder = os.environ["GATEWAY_PORT"], os.environ["SLIPWAY_RUN_DIR"]
    if name == "docker":
        return importlib.import_module("dockerrun").install(token, port)
    marker = {"SLIPWAY_ENGINE_TOKEN": token}
    client = containers.Client(f"127.0.0.1:{port}", folder, marker, containers.own_addresses())
    containers.install(client)
    return client


def _adopt(client: Any) -> None:
    """Give the emulator the client, and keep it from sweeping containers that are not ours."""
    app, ecs = importlib.import_module("ministack.app"), importlib.import_module("ministack.services.ecs")
    ecs._docker = client
    app._docker_socket_present = lambda: False
    atexit.register(client.shutdown, _SHUTDOWN)


def _with_status(app: Any, status: dict[str, Any]) -> Any:
    """The application, answering STATUS_PATH itself: it tells this engine from another on the same port."""
    body = json.dumps(status).encode()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != STATUS_PATH:
            await app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve


def _mend(client: Any) -> None:
    """Apply all patches and add what the emulator has not."""
    patch, patches = importlib.import_module("patch"), importlib.import_module("patches")
    services = importlib.import_module("services").Services(client.reach)
    patch.apply(patches.table(services))
    importlib.import_module("added").install()
    importlib.import_module("rights").install()
    services.start()
    for name in _OPTIONAL:
        if importlib.util.find_spec(name):
            importlib.import_module(name).install()


def serve() -> None:
    token, runtime = os.environ["SLIPWAY_ENGINE_TOKEN"], os.environ["SLIPWAY_RUNTIME"]
    client = _runtime(runtime, token)
    _adopt(client)
    _mend(client)
    app = importlib.import_module("ministack.app")
    app.app = _with_status(app.app, {"token": token, "pid": os.getpid(), "runtime": runtime})
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the user's Ctrl-C is not meant for the engine
    app.main()


def main(arguments: list[str]) -> None:
    if arguments:
        importlib.import_module("show").main(arguments)
    else:
        serve()


if __name__ == "__main__":
    main(sys.argv[1:])
