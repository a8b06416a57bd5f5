"""What the actions of a pipeline do: fetch a source, run a build, wait for an approval.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html
"""

from __future__ import annotations

import contextvars
import json
import logging
import os
import re
import secrets
import string
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session
from ministack.core.responses import get_account_id, get_region

import codebuild
import pipelineevent
import rights
from build import Build, Job, Source

JSON = dict[str, Any]

logger = logging.getLogger("codepipeline")

APPROVAL_MINUTES = 7 * 24 * 60
_REFERENCE = re.compile(r"#\{([A-Za-z0-9@\-_]+)\.([A-Za-z0-9@\-_]+)\}")
_SUMMARY = "codepipeline-artifact-revision-summary"

_builds: dict[str, Build] = {}  # by the id of the action execution that started it


class ActionError(Exception):
    """Ends an action: the code and message of its error details."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Outcome:
    """How an action ended."""

    result: JSON = field(default_factory=dict)  # members of ActionExecutionResult
    variables: dict[str, str] = field(default_factory=dict)
    outputs: list[JSON] = field(default_factory=list)  # artifacts with their places
    revision: JSON | None = None  # a source's, as in GetPipelineExecution

    @property
    def succeeded(self) -> bool:
        return "errorDetails" not in self.result


def failed(code: str, message: str, **result: str) -> Outcome:
    return Outcome({**result, "errorDetails": {"code": code, "message": message}})


def begin(pipeline: JSON, execution: JSON, action: JSON, done: Callable[[Outcome], None]) -> None:
    """Begins an action; done is called once, later, with its outcome. An approval ends by PutApprovalResult instead."""
    try:
        configuration = _resolved(action["input"]["configuration"], execution)
    except ActionError as error:
        outcome = failed(error.code, str(error))
        _spawn(lambda: outcome, done)
        return
    action["input"]["resolvedConfiguration"] = configuration
    work = {
        "S3": lambda: _fetch(pipeline, execution, action, configuration),
        "CodeBuild": lambda: _build(pipeline, execution, action, configuration),
        "CodeStarSourceConnection": _no_connections,
    }.get(action["input"]["actionTypeId"]["provider"])
    if work:
        _spawn(work, done)
        return
    action["token"] = str(uuid.uuid4())
    action["expires"] = time.time() + 60 * (action["minutes"] or APPROVAL_MINUTES)
    pipelineevent.ask_for_approval(pipeline, action, configuration)


def end(action: JSON) -> None:
    """Ends what an action has started on this machine; its outcome comes in due course."""
    build = _builds.get(action["id"])
    if build:
        build.stopped.set()


def _spawn(work: Callable[[], Outcome], done: Callable[[Outcome], None]) -> None:
    def run() -> None:
        try:
            outcome = work()
        except ActionError as error:
            outcome = failed(error.code, str(error))
        except Exception as error:
            logger.exception("an action of a pipeline failed")
            outcome = failed("InternalError", f"the local engine failed: {error!r}")
        done(outcome)

    # The emulator's stores are scoped by context variables: the worker needs this request's account and Region.
    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()


def _resolved(configuration: JSON, execution: JSON) -> JSON:
    """The configuration with its references to variables resolved."""
    known = execution["namespaces"]

    def value(match: re.Match[str]) -> str:
        try:
            return known[match[1]][match[2]]
        except KeyError:
            raise ActionError(
                "ConfigurationError",
                f"The variable reference {match[0]} cannot be resolved: "
                + (
                    f"namespace {match[1]} has {', '.join(sorted(known[match[1]])) or 'no variables'}"
                    if match[1] in known
                    else f"no action before it has the namespace {match[1]}"
                ),
            ) from None

    def quoted(match: re.Match[str]) -> str:
        return json.dumps(value(match))[1:-1]  # it stands within a text of JSON

    return {
        key: _REFERENCE.sub(quoted if key == "EnvironmentVariables" else value, text)
        for key, text in configuration.items()
    }


def place(pipeline: JSON, artifact: str, suffix: str = "") -> JSON:
    """A new place in the artifact store: pipeline's name cut to 20 characters, artifact's to 10, and a random name."""
    store = pipeline.get("artifactStore") or pipeline["artifactStores"][get_region()]
    name = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(7))
    return {"bucket": store["location"], "key": f"{pipeline['name'][:20]}/{artifact[:10]}/{name}{suffix}"}


def _fetch(pipeline: JSON, execution: JSON, action: JSON, configuration: JSON) -> Outcome:
    """Copies the source's newest version, or the one that the execution was started with, to the artifact store.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
    """
    bucket, key = configuration["S3Bucket"], configuration["S3ObjectKey"]
    given = execution["sourceRevisions"].get(action["action"], {})
    key = given.get("S3_OBJECT_KEY", key)
    version = {"VersionId": given["S3_OBJECT_VERSION_ID"]} if "S3_OBJECT_VERSION_ID" in given else {}
    s3 = _s3_as(pipeline["roleArn"], action["id"])
    try:
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            raise ActionError("ConfigurationError", f"Versioning is not enabled on the source bucket {bucket}")
        got = s3.get_object(Bucket=bucket, Key=key, **version)
        body = got["Body"].read()
        target = place(pipeline, action["artifacts"][0], os.path.splitext(key)[1])
        s3.put_object(Bucket=target["bucket"], Key=target["key"], Body=body)
    except botocore.exceptions.ClientError as error:
        raise ActionError(*_refused(error, bucket, key, pipeline["roleArn"])) from error
    version_id, etag = got["VersionId"], got["ETag"].strip('"')
    summary = got["Metadata"].get(_SUMMARY) or f"Amazon S3 version id: {version_id}"
    return Outcome(
        result={"externalExecutionId": version_id, "externalExecutionSummary": summary},
        variables={"BucketName": bucket, "ETag": etag, "ObjectKey": key, "VersionId": version_id},
        outputs=[{"name": action["artifacts"][0], "s3location": target}],
        revision={
            "name": action["artifacts"][0],
            "revisionId": version_id,
            "revisionChangeIdentifier": etag,
            "revisionSummary": summary,
            "created": got["LastModified"].timestamp(),
        },
    )


def _refused(error: botocore.exceptions.ClientError, bucket: str, key: str, role: str) -> tuple[str, str]:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in ("NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404"):
        return "ConfigurationError", f"The object with key '{key}' does not exist in bucket {bucket} ({code})"
    if code in ("AccessDenied", "403"):
        return "PermissionError", f"The role {role} may not read s3://{bucket}/{key} or write the artifact: {message}"
    return "JobFailed", f"s3://{bucket}/{key}: {code}: {message}"


def _s3_as(role: str, session: str) -> Any:
    """S3 as the pipeline's own role sees it."""
    credentials = rights.role_credentials(role, session)
    made = botocore.session.Session()
    made.set_credentials(
        credentials["AWS_ACCESS_KEY_ID"], credentials["AWS_SECRET_ACCESS_KEY"], credentials.get("AWS_SESSION_TOKEN")
    )
    return made.create_client(
        "s3",
        region_name=get_region(),
        endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )


def _no_connections() -> Outcome:
    raise ActionError("ConfigurationError", "the local engine reaches no git host: use a source in S3")


def _build(pipeline: JSON, execution: JSON, action: JSON, configuration: JSON) -> Outcome:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html"""
    if "true" in (configuration.get("BatchEnabled", ""), configuration.get("CombineArtifacts", "")):
        raise ActionError("ConfigurationError", "the local engine has no batch builds")
    inputs = {a["name"]: _path(a["s3location"]) for a in action["input"]["inputArtifacts"]}
    primary = configuration.get("PrimarySource") or next(iter(inputs))
    sources = [Source("", inputs[primary])]
    sources += [Source(name, where) for name, where in inputs.items() if name != primary]
    outputs = [{"name": name, "s3location": place(pipeline, name)} for name in action["artifacts"]]
    job = Job(
        pipeline=pipeline["name"],
        revision=execution["revisions"][0]["revisionId"],
        sources=sources,
        outputs={a["name"]: _path(a["s3location"]) for a in outputs},
    )
    variables = json.loads(configuration.get("EnvironmentVariables") or "[]")
    _may_build(pipeline["roleArn"], action["id"], configuration["ProjectName"])
    try:
        build = codebuild.start_job(
            configuration["ProjectName"], job, variables, configuration.get("BuildspecOverride", "")
        )
    except LookupError as error:
        raise ActionError("ActionConfigurationError", f"Error calling startBuild: {error.args[0]}") from error
    record, console = build.record, f"https://console.aws.amazon.com/codebuild/home?region={get_region()}"
    told = {
        "externalExecutionId": record["id"],
        "externalExecutionUrl": f"{console}#/builds/{record['id']}/view/new",  # there is no console here
    }
    if "cloudWatchLogsArn" in record["logs"]:
        told["logStreamARN"] = record["logs"]["cloudWatchLogsArn"]
    action["result"] = dict(told)
    _builds[action["id"]] = build
    build.ended.wait()
    del _builds[action["id"]]
    if record["buildStatus"] != "SUCCEEDED":
        return failed("JobFailed", _why(record), **told)
    exported = {v["name"]: v["value"] for v in record["exportedEnvironmentVariables"]}
    return Outcome(result=told, variables=exported, outputs=outputs)


def _may_build(role: str, session: str, project: str) -> None:
    """ActionError where the pipeline's role may not run the project."""
    credentials = rights.role_credentials(role, session)
    arn = f"arn:aws:codebuild:{get_region()}:{get_account_id()}:project/{project}"
    for operation in ("StartBuild", "BatchGetBuilds"):
        denied = rights.denial(credentials, f"codebuild:{operation}", arn)
        if denied:
            raise ActionError("PermissionError", f"Error calling {operation[:1].lower()}{operation[1:]}: {denied}")


def _path(location: JSON) -> str:
    return f"{location['bucket']}/{location['key']}"


def _why(record: JSON) -> str:
    """The build's status with the first phase that failed."""
    text = f"Build terminated with state: {record['buildStatus']}"
    for phase in record["phases"]:
        context = (phase.get("contexts") or [{}])[0]
        if phase.get("phaseStatus", "SUCCEEDED") != "SUCCEEDED":
            code, message = context.get("statusCode", ""), context.get("message", "")
            return f"{text}. Phase: {phase['phaseType']}, Code: {code}, Message: {message}"
    return text
