"""What the operations of CodePipeline show of executions (docs.aws.amazon.com/codepipeline/latest/APIReference)."""

from __future__ import annotations

from typing import Any

import pipelinerun
from pipelinecheck import RefusedError

JSON = dict[str, Any]

PAGE = 100


def summary(record: JSON, execution: JSON) -> JSON:
    """PipelineExecutionSummary"""
    shown = _common(record, execution) | {
        "startTime": execution["started"],
        "lastUpdateTime": execution["updated"],
        "sourceRevisions": [
            {
                "actionName": r["action"],
                "revisionId": r["revisionId"],
                "revisionSummary": r["revisionSummary"],
            }
            for r in execution["revisions"]
        ],
    }
    if execution["stopReason"]:
        shown["stopTrigger"] = {"reason": execution["stopReason"]}
    return shown


def execution_of(record: JSON, execution: JSON) -> JSON:
    """PipelineExecution"""
    return _common(record, execution) | {
        "pipelineName": record["pipeline"]["name"],
        "pipelineVersion": execution["version"],
        "artifactRevisions": [{k: v for k, v in r.items() if k != "action"} for r in execution["revisions"]],
        "variables": [{"name": name, "resolvedValue": value} for name, value in execution["variables"].items()],
    }


def _common(record: JSON, execution: JSON) -> JSON:
    return {
        "pipelineExecutionId": execution["id"],
        "status": execution["status"],
        "trigger": execution["trigger"],
        "executionMode": record["pipeline"]["executionMode"],
        "executionType": "STANDARD",
    }


def action_detail(execution: JSON, action: JSON) -> JSON:
    """ActionExecutionDetail"""
    return {
        "pipelineExecutionId": execution["id"],
        "actionExecutionId": action["id"],
        "pipelineVersion": execution["version"],
        "stageName": action["stage"],
        "actionName": action["action"],
        "startTime": action["started"],
        "lastUpdateTime": action["updated"],
        "status": action["status"],
        "input": action["input"],
        "output": {
            "outputArtifacts": action["outputs"],
            "executionResult": action["result"],
            "outputVariables": action["variables"],
        },
        **({"updatedBy": action["by"]} if "by" in action else {}),
    }


def stage_states(record: JSON) -> list[JSON]:
    """The stageStates of GetPipelineState."""
    return [_stage(record, position, stage) for position, stage in enumerate(record["pipeline"]["stages"])]


def _stage(record: JSON, position: int, stage: JSON) -> JSON:
    name = stage["name"]
    shown: JSON = {
        "stageName": name,
        "inboundTransitionState": _transition(record, name),
        "actionStates": [_action(record, name, action) for action in stage["actions"]],
    }
    inbound = [
        {"pipelineExecutionId": e["id"], "status": e["status"], "type": "STANDARD"}
        for e in pipelinerun.waiting(record, position)
    ]
    if inbound:
        shown.update(inboundExecution=inbound[-1], inboundExecutions=inbound)
    latest = next((e for e in reversed(record["executions"]) if name in e["stages"]), None)
    if latest:
        status = latest["stages"][name]
        shown["latestExecution"] = {"pipelineExecutionId": latest["id"], "status": status, "type": "STANDARD"}
        retries = latest["retries"].get(name)
        if retries and "latest" in retries:
            shown["retryStageMetadata"] = {
                "autoStageRetryAttempt": retries["automatic"],
                "manualStageRetryAttempt": retries["manual"],
                "latestRetryTrigger": retries["latest"],
            }
    return shown


def _transition(record: JSON, stage: str) -> JSON:
    held = record["disabled"].get(stage)
    if held is None:
        return {"enabled": True}
    return {
        "enabled": False,
        "disabledReason": held["reason"],
        "lastChangedBy": held["by"],
        "lastChangedAt": held["at"],
    }


def _action(record: JSON, stage: str, declared: JSON) -> JSON:
    shown: JSON = {"actionName": declared["name"]}
    begun = [
        (a, e)
        for e in record["executions"]
        for a in e["actions"]
        if a["stage"] == stage and a["action"] == declared["name"]
    ]
    if not begun:
        return shown
    latest, execution = begun[-1]
    result = latest["result"]
    state = {
        "actionExecutionId": latest["id"],
        "status": latest["status"],
        "lastStatusChange": latest["updated"],
        "summary": result.get("externalExecutionSummary"),
        "lastUpdatedBy": latest.get("by"),
        "token": latest.get("token") if latest["status"] == "InProgress" else None,
        "externalExecutionId": result.get("externalExecutionId"),
        "externalExecutionUrl": result.get("externalExecutionUrl"),
        "errorDetails": result.get("errorDetails"),
        "logStreamARN": result.get("logStreamARN"),
    }
    shown["latestExecution"] = {key: value for key, value in state.items() if value is not None}
    for revision in execution["revisions"]:
        if revision["action"] == declared["name"]:
            shown["currentRevision"] = {
                "revisionId": revision["revisionId"],
                "revisionChangeId": revision["revisionChangeIdentifier"],
                "created": revision["created"],
            }
    return shown


def page(items: list[JSON], request: JSON, member: str) -> JSON:
    """As many items as asked for, from where the token says, with the token of what follows."""
    token = request.get("nextToken", "0")
    if not token.isdecimal() or int(token) > len(items):
        raise RefusedError("InvalidNextTokenException", f"{token!r} is not a token of this list")
    first, most = int(token), request.get("maxResults", PAGE)
    answer: JSON = {member: items[first : first + most]}
    if first + most < len(items):
        answer["nextToken"] = str(first + most)
    return answer
