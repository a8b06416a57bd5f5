"""Containers as child processes: a stand-in for the docker SDK, so that tasks run where there is no Docker.

Each container has an address of its own (127.77.x.y) where the machine has such addresses; where it has only
127.0.0.1 (macOS) each has a port of its own, and reach() tells which.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import importlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import uuid
from collections.abc import Iterator
from typing import Any

import images

_POLL = 0.05  # seconds between two looks for new log lines
_PR_SET_PDEATHSIG = 1
_KILL_WAIT = 5.0  # seconds that a killed process may take to be gone


class APIError(Exception):
    """What the docker SDK raises when a container cannot be made."""


def own_addresses() -> bool:
    """Whether this machine answers on loopback addresses beside 127.0.0.1."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.77.0.1", 0))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _death_signal() -> Any:
    """A function for the child to run before exec: the kernel is to kill it when the engine dies (Linux only).

    The C library is loaded here, since a forked child of a threaded process must not take import locks.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl, engine = ctypes.CDLL(None).prctl, os.getpid()

    def run() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != engine:
            os._exit(1)

    return run


class Container:
    """One running or ended process, with the attributes of docker's Container that the emulator reads."""

    def __init__(
        self,
        owner: Containers,
        image: images.Image,
        ip: str,
        name: str | None = None,
        command: list[str] | None = None,
        entrypoint: list[str] | None = None,
        environment: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex * 2
        self.name = name or self.id[:12]
        self.labels = dict(labels or {})
        self.ip = ip
        self._owner = owner
        self._created = time.time()
        self._finished: float | None = None
        self._folder = tempfile.mkdtemp(prefix="container-", dir=owner.folder)
        self._log = os.path.join(self._folder, "log")
        argv = _argv(image, command, entrypoint)
        env = self._environment(image, environment or {})
        try:
            self._process = owner.spawn(
                argv,
                env,
                image.root + (image.config.get("WorkingDir") or ""),
                self._log,
            )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise APIError(f"cannot start {argv[0].removeprefix(image.root)}: {error.strerror}") from error
        threading.Thread(target=self._reap, daemon=True).start()

    def _environment(self, image: images.Image, given: dict[str, str]) -> dict[str, str]:
        env = dict(entry.split("=", 1) for entry in image.config.get("Env") or [])
        env.update({key: str(value) for key, value in given.items()})
        env.update(self._owner.marker, HOSTNAME=self.id[:12], HOST=self.ip, BIND_ADDR=self.ip)
        if not self._owner.own_addresses:
            port = _free_port()
            self._owner.ports[self.ip] = port
            env.update(HOST="127.0.0.1", BIND_ADDR="127.0.0.1", PORT=str(port))
        return env

    def _reap(self) -> None:
        self._process.wait()
        self._finished = time.time()

    @property
    def short_id(self) -> str:
        return self.id[:12]

    @property
    def status(self) -> str:
        return "running" if self._process.poll() is None else "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        return {
            "NetworkSettings": {"Networks": {"slipway": {"IPAddress": self.ip}}},
            "Created": _timestamp(self._created),
            "State": {"Status": self.status, "FinishedAt": _timestamp(self._finished)},
            "Config": {"Labels": self.labels},
        }

    def reload(self) -> None:
        """Do nothing: what is read here is never stale."""

    def wait(self, **_options: object) -> dict[str, int]:
        """Wait for the end; a signal counts as 128 and its number, as in Docker."""
        code = self._process.wait()
        return {"StatusCode": code if code >= 0 else 128 - code}

    def stop(self, timeout: float = 10) -> None:
        """SIGTERM, then SIGKILL when it has not ended after timeout seconds."""
        if self._process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self, **_options: object) -> None:
        """SIGKILL to the process and whatever it started in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_WAIT)

    def remove(self, force: bool = False, **_options: object) -> None:
        """Forget an ended container and its log; force kills a running one first."""
        if self._process.poll() is None:
            if not force:
                raise APIError("the container is running")
            self.kill()
        self._owner.forget(self)
        shutil.rmtree(self._folder, ignore_errors=True)

    def logs(
        self,
        stream: bool = False,
        follow: bool = False,
        tail: object = None,
        **_options: object,
    ) -> Any:
        """What it wrote: all or the last lines as bytes, or with stream an iterator over lines."""
        lines = self._lines(follow)
        if stream:
            return lines
        text = list(lines)
        return b"".join(text[-tail:] if isinstance(tail, int) else text)

    def _lines(self, follow: bool) -> Iterator[bytes]:
        part = b""
        with open(self._log, "rb") as log:
            while True:
                ended = self._process.poll() is not None
                chunk = log.read(1 << 16)
                if chunk:
                    *lines, part = (part + chunk).split(b"\n")
                    yield from (line + b"\n" for line in lines)
                elif ended or not follow:
                    break
                else:
                    time.sleep(_POLL)
        if part:
            yield part


class LeftOut:
    """A sidecar that is not run: it says so in its log, and counts as running until it is stopped."""

    def __init__(self, owner: Containers, name: str | None, labels: dict[str, str]) -> None:
        self.id = uuid.uuid4().hex * 2
        self.name = name or self.id[:12]
        self.labels = dict(labels)
        self.ip = ""
        self._owner = owner
        self._stopped = threading.Event()

    @property
    def status(self) -> str:
        return "exited" if self._stopped.is_set() else "running"

    @property
    def attrs(self) -> dict[str, Any]:
        return {
            "NetworkSettings": {"Networks": {}},
            "State": {"Status": self.status},
            "Config": {"Labels": self.labels},
        }

    def reload(self) -> None:
        """Do nothing: what is read here is never stale."""

    def wait(self, **_options: object) -> dict[str, int]:
        self._stopped.wait()
        return {"StatusCode": 0}

    def stop(self, **_options: object) -> None:
        self._stopped.set()

    def remove(self, **_options: object) -> None:
        self._stopped.set()
        self._owner.forget(self)

    def logs(self, stream: bool = False, follow: bool = False, **_options: object) -> Any:
        lines = self._lines(follow)
        return lines if stream else b"".join(lines)

    def _lines(self, follow: bool) -> Iterator[bytes]:
        yield b"This sidecar is left out: without Docker tasks are processes, and only the application is one.\n"
        if follow:
            self._stopped.wait()


def _argv(image: images.Image, command: list[str] | None, entrypoint: list[str] | None) -> list[str]:
    """The command line, its program looked up inside the image."""
    argv = list(entrypoint or image.config.get("Entrypoint") or [])
    argv += list(command or (image.config.get("Cmd") if not entrypoint else None) or [])
    if not argv:
        raise APIError("the image has neither an entry point nor a command")
    if not argv[0].startswith("/"):
        raise APIError(f"the image's program {argv[0]!r} is not an absolute path")
    return [image.root + argv[0], *argv[1:]]


def _timestamp(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds else ""


class Containers:
    """docker's client.containers: all processes of this engine."""

    def __init__(self, store: images.Store, folder: str, marker: dict[str, str], own: bool) -> None:
        self.folder = folder
        self.marker = marker
        self.own_addresses = own
        self.ports: dict[str, int] = {}
        self._store = store
        self._all: dict[str, Container | LeftOut] = {}
        # Engines of other clones use the same addresses: each begins somewhere else.
        self._numbers = itertools.count(random.randrange(250 * 250))
        self._before_exec = _death_signal()
        # The death signal fires when the forking *thread* ends: one that never does forks them all.
        self._forker = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="slipway-fork")

    def spawn(self, argv: list[str], env: dict[str, str], folder: str, log: str) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own, its output going to the file log."""

        def start() -> subprocess.Popen[bytes]:
            with open(log, "ab") as out:
                return subprocess.Popen(
                    argv,
                    cwd=folder,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=self._before_exec,  # noqa: PLW1509 - it only makes two system calls
                )

        return self._forker.submit(start).result()

    def run(self, image: str, command: Any = None, **options: Any) -> Container | LeftOut:
        """Start a container; of docker's options those that a process can obey. A sidecar is left out."""
        labels = options.get("labels") or {}
        if importlib.import_module("taskdef").sidecar_of(labels):
            left_out = LeftOut(self, options.get("name"), labels)
            self._all[left_out.id] = left_out
            return left_out
        known = {key: options.get(key) for key in ("name", "entrypoint", "environment", "labels")}
        container = Container(self, self._store.get(image), self._next_address(), command=command, **known)
        self._all[container.id] = container
        return container

    def _next_address(self) -> str:
        number = next(self._numbers)
        return f"127.77.{number // 250 % 250}.{number % 250 + 2}"

    def get(self, reference: str) -> Any:
        """A container by id, its beginning, or name.

        The emulator looks up its own container by HOSTNAME to learn under which address tasks reach it.
        """
        if reference == os.environ.get("HOSTNAME", ""):
            networks = {"slipway": {"IPAddress": "127.0.0.1"}}
            return types.SimpleNamespace(attrs={"NetworkSettings": {"Networks": networks}})
        for container in list(self._all.values()):
            if reference and (container.id.startswith(reference) or container.name == reference):
                return container
        raise images.NotFound(f"no container {reference}")

    def list(self, filters: dict[str, Any] | None = None, **options: object) -> list[Container | LeftOut]:
        wanted = (filters or {}).get("label") or []
        wanted = [wanted] if isinstance(wanted, str) else wanted
        return [
            container
            for container in list(self._all.values())
            if (options.get("all") or container.status == "running") and _labelled(container.labels, wanted)
        ]

    def forget(self, container: Container | LeftOut) -> None:
        self._all.pop(container.id, None)
        self.ports.pop(container.ip, None)

    def close(self, patience: float) -> None:
        """End every process within patience seconds."""
        end = time.monotonic() + patience
        stopping = [
            threading.Thread(target=container.stop, kwargs={"timeout": patience}, daemon=True)
            for container in list(self._all.values())
        ]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join(max(0.0, end - time.monotonic()))
        for container in list(self._all.values()):
            container.remove(force=True)


def _labelled(labels: dict[str, str], wanted: list[str]) -> bool:
    for text in wanted:
        key, equals, value = text.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    return True


class Images:
    """docker's client.images."""

    def __init__(self, store: images.Store) -> None:
        self._store = store

    def get_registry_data(self, reference: str, **_options: object) -> types.SimpleNamespace:
        return types.SimpleNamespace(id=self._store.digest(reference))

    def pull(self, reference: str, **_options: object) -> images.Image:
        """The image; one of another registry can only be a sidecar's, which is left out, and is not fetched."""
        return self._store.get(reference) if self._store.holds(reference) else images.Image(reference, "", {})

    def get(self, reference: str) -> images.Image:
        return self._store.get(reference)


class Networks:
    """docker's client.networks: there are none."""

    def get(self, name: str) -> None:
        raise images.NotFound(f"no network {name}")

    def list(self, **_options: object) -> list[object]:
        return []


class Client:
    """The docker client of the process runtime."""

    def __init__(self, registry: str, folder: str, marker: dict[str, str], own: bool) -> None:
        unpacked = os.path.join(folder, "images")
        os.makedirs(unpacked, exist_ok=True)
        store = images.Store(registry, unpacked)
        self.containers = Containers(store, folder, marker, own)
        self.images = Images(store)
        self.networks = Networks()

    def ping(self) -> bool:
        return True

    def reach(self, ip: str, port: int) -> tuple[str, int]:
        """Where a task's address is really listened on."""
        moved = self.containers.ports.get(ip)
        return ("127.0.0.1", moved) if moved else (ip, port)

    def close(self) -> None:
        """Do nothing: the emulator closes clients that it made, the processes are closed by shutdown()."""

    def shutdown(self, patience: float) -> None:
        self.containers.close(patience)


def install(client: Client | None) -> None:
    """Put the client in the place of the docker package, so that nothing ever talks to a Docker daemon."""
    docker, errors = types.ModuleType("docker"), types.ModuleType("docker.errors")
    for module, names in (
        (
            docker,
            {
                "from_env": lambda *_a, **_k: client,
                "DockerClient": lambda *_a, **_k: client,
                "errors": errors,
            },
        ),
        (
            errors,
            {
                "NotFound": images.NotFound,
                "ImageNotFound": images.NotFound,
                "APIError": APIError,
                "DockerException": Exception,
            },
        ),
    ):
        vars(module).update(names)
    sys.modules["docker"], sys.modules["docker.errors"] = docker, errors
