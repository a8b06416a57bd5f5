"""What a task definition says of a container, found by the labels that the emulator gives the container."""

from __future__ import annotations

from typing import Any

from ministack.services import ecs

_PREFIX = "com.amazonaws.ecs."

TASK = _PREFIX + "task-arn"
NAME = _PREFIX + "container-name"

Labels = dict[str, str]


def _containers(labels: Labels) -> list[dict[str, Any]]:
    family, version = labels.get(_PREFIX + "task-definition-family"), labels.get(_PREFIX + "task-definition-version")
    return (ecs._task_defs.get(f"{family}:{version}") or {}).get("containerDefinitions") or []


def container(labels: Labels) -> dict[str, Any]:
    """The container's own definition; empty where there is none."""
    return next((entry for entry in _containers(labels) if entry["name"] == labels.get(NAME)), {})


def sidecar_of(labels: Labels) -> str:
    """The name of the first container of a task, the application's, for one of the others; for itself empty."""
    first = next((entry["name"] for entry in _containers(labels)), "")
    return first if first != labels.get(NAME) else ""


def application(client: Any, labels: Labels) -> Any:
    """The running container of the application that this one is a sidecar of, or None."""
    first = sidecar_of(labels)
    if not first:
        return None
    task = client.list(filters={"label": [f"{TASK}={labels[TASK]}", f"{NAME}={first}"]})
    return next(iter(task), None)
