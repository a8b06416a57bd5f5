"""CodeBuild whose builds really run (build.py); the emulator itself keeps records only."""

from __future__ import annotations

import atexit
import contextvars
import copy
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

import ministack.services.codebuild as cb
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services.cloudformation import provisioners

import reports
from build import Build, Job, begin_phase, now, running
from patch import Patch, apply

JSON = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

IDEMPOTENCY_SECONDS = 300  # "The token is included in the StartBuild request and is valid for 5 minutes"
SOURCE_TYPES = ("S3", "NO_SOURCE")
PROJECT_KEYS = (
    "logsConfig",
    "queuedTimeoutInMinutes",
    "concurrentBuildLimit",
    "cache",
    "vpcConfig",
    "secondarySources",
    "secondarySourceVersions",
    "secondaryArtifacts",
)

# StartBuild's overrides: where each goes in the build's own copy of the project.
OVERRIDES = {
    "sourceTypeOverride": ("source", "type"),
    "sourceLocationOverride": ("source", "location"),
    "buildspecOverride": ("source", "buildspec"),
    "imageOverride": ("environment", "image"),
    "computeTypeOverride": ("environment", "computeType"),
    "environmentTypeOverride": ("environment", "type"),
    "privilegedModeOverride": ("environment", "privilegedMode"),
    "artifactsOverride": ("artifacts",),
    "logsConfigOverride": ("logsConfig",),
    "sourceVersion": ("sourceVersion",),
    "secondarySourcesOverride": ("secondarySources",),
    "secondarySourcesVersionOverride": ("secondarySourceVersions",),
    "secondaryArtifactsOverride": ("secondaryArtifacts",),
    "serviceRoleOverride": ("serviceRole",),
    "timeoutInMinutesOverride": ("timeoutInMinutes",),
    "queuedTimeoutInMinutesOverride": ("queuedTimeoutInMinutes",),
    "encryptionKeyOverride": ("encryptionKey",),
}
OTHER_MEMBERS = ("projectName", "environmentVariablesOverride", "idempotencyToken")

_tokens: dict[tuple[str, str, str], tuple[float, JSON, str]] = {}
_lock = threading.Lock()


def start_build(data: JSON) -> Response:
    project = cb._projects.get(data.get("projectName", ""))
    if project is None:
        arn = cb._project_arn(data.get("projectName", ""))
        return error_response_json("ResourceNotFoundException", f"Project cannot be found: {arn}", 400)
    effective = with_overrides(project, data)
    fault = refusal(effective, data)
    if fault:
        return error_response_json("InvalidInputException", fault, 400)
    with _lock:
        known = _repeated(data)
        if known is None:
            return json_response({"build": _launch(effective, data)})
    return known


def _repeated(data: JSON) -> Response | None:
    """The answer to a request whose idempotency token was used before."""
    token = (get_account_id(), get_region(), data.get("idempotencyToken", ""))
    at, earlier, build_id = _tokens.get(token, (0.0, {}, ""))
    if not token[2] or time.time() - at > IDEMPOTENCY_SECONDS or build_id not in cb._builds:
        return None
    if earlier != data:
        return error_response_json("InvalidInputException", "the idempotency token was used with other parameters", 400)
    return json_response({"build": cb._builds[build_id]})


def _launch(project: JSON, data: JSON) -> JSON:
    build = Build(project)
    if data.get("idempotencyToken"):
        _tokens[get_account_id(), get_region(), data["idempotencyToken"]] = (time.time(), data, build.record["id"])
    answer = copy.deepcopy(build.record)
    _begin(build)
    return answer


def _begin(build: Build) -> None:
    cb._builds[build.record["id"]] = build.record
    # The emulator's stores are scoped by context variables: the worker needs this request's account and Region.
    threading.Thread(target=contextvars.copy_context().run, args=(build.run,), daemon=True).start()


def start_job(project_name: str, job: Job, variables: list[JSON], spec: str) -> Build:
    """Starts a build for an action of a pipeline; LookupError says that there is no such project.

    spec: the action's BuildspecOverride, or empty.
    """
    project = cb._projects.get(project_name)
    if project is None:
        raise LookupError(f"Project cannot be found: {cb._project_arn(project_name)}")
    effective = with_overrides(project, {"environmentVariablesOverride": variables})
    effective["source"] = {"type": "CODEPIPELINE", "buildspec": spec or project["source"].get("buildspec", "")}
    with _lock:
        build = Build(effective, job)
        _begin(build)
    return build


def with_overrides(project: JSON, data: JSON) -> JSON:
    """The project as this one build sees it."""
    effective = copy.deepcopy(project)
    for member, path in OVERRIDES.items():
        if member in data:
            place = effective
            for key in path[:-1]:
                place = place.setdefault(key, {})
            place[path[-1]] = data[member]
    env = effective.setdefault("environment", {})
    variables = {v["name"]: v for v in env.get("environmentVariables") or []}
    variables.update({v["name"]: v for v in data.get("environmentVariablesOverride") or []})
    env["environmentVariables"] = list(variables.values())
    return effective


def refusal(project: JSON, data: JSON) -> str:
    """Why CodeBuild, or only the local engine, does not start this build; empty if it does."""
    source, artifacts = project.get("source") or {}, project.get("artifacts") or {}
    if source.get("type") == "CODEPIPELINE":
        return "SourceTypeOverride must be set when using source type CodePipeline"
    if artifacts.get("type") == "CODEPIPELINE":
        return "ArtifactsOverride must be set when using artifacts type CodePipelines"
    if source.get("type") not in SOURCE_TYPES:
        return f"the local engine builds from {' or '.join(SOURCE_TYPES)}, not from {source.get('type')}"
    if source.get("type") == "S3" and not source.get("location", "").partition("/")[2]:
        return f"Invalid project source: location must be BUCKET/KEY, not {source.get('location')!r}"
    if not 5 <= int(project.get("timeoutInMinutes") or 60) <= 2160:
        return "timeoutInMinutes must be from 5 to 2160"
    unknown = sorted(set(data) - set(OVERRIDES) - set(OTHER_MEMBERS))
    fault = f"the local engine does not know StartBuild's {', '.join(unknown)}" if unknown else ""
    return fault or _refusal_of_secondary(project)


def _refusal_of_secondary(project: JSON) -> str:
    for second in project.get("secondarySources") or []:
        if second["type"] != "S3" or not second.get("location", "").partition("/")[2]:
            return f"the local engine has secondary sources of type S3 at BUCKET/KEY only, not {second}"
    for second in project.get("secondaryArtifacts") or []:
        if second["type"] != "S3":
            return f"the local engine has secondary artifacts of type S3 only, not {second}"
    return ""


def stop_build(data: JSON) -> Response:
    record = cb._builds.get(data.get("id", ""))
    if record is None:
        return error_response_json("ResourceNotFoundException", f"Build not found: {data.get('id', '')}", 400)
    build = running.get(record["id"])
    if build is not None:
        build.stopped.set()
        build.ended.wait(10)
    return json_response({"build": record})


@atexit.register
def stop_all() -> None:
    """Ends what still runs when the engine stops, and removes its folders."""
    builds = list(running.values())
    for build in builds:
        build.stopped.set()
    for build in builds:
        build.ended.wait(5)


def restoring(original: Callable[[JSON], None]) -> Callable[[JSON], None]:
    """Ends restored builds in every Region, not in the engine's default one only."""

    @functools.wraps(original)
    def wrapped(data: JSON) -> None:
        original(data)
        for build in cb._builds._data.values():
            if build["buildStatus"] == "IN_PROGRESS":
                begin_phase(build, "COMPLETED")
                build.update(buildStatus="FAULT", buildComplete=True, endTime=now())

    return wrapped


def keeping(original: Callable[[JSON], Response]) -> Callable[[JSON], Response]:
    """CreateProject and UpdateProject that do not lose the members that the emulator has no use for."""

    @functools.wraps(original)
    def wrapped(data: JSON) -> Response:
        status, headers, body = original(data)
        if status != 200:
            return status, headers, body
        project = cb._projects[data["name"]]
        project.update({key: data[key] for key in PROJECT_KEYS if key in data})
        return json_response({"project": cb._project_shape(project)})

    return wrapped


def showing(original: Callable[[JSON], JSON]) -> Callable[[JSON], JSON]:
    """A project's shape with the members kept."""

    @functools.wraps(original)
    def wrapped(project: JSON) -> JSON:
        return original(project) | {key: project[key] for key in PROJECT_KEYS if key in project}

    return wrapped


def from_template(original: Callable[..., tuple[str, JSON]]) -> Callable[..., tuple[str, JSON]]:
    """A create or update handler of AWS::CodeBuild::Project that does not lose those members either."""

    @functools.wraps(original)
    def wrapped(*args: Any) -> tuple[str, JSON]:
        name, attributes = original(*args)
        props = args[-2]  # (logical id, properties, stack) and (physical id, old and new properties, stack)
        given = {key: props.get(key[0].upper() + key[1:]) for key in PROJECT_KEYS}
        kept = {key: _api_shape(value) for key, value in given.items() if value is not None}
        project = cb._projects[name]
        for key in PROJECT_KEYS:
            project.pop(key, None)
        project.update(kept)
        return name, attributes

    return wrapped


def _api_shape(value: Any) -> Any:
    if isinstance(value, list):
        return [_api_shape(item) for item in value]
    return provisioners._codebuild_cfn_to_api(value) if isinstance(value, dict) else int(value)


_GUIDE = "https://docs.aws.amazon.com/codebuild/latest/"
_SERVICE = "services.codebuild:"
_HANDLER = "services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::CodeBuild::Project]"
PATCHES = (
    *reports.PATCHES,
    Patch(
        places=(_SERVICE + "_start_build",),
        sha256="661025bbce1e016c0615c5325807c988aaf94bca53256bf0b59f5614127d650a",
        fault="A build succeeds at once, nothing runs and no override is looked at.",
        right="The build's phases run with the request's overrides.",
        source=_GUIDE + "APIReference/API_StartBuild.html",
        wrap=lambda original: start_build,
    ),
    Patch(
        places=(_SERVICE + "_stop_build",),
        sha256="80f60ae7794a285383fcceb845835156618d2eb1bfda53776af36ba3aeabace2",
        fault="Any build becomes STOPPED, ended ones too.",
        right="A running build's commands are ended; an ended build stays as it is.",
        source=_GUIDE + "userguide/stop-build.html",
        wrap=lambda original: stop_build,
    ),
    Patch(
        places=(_SERVICE + "_restore_state",),
        sha256="e3bba2f1e12288e1e9b78a5300cb36b89dd1592e452055d277c302048979fdea",
        fault="After a restart builds of all but one Region are running for ever.",
        right="A build ends.",
        source=_GUIDE + "userguide/view-build-details.html",
        wrap=lambda original: reports.loading(restoring(original)),
    ),
    Patch(
        places=(_SERVICE + "_create_project",),
        sha256="5f58e8a136f18b7b3cd1e113dfe5d789b380efca081e9b3cf9419b96ccc892b7",
        fault=f"A new project loses {', '.join(PROJECT_KEYS)}.",
        right="A project keeps what it is given, logsConfig above all.",
        source=_GUIDE + "APIReference/API_CreateProject.html",
        wrap=keeping,
    ),
    Patch(
        places=(_SERVICE + "_update_project",),
        sha256="bc9aaf4ef6df452659d9222929b64a5dbeadfef062469e4394280177a029b366",
        fault=f"An updated project loses {', '.join(PROJECT_KEYS)}.",
        right="A project keeps what it is given, logsConfig above all.",
        source=_GUIDE + "APIReference/API_UpdateProject.html",
        wrap=keeping,
    ),
    Patch(
        places=(_SERVICE + "_project_shape",),
        sha256="23d1733bd7d73c26b87d97b80822c08b53eeb5a070760bb51c6906f6ea09c4e8",
        fault=f"A project is shown without {', '.join(PROJECT_KEYS)}.",
        right="A project is shown as it was given.",
        source=_GUIDE + "APIReference/API_Project.html",
        wrap=showing,
    ),
    Patch(
        places=(_HANDLER + "[create]",),
        sha256="294d8586480a964e0f1bf9dc1ba9de0fcc3db2c492d1c9bab5bbcd4d8e32cf20",
        fault="LogsConfig and other properties of a template's project are lost.",
        right="The project's log goes to the group that LogsConfig names.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-codebuild-project.html",
        wrap=from_template,
    ),
    Patch(
        places=(_HANDLER + "[update]",),
        sha256="c4e366a45eb53159398d6ada4b6e49442a40e3079d7ab94417cd9d507a977f25",
        fault="LogsConfig and other properties of a template's project are lost.",
        right="The project's log goes to the group that LogsConfig names.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-codebuild-project.html",
        wrap=from_template,
    ),
)


def install() -> None:
    apply(PATCHES)
    reports.install()
