"""CodeBuild whose builds really run, as processes on this machine.

The emulator itself keeps records only. What a build does here follows the user guide's pages "How CodeBuild works",
"Build specification reference" and "View build details" (phase transitions), docs.aws.amazon.com/codebuild.
"""

from __future__ import annotations

import atexit
import contextvars
import copy
import functools
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import ministack.services.codebuild as cb
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services.cloudformation import provisioners

import buildrun
import buildspec
import rights
from buildspec import BuildError
from patch import Patch, apply

JSON = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

SECONDS_PER_MINUTE = 60.0
IDEMPOTENCY_SECONDS = 300  # "The token is included in the StartBuild request and is valid for 5 minutes"
SOURCE_TYPES = ("S3", "NO_SOURCE")
PROJECT_KEYS = ("logsConfig", "queuedTimeoutInMinutes", "concurrentBuildLimit", "cache", "vpcConfig")

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
    "serviceRoleOverride": ("serviceRole",),
    "timeoutInMinutesOverride": ("timeoutInMinutes",),
    "queuedTimeoutInMinutesOverride": ("queuedTimeoutInMinutes",),
    "encryptionKeyOverride": ("encryptionKey",),
}
OTHER_MEMBERS = ("projectName", "environmentVariablesOverride", "idempotencyToken")

_running: dict[str, Build] = {}
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
    build_id = build.record["id"]
    cb._builds[build_id] = build.record
    _running[build_id] = build
    if data.get("idempotencyToken"):
        _tokens[get_account_id(), get_region(), data["idempotencyToken"]] = (time.time(), data, build_id)
    answer = copy.deepcopy(build.record)
    # The emulator's stores are scoped by context variables: the worker needs this request's account and Region.
    threading.Thread(target=contextvars.copy_context().run, args=(build.run,), daemon=True).start()
    return answer


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
    return f"the local engine does not know StartBuild's {', '.join(unknown)}" if unknown else ""


def stop_build(data: JSON) -> Response:
    record = cb._builds.get(data.get("id", ""))
    if record is None:
        return error_response_json("ResourceNotFoundException", f"Build not found: {data.get('id', '')}", 400)
    build = _running.get(record["id"])
    if build is not None:
        build.stopped.set()
        build.ended.wait(10)
    return json_response({"build": record})


@atexit.register
def stop_all() -> None:
    """Ends what still runs when the engine stops, and removes its folders."""
    builds = list(_running.values())
    for build in builds:
        build.stopped.set()
    for build in builds:
        build.ended.wait(5)


class Build:
    """One build: its record, which BatchGetBuilds shows while it runs, and what it does."""

    def __init__(self, project: JSON) -> None:
        self.project, self.record = project, _record(project)
        self.stopped, self.ended = threading.Event(), threading.Event()
        self.emit: Callable[[str], None] = lambda line: None

    def run(self) -> None:
        work, status = (buildrun.work_folder(), "FAULT")
        try:
            if _logs_enabled(self.project):
                self.emit = cb._log_sink(self.record)
            _end_phase(self.record["phases"][-1], "SUCCEEDED")  # QUEUED: nothing limits how many run at once
            status = self._steps(work)
        except BuildError as error:
            status = error.status
        finally:
            with self._phase("FINALIZING"):
                buildrun.remove(work)
            self._finish(status)

    def _steps(self, work: Path) -> str:
        minutes = int(self.project.get("timeoutInMinutes") or 60)
        deadline = time.monotonic() + minutes * SECONDS_PER_MINUTE
        code = work / "src"
        with self._phase("PROVISIONING"):
            code.mkdir()
        with self._phase("DOWNLOAD_SOURCE"):
            spec = self._download(code)
            env = self._environment(spec, work, code)
            shell = buildrun.Shell(work, env, deadline, self.stopped, self.emit)
        try:
            succeeded = self._commands(spec, shell)
        finally:
            shell.close()
        artifacts = self.project.get("artifacts") or {}
        # "The UPLOAD_ARTIFACTS phase is always attempted, even if the BUILD phase fails."
        with self._phase("UPLOAD_ARTIFACTS"):
            if artifacts.get("type") == "S3":
                name, build_id = self.project["name"], self.record["id"]
                self.record["artifacts"] = buildrun.upload(artifacts, spec.artifacts, code, name, build_id)
        return "SUCCEEDED" if succeeded else "FAILED"

    def _download(self, code: Path) -> buildspec.Buildspec:
        source = self.project.get("source") or {}
        if source.get("type") == "S3":
            buildrun.download(source["location"], self.project.get("sourceVersion") or "", code)
        text = source.get("buildspec") or "buildspec.yml"
        if "\n" not in text:
            path = (code / text).resolve()
            if not path.is_file() or not path.is_relative_to(code):
                raise BuildError("YAML_FILE_ERROR", f"YAML file does not exist: {text}")
            text = path.read_text()
        spec = buildspec.parse(text)
        for note in spec.notes:
            self._log(note)
        return spec

    def _environment(self, spec: buildspec.Buildspec, work: Path, code: Path) -> dict[str, str]:
        """The buildspec's variables yield to the project's, and those to the request's (with_overrides)."""
        env = buildrun.inherited() | spec.variables
        env |= {name: buildrun.value_of("PARAMETER_STORE", ref) for name, ref in spec.parameters.items()}
        env |= {name: buildrun.value_of("SECRETS_MANAGER", ref) for name, ref in spec.secrets.items()}
        for variable in self.record["environment"]["environmentVariables"]:
            env[variable["name"]] = buildrun.value_of(variable.get("type", "PLAINTEXT"), variable["value"])
        env |= buildrun.own_variables(work, get_region()) | _codebuild_variables(self.record, code)
        session = "AWSCodeBuild-" + self.record["id"].rsplit(":", 1)[-1]
        env |= rights.role_credentials(self.record["serviceRole"], session)
        for name in env:
            if not buildrun.VARIABLE_NAME.fullmatch(name):
                raise BuildError("CLIENT_ERROR", f"{name!r} cannot be the name of an environment variable")
        return env

    def _commands(self, spec: buildspec.Buildspec, shell: buildrun.Shell) -> bool:
        """Runs the phases; false if one failed. After a failed build phase post_build runs all the same."""
        succeeded = True
        try:
            for phase in spec.phases:
                try:
                    with self._phase(phase.name.upper()):
                        self._one_phase(phase, shell)
                except BuildError as error:
                    if error.status != "FAILED" or not _goes_on(phase):
                        raise
                    succeeded = False
                    shell.run("export CODEBUILD_BUILD_SUCCEEDING=0")
        except BuildError as error:
            if error.status == "FAILED":
                self.record["exportedEnvironmentVariables"] = shell.exported(spec.exported)
            raise
        self.record["exportedEnvironmentVariables"] = shell.exported(spec.exported)
        return succeeded

    def _one_phase(self, phase: buildspec.Phase, shell: buildrun.Shell) -> None:
        for runtime, version in phase.runtimes.items():
            if runtime == "golang" and shutil.which("go") is None:
                raise BuildError(
                    "CLIENT_ERROR", f"runtime golang {version}: go is not on the engine's PATH; install Go"
                )
            self._log(f"runtime {runtime} {version}: this machine's own is used")
        try:
            self._all(phase.commands, shell)
        finally:
            if not self.stopped.is_set():
                self._all(phase.finally_commands, shell)

    def _all(self, commands: list[str], shell: buildrun.Shell) -> None:
        for command in commands:
            self._log(f"Running command {command}")
            code = shell.run(command)
            if code != 0:
                message = f"Error while executing command: {command}. Reason: exit status {code}"
                raise BuildError("COMMAND_EXECUTION_ERROR", message)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        phase = _begin_phase(self.record, name)
        self._log(f"Entering phase {name}")
        context = ("", "")
        status = "FAULT"
        try:
            yield
            status = "SUCCEEDED"
        except BuildError as error:
            status, context = error.status, (error.code, str(error))
            raise
        except Exception as error:
            context = ("INTERNAL_ERROR", f"the local engine failed: {error!r}")
            cb.logger.exception("build %s", self.record["id"])
            raise BuildError(*context, status) from error
        finally:
            _end_phase(phase, status, context)
            self._log(f"Phase complete: {name} State: {status}")
            self._log(f"Phase context status code: {context[0]} Message: {context[1]}")

    def _finish(self, status: str) -> None:
        record = self.record
        _begin_phase(record, "COMPLETED")
        record.update(buildComplete=True, endTime=_now())
        record["buildStatus"] = status  # last: it is what others wait for
        _running.pop(record["id"], None)
        self.ended.set()

    def _log(self, line: str) -> None:
        self.emit(f"[Container] {datetime.now(timezone.utc):%Y/%m/%d %H:%M:%S.%f} {line}")


def _goes_on(phase: buildspec.Phase) -> bool:
    return phase.on_failure == "CONTINUE" or (phase.name in ("build", "post_build") and phase.on_failure != "ABORT")


def _now() -> float:
    return round(time.time(), 3)


def _begin_phase(record: JSON, name: str) -> JSON:
    phase: JSON = {"phaseType": name, "startTime": _now()}
    record["phases"].append(phase)
    record["currentPhase"] = name
    return phase


def _end_phase(phase: JSON, status: str, context: tuple[str, str] = ("", "")) -> None:
    phase["contexts"] = [{"statusCode": context[0], "message": context[1]}]
    phase["endTime"] = _now()
    phase["durationInSeconds"] = int(phase["endTime"] - phase["startTime"])
    phase["phaseStatus"] = status


def _record(project: JSON) -> JSON:
    """A new build as BatchGetBuilds shows it. For S3 sources there is no resolvedSourceVersion ("does not apply")."""
    name = project["name"]
    build_id = cb._build_id(name)
    earlier = [b.get("buildNumber", 0) for b in cb._builds.values() if b.get("projectName") == name]
    record: JSON = {
        "id": build_id,
        "arn": cb._build_arn(build_id),
        "projectName": name,
        "buildNumber": max(earlier, default=0) + 1,
        "startTime": _now(),
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "phases": [],
        "source": project.get("source") or {},
        "artifacts": {"location": ""},
        "cache": project.get("cache") or {"type": "NO_CACHE"},
        "environment": project["environment"],
        "exportedEnvironmentVariables": [],
        "serviceRole": project.get("serviceRole", ""),
        "logs": _logs(project, build_id),
        "timeoutInMinutes": int(project.get("timeoutInMinutes") or 60),
        "queuedTimeoutInMinutes": int(project.get("queuedTimeoutInMinutes") or 480),
        "initiator": f"{get_account_id()}/user",
        "encryptionKey": project.get("encryptionKey", ""),
    }
    if project.get("sourceVersion"):
        record["sourceVersion"] = project["sourceVersion"]
    _end_phase(_begin_phase(record, "SUBMITTED"), "SUCCEEDED")
    _begin_phase(record, "QUEUED")
    return record


def _logs_enabled(project: JSON) -> bool:
    config = (project.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    return config.get("status", "ENABLED") == "ENABLED"


def _logs(project: JSON, build_id: str) -> JSON:
    """Where the log goes: a configured stream name is only the prefix of the build's own."""
    if not _logs_enabled(project):
        return {"cloudWatchLogs": {"status": "DISABLED"}, "s3Logs": {"status": "DISABLED"}}
    config = (project.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    group = config.get("groupName") or f"/aws/codebuild/{project['name']}"
    stream = "/".join(filter(None, [config.get("streamName"), build_id.rpartition(":")[2]]))
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:{stream}"
    return {
        "groupName": group,
        "streamName": stream,
        "cloudWatchLogsArn": arn,
        "cloudWatchLogs": {"status": "ENABLED", "groupName": group},
        "s3Logs": {"status": "DISABLED"},
    }


def _codebuild_variables(record: JSON, code: Path) -> dict[str, str]:
    """https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html

    It has no CI and, for S3 sources, no CODEBUILD_RESOLVED_SOURCE_VERSION.
    """
    variables = {
        "CODEBUILD_BUILD_ARN": record["arn"],
        "CODEBUILD_BUILD_ID": record["id"],
        "CODEBUILD_BUILD_IMAGE": record["environment"].get("image", ""),
        "CODEBUILD_BUILD_NUMBER": str(record["buildNumber"]),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_INITIATOR": record["initiator"],
        "CODEBUILD_KMS_KEY_ID": record["encryptionKey"],
        "CODEBUILD_LOG_PATH": record["logs"].get("streamName", ""),
        "CODEBUILD_PROJECT_ARN": cb._project_arn(record["projectName"]),
        "CODEBUILD_SOURCE_REPO_URL": record["source"].get("location", ""),
        "CODEBUILD_SRC_DIR": str(code),
        "CODEBUILD_START_TIME": str(int(record["startTime"] * 1000)),
    }
    if "sourceVersion" in record:
        variables["CODEBUILD_SOURCE_VERSION"] = record["sourceVersion"]
    return variables


def restoring(original: Callable[[JSON], None]) -> Callable[[JSON], None]:
    """Ends restored builds in every Region, not in the engine's default one only."""

    @functools.wraps(original)
    def wrapped(data: JSON) -> None:
        original(data)
        for build in cb._builds._data.values():
            if build["buildStatus"] == "IN_PROGRESS":
                _begin_phase(build, "COMPLETED")
                build.update(buildStatus="FAULT", buildComplete=True, endTime=_now())

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
    return provisioners._codebuild_cfn_to_api(value) if isinstance(value, dict) else int(value)


_GUIDE = "https://docs.aws.amazon.com/codebuild/latest/"
_SERVICE = "services.codebuild:"
_HANDLER = "services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::CodeBuild::Project]"
PATCHES = (
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
        wrap=restoring,
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
