"""Checks a pipeline's declaration as CodePipeline does when it is created or updated.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
and, for the configuration of actions, the guide's "Action structure reference".
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
import botocore.validate

JSON = dict[str, Any]

NAME = re.compile(r"[A-Za-z0-9.@\-_]{1,100}")
ARTIFACT_NAME = re.compile(r"[a-zA-Z0-9_\-]{1,100}")
NAMESPACE = re.compile(r"[A-Za-z0-9@\-_]{1,100}")
ROLE = re.compile(r"arn:aws(-[\w]+)*:iam::[0-9]{12}:role/.*")


class RefusedError(Exception):
    """A declaration that CodePipeline does not accept, with its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class ActionType:
    """An action's configuration keys and the least and most artifacts it takes and gives."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


_CODEBUILD = ActionType(
    inputs=(1, 5),
    outputs=(0, 5),
    required=frozenset({"ProjectName"}),
    optional=frozenset(
        {"PrimarySource", "BatchEnabled", "BuildspecOverride", "CombineArtifacts", "EnvironmentVariables"}
    ),
)
ACTION_TYPES = {
    ("Source", "S3"): ActionType(
        inputs=(0, 0),
        outputs=(1, 1),
        required=frozenset({"S3Bucket", "S3ObjectKey"}),
        optional=frozenset({"PollForSourceChanges", "AllowOverrideForS3ObjectKey"}),
    ),
    ("Source", "CodeStarSourceConnection"): ActionType(
        inputs=(0, 0),
        outputs=(1, 1),
        required=frozenset({"ConnectionArn", "FullRepositoryId", "BranchName"}),
        optional=frozenset({"OutputArtifactFormat", "DetectChanges"}),
    ),
    ("Build", "CodeBuild"): _CODEBUILD,
    ("Test", "CodeBuild"): _CODEBUILD,
    ("Approval", "Manual"): ActionType(
        inputs=(0, 0), outputs=(0, 0), optional=frozenset({"NotificationArn", "CustomData", "ExternalEntityLink"})
    ),
}


@functools.cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model("codepipeline")


def check_request(operation: str, request: JSON) -> None:
    """Refuses unknown, missing and wrongly typed members, by AWS's own model."""
    shape = _model().operation_model(operation).input_shape
    report = botocore.validate.ParamValidator().validate(request, shape)
    if report.has_errors():
        raise RefusedError("ValidationException", report.generate_report())


def check(pipeline: JSON) -> None:
    """Refuses what CodePipeline would refuse, and action types that it would not."""
    _matches(NAME, pipeline["name"], "pipeline name")
    _matches(ROLE, pipeline["roleArn"], "roleArn")
    if ("artifactStore" in pipeline) == ("artifactStores" in pipeline):
        raise _structure("exactly one of artifactStore and artifactStores is needed")
    _check_version(pipeline)
    stages = pipeline["stages"]
    if not 2 <= len(stages) <= 50:
        raise _structure(f"Pipeline has {len(stages)} stages; it needs from 2 to 50")
    _unique([stage["name"] for stage in stages], "stage name", "pipeline")
    for number, stage in enumerate(stages):
        _check_stage(stage, first=number == 0)
    _check_artifacts(stages)


def _check_version(pipeline: JSON) -> None:
    if pipeline.get("pipelineType", "V1") == "V2":
        return
    if pipeline.get("executionMode", "SUPERSEDED") != "SUPERSEDED":
        raise _structure(f"execution mode {pipeline['executionMode']} needs type V2")
    for member in ("triggers", "variables"):
        if pipeline.get(member):
            raise _structure(f"{member} need pipeline type V2")


def _check_stage(stage: JSON, first: bool) -> None:
    _matches(NAME, stage["name"], "stage name")
    actions, place = stage["actions"], f"stage {stage['name']}"
    if not 1 <= len(actions) <= 50:
        raise _declaration("Stage", f"{place} has {len(actions)} actions, not 1 to 50")
    _unique([action["name"] for action in actions], "action name", place)
    _check_conditions(stage)
    for action in actions:
        if (action["actionTypeId"]["category"] == "Source") != first:
            raise _structure(
                f"Action {action['name']} in {place}: the first stage has source "
                "actions only, and no other stage has any"
            )
        _check_action(action)


def _check_conditions(stage: JSON) -> None:
    """What CodePipeline takes and the local engine does not do."""
    place = f"stage {stage['name']}"
    for member in ("beforeEntry", "onSuccess", "onFailure"):
        if (stage.get(member) or {}).get("conditions"):
            raise _declaration("Stage", f"{place}: the local engine does not evaluate the conditions of {member}")
    result = (stage.get("onFailure") or {}).get("result", "FAIL")
    if result not in ("FAIL", "RETRY"):
        raise _declaration("Stage", f"{place}: the local engine knows FAIL and RETRY for onFailure, not {result}")


def _check_action(action: JSON) -> None:
    name, kind = action["name"], action["actionTypeId"]
    _matches(NAME, name, "action name")
    if action.get("namespace"):
        _matches(NAMESPACE, action["namespace"], "namespace")
    if not 1 <= action.get("runOrder", 1) <= 999:
        raise _action(f"Action {name}: runOrder must be from 1 to 999")
    known = ACTION_TYPES.get((kind["category"], kind["provider"]))
    if known is None or (kind["owner"], kind["version"]) != ("AWS", "1"):
        raise _action(
            f"ActionType (Category: '{kind['category']}', Provider: "
            f"'{kind['provider']}', Owner: '{kind['owner']}', Version: "
            f"'{kind['version']}') in action '{name}' is not known to the local engine"
        )
    _check_count(action, "input", known.inputs)
    _check_count(action, "output", known.outputs)
    _check_configuration(action, known)


def _check_count(action: JSON, way: str, bounds: tuple[int, int]) -> None:
    artifacts = action.get(f"{way}Artifacts") or []
    for artifact in artifacts:
        _matches(ARTIFACT_NAME, artifact["name"], "artifact name")
    for wrong, word, bound in (
        (len(artifacts) < bounds[0], "less than the minimum", bounds[0]),
        (len(artifacts) > bounds[1], "more than the maximum", bounds[1]),
    ):
        if wrong:
            raise _action(
                f"Action {action['name']} declares {len(artifacts)} {way} artifacts which is {word} count ({bound})"
            )


def _check_configuration(action: JSON, known: ActionType) -> None:
    given, place = action.get("configuration") or {}, f"Action {action['name']}"
    for key in sorted(known.required - set(given)):
        raise _action(f"{place} is missing required configuration '{key}'")
    for key in sorted(set(given) - known.required - known.optional):
        raise _action(f"{place} contains unknown configuration '{key}'")
    for key, value in given.items():
        if not 1 <= len(value) <= 1000:
            raise _action(f"{place}: configuration '{key}' has {len(value)} characters, not 1 to 1000")
    _check_primary_source(action, given)
    if "EnvironmentVariables" in given:
        _check_variables(given["EnvironmentVariables"], place)


def _check_primary_source(action: JSON, given: JSON) -> None:
    names = [artifact["name"] for artifact in action.get("inputArtifacts") or []]
    primary = given.get("PrimarySource")
    if primary not in names and (primary is not None or len(names) > 1):
        raise _action(
            f"Action {action['name']}: PrimarySource must be one of its input "
            f"artifacts ({', '.join(names)}), not {primary!r}"
        )


def _check_variables(text: str, place: str) -> None:
    """A JSON array of objects with name, value and, optionally, type."""
    types = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")
    try:
        for variable in json.loads(text):
            if not isinstance(variable["name"] + variable["value"], str):
                raise TypeError("name and value must be text")
            if variable.get("type", types[0]) not in types:
                raise ValueError(f"type {variable['type']!r} is unknown")
            if set(variable) - {"name", "value", "type"}:
                raise ValueError(f"unknown member in {variable}")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _action(f"{place}: EnvironmentVariables: {error!r}") from error


def _check_artifacts(stages: list[JSON]) -> None:
    """Every input is an output of an action before; actions of one run order run at once."""
    produced: set[str] = set()
    for actions in _steps(stages):
        for action in actions:
            for artifact in action.get("inputArtifacts") or []:
                if artifact["name"] not in produced:
                    raise _action(
                        f"Input Artifact {artifact['name']} in action {action['name']} "
                        "is not an output artifact of any action before it"
                    )
        for action in actions:
            for artifact in action.get("outputArtifacts") or []:
                if artifact["name"] in produced:
                    raise _action(f"Output Artifact {artifact['name']} in action {action['name']} is declared twice")
                produced.add(artifact["name"])


def _steps(stages: list[JSON]) -> Iterator[list[JSON]]:
    for stage in stages:
        orders = sorted({action.get("runOrder", 1) for action in stage["actions"]})
        for order in orders:
            yield [a for a in stage["actions"] if a.get("runOrder", 1) == order]


def _matches(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise RefusedError("ValidationException", f"{what} {value!r} does not match {pattern.pattern}")


def _unique(names: list[str], what: str, where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise _structure(f"{what} {name} occurs more than once in the {where}")


def _structure(message: str) -> RefusedError:
    return RefusedError("InvalidStructureException", message)


def _action(message: str) -> RefusedError:
    return _declaration("Action", message)


def _declaration(what: str, message: str) -> RefusedError:
    return RefusedError(f"Invalid{what}DeclarationException", message)
