"""The values of containers' secrets: a file of this clone has them, or the emulator's stores."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

import yaml
from ministack.services import ecs, secretsmanager, ssm

FILE = ".slipway/local/secrets.yaml"  # as the user knows it; SLIPWAY_SECRETS is its path

_CURRENT = "AWSCURRENT"


def resolved(_original: Callable[..., Any]) -> Callable[[dict[str, Any]], dict[str, str]]:
    """Resolve all secrets of a container definition, or raise what the task then stops with."""

    def resolve(definition: dict[str, Any]) -> dict[str, str]:
        return {entry["name"]: _value(entry["name"], entry["valueFrom"]) for entry in definition.get("secrets") or []}

    return resolve


def _value(name: str, place: str) -> str:
    """The value that valueFrom names (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html)."""
    parts = place.split(":")
    if len(parts) < 7 or parts[2] != "secretsmanager":
        written = "ssm:/" + parts[-1].removeprefix("parameter").removeprefix("/")
        return _kept(name, written, lambda: ssm.resolve_parameter_value(place, decrypt=True))
    key, stage, version = [*parts[7:], "", "", ""][:3]
    written = f"secretsmanager:{parts[6]}"
    value = _kept(name, written, lambda: _secret(":".join(parts[:7]), stage, version))
    return _member(name, written, value, key) if key else value


def _secret(arn: str, stage: str, version: str) -> str | None:
    """Its ARN names a secret with or without the hyphen and six characters behind the name, and no other."""
    account, region = arn.split(":")[4], arn.split(":")[3]
    whole = re.compile(re.escape(arn) + "(-[A-Za-z0-9]{6})?")
    for _, secret in secretsmanager._secrets.items_scoped(account, region):
        if whole.fullmatch(secret["ARN"]):
            return secretsmanager.resolve_secret_string(secret["ARN"], stage or _CURRENT, version or None)
    return None


def _member(name: str, place: str, value: str, key: str) -> str:
    try:
        found = json.loads(value)[key]
    except (ValueError, KeyError, TypeError):
        why = f"unable to retrieve secret {name}: {place} is no JSON object with the key {key}"
        raise ecs._SecretResolutionError(why) from None  # the cause may quote the value
    return found if isinstance(found, str) else json.dumps(found)


def _kept(name: str, place: str, stored: Callable[[], str | None]) -> str:
    """The value in the user's file, which is read anew for each task, or else that of the store."""
    value = _file().get(place)
    if not isinstance(value, str):
        value = stored()
    if value is None:
        raise ecs._SecretResolutionError(
            f"unable to retrieve secret {name}: the local engine has no {place}; "
            f"write it into {FILE}, on a line such as {place}: VALUE"
        )
    return value


def _file() -> dict[str, Any]:
    try:
        with open(os.environ["SLIPWAY_SECRETS"], encoding="utf-8") as text:
            values = yaml.load(text, Loader=yaml.BaseLoader)  # all scalars are texts, as they are written
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        # The file's lines are secrets, and the error may quote them.
        raise ecs._SecretResolutionError(
            f"unable to retrieve secrets: {FILE} cannot be read as YAML ({type(error).__name__})"
        ) from None
    if values is not None and not isinstance(values, dict):
        raise ecs._SecretResolutionError(f"unable to retrieve secrets: {FILE} is no mapping of places to values")
    return values or {}
