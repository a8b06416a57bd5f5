"""One build of CodeBuild: its record, and what it does, as processes on this machine.

What a build does here follows the user guide's pages "How CodeBuild works", "Build specification reference" and
"View build details" (phase transitions), docs.aws.amazon.com/codebuild.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import ministack.services.codebuild as cb
from ministack.core.responses import get_account_id, get_region

import buildrun
import buildspec
import reports
import rights
from buildspec import BuildError

JSON = dict[str, Any]

SECONDS_PER_MINUTE = 60.0

running: dict[str, Build] = {}

# How many builds of pipelines run at once: one, as in a new account, unless somebody wants more, since this machine has
# other things to do. https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
AT_ONCE = int(os.environ.get("SLIPWAY_LOCAL_BUILDS") or 1)

# Builds of pipelines in the order of their start: the first ones run.
_line: list[Build] = []
_places = threading.Lock()


@dataclass(frozen=True)
class Source:
    """What is unpacked into one folder of the build; the first of a build's has no identifier."""

    identifier: str
    location: str  # BUCKET/KEY
    version: str = ""


@dataclass(frozen=True)
class Job:
    """What a pipeline's action gives its build, in the place of the project's source and artifacts.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
    """

    pipeline: str
    revision: str  # of the pipeline's source
    sources: list[Source]
    outputs: dict[str, str] = field(default_factory=dict)  # the artifacts' names and their places, BUCKET/KEY


class Build:
    """One build: its record, which BatchGetBuilds shows while it runs, and what it does."""

    def __init__(self, project: JSON, job: Job | None = None) -> None:
        self.project, self.job, self.record = project, job, _record(project, job)
        self.stopped, self.ended = threading.Event(), threading.Event()
        self.emit: Callable[[str], None] = lambda line: None
        self.place: int | None = None  # among the builds of pipelines that run
        session = "AWSCodeBuild-" + self.record["id"].rsplit(":", 1)[-1]
        self.credentials = rights.role_credentials(self.record["serviceRole"], session)
        running[self.record["id"]] = self
        if job:
            _line.append(self)

    def run(self) -> None:
        work, status = None, "FAULT"
        try:
            if _logs_enabled(self.project):
                self.emit = cb._log_sink(self.record)
            self._wait_for_turn()
            self._must_log()
            work = buildrun.work_folder(self.place)
            status = self._steps(work)
        except BuildError as error:
            status = error.status
        finally:
            with self._phase("FINALIZING"):
                if work:
                    buildrun.remove(work)
            self._finish(status)

    def _wait_for_turn(self) -> None:
        phase = self.record["phases"][-1]  # QUEUED
        end = time.monotonic() + self.record["queuedTimeoutInMinutes"] * SECONDS_PER_MINUTE
        while self.job and not self._takes_place():
            stopped = self.stopped.wait(0.05)
            if stopped or time.monotonic() >= end:
                status = "STOPPED" if stopped else "TIMED_OUT"
                end_phase(phase, status)
                raise BuildError("", "", status)
        end_phase(phase, "SUCCEEDED")

    def _takes_place(self) -> bool:
        with _places:
            first = _line[:AT_ONCE]
            if self in first:
                self.place = min(set(range(AT_ONCE)) - {build.place for build in first})
            return self.place is not None

    def _must_log(self) -> None:
        """BuildError where the project's role may not write the build's log."""
        log = self.record["logs"]
        for operation in ("CreateLogStream", "PutLogEvents") if "groupName" in log else ():
            denied = rights.denial(self.credentials, f"logs:{operation}", log["cloudWatchLogsArn"])
            if denied:
                with self._phase("PROVISIONING"):
                    role, arn = self.record["serviceRole"], self.record["arn"]
                    text = (
                        f"Service role {role} does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams"
                    )
                    raise BuildError("ACCESS_DENIED", f"{text} for build {arn}. Error message: {denied}")

    def _steps(self, work: Path) -> str:
        minutes = int(self.project.get("timeoutInMinutes") or 60)
        deadline = time.monotonic() + minutes * SECONDS_PER_MINUTE
        code = work / "src"
        with self._phase("PROVISIONING"):
            code.mkdir()
        with self._phase("DOWNLOAD_SOURCE"):
            folders = self._download(work)
            spec = self._buildspec(code)
            if self.job:
                buildrun.restore(spec.cached, code, self.project["name"], self.place)
            env = self._environment(spec, work, code) | folders
            shell = buildrun.Shell(work, env, deadline, self.stopped, self.emit, gently=self.job is not None)
        try:
            succeeded = self._commands(spec, shell)
        finally:
            shell.close()
        # "The UPLOAD_ARTIFACTS phase is always attempted, even if the BUILD phase fails."
        with self._phase("UPLOAD_ARTIFACTS"):
            self._upload(spec, code)
        return "SUCCEEDED" if succeeded else "FAILED"

    def _download(self, work: Path) -> dict[str, str]:
        """Unpacks the sources; the variables that name the folders of the secondary ones."""
        variables = {}
        for source in self.job.sources if self.job else _sources(self.project):
            folder = work / "_".join(filter(None, ["src", source.identifier]))
            folder.mkdir(exist_ok=True)
            self._must_be_allowed("s3:GetObject", source.location)
            buildrun.download(source.location, source.version, folder)
            if not source.identifier:
                continue
            name = f"CODEBUILD_SRC_DIR_{source.identifier}"
            if buildrun.VARIABLE_NAME.fullmatch(name):
                variables[name] = str(folder)
            else:
                self._log(f"no shell can read a variable {name}: name the artifact with letters, digits and _ only")
        return variables

    def _must_be_allowed(self, action: str, place: str) -> None:
        """BuildError where the project's role may not touch an artifact of a pipeline, at BUCKET/KEY."""
        denied = rights.denial(self.credentials, action, f"arn:aws:s3:::{place}") if self.job else ""
        if denied:
            raise BuildError("CLIENT_ERROR", f"AccessDenied: {denied}")

    def _buildspec(self, code: Path) -> buildspec.Buildspec:
        text = (self.project.get("source") or {}).get("buildspec") or "buildspec.yml"
        if "\n" not in text:
            path = (code / text).resolve()
            if not path.is_file() or not path.is_relative_to(code):
                raise BuildError("YAML_FILE_ERROR", f"YAML file does not exist: {text}")
            text = path.read_text()
        spec = buildspec.parse(text)
        for note in spec.notes:
            self._log(note)
        return spec

    def _upload(self, spec: buildspec.Buildspec, code: Path) -> None:
        try:
            self._upload_artifacts(spec, code)
        finally:
            reports.make(self.record, spec.reports, code, self.credentials)

    def _upload_artifacts(self, spec: buildspec.Buildspec, code: Path) -> None:
        if self.job:
            for name, place in self.job.outputs.items():
                section = spec.secondary.get(name) or (spec.artifacts if len(self.job.outputs) == 1 else None)
                if section is None:
                    raise BuildError("CLIENT_ERROR", f"no definition for selected secondary artifact {name}")
                self._must_be_allowed("s3:PutObject", place)
                buildrun.upload_zip(place, section, code)
            return
        build_id, name = self.record["id"], self.project["name"]
        artifacts = self.project.get("artifacts") or {}
        if artifacts.get("type") == "S3":
            self.record["artifacts"] = buildrun.upload(artifacts, spec.artifacts, code, name, build_id)
        for second in self.project.get("secondaryArtifacts") or []:
            identifier = second["artifactIdentifier"]
            if identifier not in spec.secondary:
                raise BuildError("CLIENT_ERROR", f"no definition for selected secondary artifact {identifier}")
            made = buildrun.upload(second, spec.secondary[identifier], code, name, build_id)
            self.record.setdefault("secondaryArtifacts", []).append({"artifactIdentifier": identifier, **made})

    def _environment(self, spec: buildspec.Buildspec, work: Path, code: Path) -> dict[str, str]:
        """The buildspec's variables yield to the project's, and those to the request's (with_overrides)."""
        env = buildrun.inherited() | spec.variables
        env |= {name: buildrun.value_of("PARAMETER_STORE", ref) for name, ref in spec.parameters.items()}
        env |= {name: buildrun.value_of("SECRETS_MANAGER", ref) for name, ref in spec.secrets.items()}
        for variable in self.record["environment"]["environmentVariables"]:
            env[variable["name"]] = buildrun.value_of(variable.get("type", "PLAINTEXT"), variable["value"])
        env |= buildrun.own_variables(work, get_region()) | _codebuild_variables(self.record, code)
        env |= self.credentials
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
        phase = begin_phase(self.record, name)
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
            end_phase(phase, status, context)
            self._log(f"Phase complete: {name} State: {status}")
            self._log(f"Phase context status code: {context[0]} Message: {context[1]}")

    def _finish(self, status: str) -> None:
        record = self.record
        begin_phase(record, "COMPLETED")
        record.update(buildComplete=True, endTime=now())
        record["buildStatus"] = status  # last: it is what others wait for
        running.pop(record["id"], None)
        with _places, contextlib.suppress(ValueError):
            _line.remove(self)
        self.ended.set()

    def _log(self, line: str) -> None:
        self.emit(f"[Container] {datetime.now(timezone.utc):%Y/%m/%d %H:%M:%S.%f} {line}")


def _goes_on(phase: buildspec.Phase) -> bool:
    return phase.on_failure == "CONTINUE" or (phase.name in ("build", "post_build") and phase.on_failure != "ABORT")


def now() -> float:
    return round(time.time(), 3)


def begin_phase(record: JSON, name: str) -> JSON:
    phase: JSON = {"phaseType": name, "startTime": now()}
    record["phases"].append(phase)
    record["currentPhase"] = name
    return phase


def end_phase(phase: JSON, status: str, context: tuple[str, str] = ("", "")) -> None:
    phase["contexts"] = [{"statusCode": context[0], "message": context[1]}]
    phase["endTime"] = now()
    phase["durationInSeconds"] = int(phase["endTime"] - phase["startTime"])
    phase["phaseStatus"] = status


def _sources(project: JSON) -> list[Source]:
    """The project's own sources, as far as they are in S3."""
    first = project.get("source") or {}
    found = []
    if first.get("type") == "S3":
        found.append(Source("", first["location"], project.get("sourceVersion") or ""))
    versions = {v["sourceIdentifier"]: v["sourceVersion"] for v in project.get("secondarySourceVersions") or []}
    for source in project.get("secondarySources") or []:
        name = source["sourceIdentifier"]
        found.append(Source(name, source["location"], versions.get(name, "")))
    return found


def _record(project: JSON, job: Job | None) -> JSON:
    """A new build as BatchGetBuilds shows it. For S3 sources there is no resolvedSourceVersion ("does not apply")."""
    name = project["name"]
    build_id = cb._build_id(name)
    earlier = [b.get("buildNumber", 0) for b in cb._builds.values() if b.get("projectName") == name]
    record: JSON = {
        "id": build_id,
        "arn": cb._build_arn(build_id),
        "projectName": name,
        "buildNumber": max(earlier, default=0) + 1,
        "startTime": now(),
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
    for member in ("sourceVersion", "secondarySources", "secondarySourceVersions"):
        if project.get(member):
            record[member] = project[member]
    if job:
        record["initiator"] = f"codepipeline/{job.pipeline}"
        record["sourceVersion"] = f"arn:aws:s3:::{job.sources[0].location}"
        record["resolvedSourceVersion"] = job.revision
    end_phase(begin_phase(record, "SUBMITTED"), "SUCCEEDED")
    begin_phase(record, "QUEUED")
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
    if "resolvedSourceVersion" in record:
        variables["CODEBUILD_RESOLVED_SOURCE_VERSION"] = record["resolvedSourceVersion"]
    return variables
