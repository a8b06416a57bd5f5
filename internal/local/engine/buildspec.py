"""Reads a buildspec, version 0.2, as CodeBuild does.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

import reportparse

PHASES = ("install", "pre_build", "build", "post_build")
ON_FAILURE = ("ABORT", "CONTINUE")
IGNORED_KEYS = ("batch", "proxy", "run-as")
MOST_REPORTS = 5
IGNORED_PHASE_KEYS = ("run-as",)


class BuildError(Exception):
    """Ends a phase: the phase's status, and the code and message of its context."""

    def __init__(self, code: str, message: str, status: str = "FAILED") -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Phase:
    name: str
    commands: list[str] = field(default_factory=list)
    finally_commands: list[str] = field(default_factory=list)
    on_failure: str = ""
    runtimes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportSection:
    """One report group's part of reports: its name or ARN, and where its files are."""

    name: str
    format: str
    files: list[str]
    base: str


@dataclass(frozen=True)
class Buildspec:
    phases: list[Phase]
    variables: dict[str, str]
    parameters: dict[str, str]
    secrets: dict[str, str]
    exported: list[str]
    artifacts: dict[str, Any]
    secondary: dict[str, dict[str, Any]]  # artifacts/secondary-artifacts
    reports: list[ReportSection]
    cached: list[str]  # cache/paths
    notes: list[str]


def parse(text: str) -> Buildspec:
    """Parses the text; a BuildError says what CodeBuild would not accept, or what the local engine cannot do."""
    try:
        # Every scalar stays text: a version is 1.10 and not 1.1, a variable's value yes and not True.
        spec = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise _invalid(f"it is not valid YAML: {error}") from error
    spec = _mapping(spec, "the buildspec")
    if spec.get("version") != "0.2":
        raise _invalid(f"version is {spec.get('version')!r}; the local engine runs version 0.2")
    env, phases = (_mapping(spec.get("env"), "env"), _mapping(spec.get("phases"), "phases"))
    if not phases:
        raise _invalid("it has no phases")
    _known(phases, PHASES, "phases")
    if env.get("shell", "bash") not in ("bash", "/bin/sh"):
        raise _invalid(f"env.shell is {env['shell']!r}; the local engine has bash only")
    artifacts = _mapping(spec.get("artifacts"), "artifacts")
    return Buildspec(
        phases=[_phase(name, _mapping(phases.get(name), f"phases.{name}")) for name in PHASES],
        variables=_texts(env, "variables"),
        parameters=_texts(env, "parameter-store"),
        secrets=_texts(env, "secrets-manager"),
        exported=_list(env.get("exported-variables"), "env.exported-variables"),
        artifacts=artifacts,
        secondary=_mapping(artifacts.get("secondary-artifacts"), "artifacts.secondary-artifacts"),
        reports=_reports(_mapping(spec.get("reports"), "reports")),
        cached=_list(_mapping(spec.get("cache"), "cache").get("paths"), "cache.paths"),
        notes=_notes(spec, phases),
    )


def _phase(name: str, phase: dict[str, Any]) -> Phase:
    place = f"phases.{name}"
    _known(phase, ("commands", "finally", "on-failure", "runtime-versions", *IGNORED_PHASE_KEYS), place)
    on_failure = phase.get("on-failure", "")
    if on_failure and on_failure not in ON_FAILURE:
        raise _invalid(f"{place}.on-failure is {on_failure!r}; the local engine knows {' and '.join(ON_FAILURE)}")
    return Phase(
        name=name,
        commands=_list(phase.get("commands"), f"{place}.commands"),
        finally_commands=_list(phase.get("finally"), f"{place}.finally"),
        on_failure=on_failure,
        runtimes=_texts(phase, "runtime-versions"),
    )


def _reports(reports: dict[str, Any]) -> list[ReportSection]:
    if len(reports) > MOST_REPORTS:
        raise _invalid(f"reports has {len(reports)} report groups; {MOST_REPORTS} are possible")
    sections = []
    for name, given in reports.items():
        place, section = f"reports.{name}", _mapping(given, f"reports.{name}")
        _known(section, ("files", "file-format", "base-directory", "discard-paths"), place)
        form = section.get("file-format", "JUNITXML").upper()
        if form not in reportparse.KINDS:
            known = ", ".join(reportparse.KINDS)
            raise _invalid(f"{place}.file-format is {form!r}; the local engine reads {known}")
        files = _list(section.get("files"), f"{place}.files")
        if not files:
            raise _invalid(f"{place} names no files")
        sections.append(ReportSection(name, form, files, section.get("base-directory", "")))
    return sections


def _notes(spec: dict[str, Any], phases: dict[str, Any]) -> list[str]:
    places = [key for key in IGNORED_KEYS if key in spec]
    places += [f"phases.{name}.{key}" for name in phases for key in IGNORED_PHASE_KEYS if key in phases[name]]
    return [f"the local engine ignores {place} in the buildspec" for place in places]


def _invalid(message: str) -> BuildError:
    return BuildError("YAML_FILE_ERROR", f"buildspec: {message}")


def _known(mapping: dict[str, Any], keys: tuple[str, ...], place: str) -> None:
    for key in mapping:
        if key not in keys:
            raise _invalid(f"{place}.{key} is unknown; known are {', '.join(keys)}")


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        raise _invalid(f"{place} must be a mapping")
    return value


def _texts(parent: dict[str, Any], key: str) -> dict[str, str]:
    values = _mapping(parent.get(key), key)
    for name, value in values.items():
        if not isinstance(value, str):
            raise _invalid(f"{key}.{name} must be text")
    return values


def _list(value: Any, place: str) -> list[str]:
    if value in (None, ""):
        return []
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list):
        raise _invalid(f"{place} must be a list")
    for number, item in enumerate(values):
        if not isinstance(item, str):
            raise _invalid(f"expected {place}[{number}] to be text: found subkeys instead; put it in quotes")
    return values
