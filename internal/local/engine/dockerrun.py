"""Containers in Docker: the real SDK, told where the engine's registry is and whose containers these are."""

from __future__ import annotations

import re
import threading
from typing import Any

import docker
from docker import errors

import taskdef

LABEL = "slipway.engine"

_REGISTRY = re.compile(r"^\d{12}\.dkr\.ecr\.[^/]+\.amazonaws\.com/")
_TIMEOUT = 30  # seconds for one answer of the daemon
_OWN_NETWORK = ("network", "ports", "extra_hosts")


class Client:
    """docker's client, as far as the emulator uses it for tasks."""

    def __init__(self, token: str, port: str) -> None:
        self._real = docker.from_env(timeout=_TIMEOUT)
        self.containers = Containers(self._real.containers, token, port)
        self.images = Images(self._real.images, port)
        self.networks = self._real.networks

    def ping(self) -> bool:
        return self._real.ping()

    def close(self) -> None:
        """Do nothing: the engine has one client for as long as it lives."""

    def reach(self, ip: str, port: int) -> tuple[str, int]:
        """Where a container's port is published; its own address is not reachable on every system."""
        return self.containers.published.get((ip, port), (ip, port))

    def shutdown(self, patience: float) -> None:
        """End and remove every container of this engine."""
        ending = [
            threading.Thread(target=_end, args=(container, patience), daemon=True)
            for container in self.containers.own()
        ]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join(2 * patience)


def _end(container: Any, patience: float) -> None:
    try:
        container.stop(timeout=max(1, int(patience) - 2))
        container.remove(force=True, v=True)
    except errors.NotFound:
        pass  # it was being removed already


def _local(reference: str, port: str) -> str:
    """The name under which the daemon finds an image that AWS calls ACCOUNT.dkr.ecr.REGION.amazonaws.com/..."""
    return _REGISTRY.sub(f"127.0.0.1:{port}/", reference)


class Containers:
    """docker's client.containers, with marked containers whose ports are published on loopback.

    A sidecar is in the application's network.
    """

    def __init__(self, real: Any, token: str, port: str) -> None:
        self.published: dict[tuple[str, int], tuple[str, int]] = {}
        self._real = real
        self._token = token
        self._port = port
        self.get, self.list = real.get, real.list

    def own(self) -> list[Any]:
        return self._real.list(all=True, filters={"label": f"{LABEL}={self._token}"})

    def run(self, image: str, **options: Any) -> Any:
        labels = {**(options.pop("labels", None) or {}), LABEL: self._token}
        definition, application = taskdef.container(labels), taskdef.application(self._real, labels)
        options["environment"] = {**(options.get("environment") or {}), "SLIPWAY_ENGINE_TOKEN": self._token}
        options.update(_obeyed(definition))
        if application is None:
            options["ports"] = {**(options.get("ports") or {}), **_ports(definition)}
        else:  # the containers of a task share its network
            options = {name: value for name, value in options.items() if name not in _OWN_NETWORK}
            options["network_mode"] = f"container:{application.id}"
        container = self._real.run(_local(image, self._port), labels=labels, **options)
        container.reload()
        self._remember(container)
        return container

    def _remember(self, container: Any) -> None:
        settings = container.attrs["NetworkSettings"]
        for network in settings["Networks"].values():
            for inner, outer in (settings.get("Ports") or {}).items():
                if outer:
                    key = network["IPAddress"], int(inner.split("/")[0])
                    self.published[key] = (outer[0]["HostIp"], int(outer[0]["HostPort"]))


def _ports(definition: dict[str, Any]) -> dict[str, tuple[str, None]]:
    """The ports that the task definition names for a container, each published somewhere on loopback."""
    mappings = definition.get("portMappings") or []
    return {f"{mapping['containerPort']}/tcp": ("127.0.0.1", None) for mapping in mappings}


def _obeyed(definition: dict[str, Any]) -> dict[str, Any]:
    """What the emulator leaves out of a container definition and Docker can do."""
    linux = definition.get("linuxParameters") or {}
    options = {
        "user": definition.get("user"),
        "read_only": definition.get("readonlyRootFilesystem"),
        "init": linux.get("initProcessEnabled"),
        "cap_drop": (linux.get("capabilities") or {}).get("drop"),
    }
    return {name: value for name, value in options.items() if value}


class Images:
    """docker's client.images, for images of the engine's registry."""

    def __init__(self, real: Any, port: str) -> None:
        self._real = real
        self._port = port

    def get_registry_data(self, reference: str, **options: Any) -> Any:
        return self._real.get_registry_data(_local(reference, self._port), **options)

    def pull(self, reference: str, **options: Any) -> Any:
        return self._real.pull(_local(reference, self._port), **options)

    def get(self, reference: str) -> Any:
        return self._real.get(_local(reference, self._port))


def install(token: str, port: str) -> Client:
    """Make the client, and have the emulator use no other."""
    client = Client(token, port)
    docker.from_env = lambda *_args, **_options: client
    return client
