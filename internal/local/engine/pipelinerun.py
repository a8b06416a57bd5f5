"""The executions of pipelines: which of them enters a stage, which of its actions begin, and how all of it ends.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html

An execution is a record, so that it can be kept as the emulator keeps its state; nothing waits for it. Whatever may let
it go on (a call, an action's end) calls advance. All functions here are called with LOCK held.
"""

from __future__ import annotations

import functools
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pipelineaction
import pipelineevent
from pipelineaction import Outcome
from pipelinecheck import RefusedError

JSON = dict[str, Any]

LOCK = threading.RLock()

MOST_QUEUED = 50  # "Maximum number of concurrent pipeline executions", https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html


def start(record: JSON, trigger: JSON, request: JSON | None = None) -> JSON:
    """Starts an execution; request may hold StartPipelineExecution's variables and sourceRevisions."""
    pipeline, request = record["pipeline"], request or {}
    token = request.get("clientRequestToken")
    if token and token in record["tokens"]:
        return next(e for e in record["executions"] if e["id"] == record["tokens"][token])
    under_way = [e for e in record["executions"] if e["status"] in ("InProgress", "Stopping")]
    if pipeline["executionMode"] != "SUPERSEDED" and len(under_way) >= MOST_QUEUED:
        raise RefusedError(
            "ConcurrentPipelineExecutionsLimitExceededException", f"{MOST_QUEUED} executions of it are in progress"
        )
    given = {v["name"]: v["value"] for v in request.get("variables") or []}
    known = {v["name"]: v.get("defaultValue") for v in pipeline.get("variables") or []}
    for name in given.keys() - known.keys():
        raise RefusedError("ValidationException", f"Pipeline variable {name} is not defined in the pipeline")
    values = known | given
    for name, value in values.items():
        if value is None:
            raise RefusedError("ValidationException", f"Pipeline variable {name} has no default: give it a value")
    execution = _execution(pipeline, trigger, values, request.get("sourceRevisions") or [])
    record["executions"].append(execution)
    if token:
        record["tokens"][token] = execution["id"]
    pipelineevent.of_pipeline(pipeline, execution, "STARTED")
    advance(record)
    return execution


def _execution(pipeline: JSON, trigger: JSON, variables: dict[str, str], revisions: list[JSON]) -> JSON:
    execution_id, overridden = str(uuid.uuid4()), {}
    for revision in revisions:
        overridden.setdefault(revision["actionName"], {})[revision["revisionType"]] = revision["revisionValue"]
    return {
        "id": execution_id,
        "version": pipeline["version"],
        "status": "InProgress",
        "started": time.time(),
        "updated": time.time(),
        "trigger": trigger,
        "attempt": 1,
        "stopReason": "",
        "variables": variables,
        "sourceRevisions": overridden,
        "revisions": [],
        "artifacts": {},
        "namespaces": {"codepipeline": {"PipelineExecutionId": execution_id}, "variables": dict(variables)},
        "position": 0,  # of the stage that it is in, or before
        "inside": False,
        "stages": {},  # the status of each stage that it has entered
        "retries": {},
        "actions": [],  # all action executions, in the order of their beginning
    }


def advance(record: JSON) -> None:
    """Lets everything go on that can."""
    _expire(record)
    while any(_go_on(record, execution) for execution in record["executions"]):
        pass


def _go_on(record: JSON, execution: JSON) -> bool:
    """One step of one execution; false if there is none."""
    if execution["status"] == "Stopping":
        return _stop_if_idle(record, execution)
    if execution["status"] != "InProgress":
        return False
    return _act(record, execution) if execution["inside"] else _enter(record, execution)


def _stage(record: JSON, execution: JSON) -> JSON:
    return record["pipeline"]["stages"][execution["position"]]


def waiting(record: JSON, position: int) -> list[JSON]:
    """The executions that wait in front of a stage, the oldest first."""
    return [
        e for e in record["executions"] if e["status"] == "InProgress" and not e["inside"] and e["position"] == position
    ]


def _enter(record: JSON, execution: JSON) -> bool:
    """Takes an execution into the stage in front of which it waits."""
    position, pipeline = execution["position"], record["pipeline"]
    rivals, mode = waiting(record, position), pipeline["executionMode"]
    if mode == "SUPERSEDED" and rivals[-1] is not execution:
        _conclude(record, execution, "Superseded")
        return True
    if mode == "QUEUED" and rivals[0] is not execution:
        return False
    if mode != "PARALLEL" and any(_holds(e, position) for e in record["executions"]):
        return False
    stage = pipeline["stages"][position]
    if stage["name"] in record["disabled"] or (
        position > 0 and pipeline["stages"][position - 1]["name"] in record["disabledOutbound"]
    ):
        return False
    execution["inside"] = True
    execution["stages"][stage["name"]] = "InProgress"
    pipelineevent.of_stage(pipeline, execution, stage["name"], "STARTED")
    return True


def _holds(execution: JSON, position: int) -> bool:
    """Whether an execution has locked a stage."""
    return (
        execution["inside"] and execution["position"] == position and execution["status"] in ("InProgress", "Stopping")
    )


def current(execution: JSON, stage: str) -> dict[str, JSON]:
    """The action executions of a stage that count: not those that were tried again."""
    return {a["action"]: a for a in execution["actions"] if a["stage"] == stage and not a["retried"]}


def _act(record: JSON, execution: JSON) -> bool:
    """Begins what is next in the execution's stage, or ends the stage."""
    stage = _stage(record, execution)
    done = current(execution, stage["name"])
    declared = _next_actions(stage, done)
    missing = [a for a in declared if a["name"] not in done]
    if missing:
        for action in missing:
            _begin(record, execution, stage["name"], action)
        return True
    statuses = [a["status"] for a in done.values()]
    if "InProgress" in statuses:
        return False
    if declared:
        return _fail_stage(record, execution, stage)
    _conclude_stage(record, execution, "Succeeded")
    if execution["position"] + 1 == len(record["pipeline"]["stages"]):
        _conclude(record, execution, "Succeeded")
    else:
        execution.update(position=execution["position"] + 1, inside=False)
    return True


def _next_actions(stage: JSON, done: dict[str, JSON]) -> list[JSON]:
    """The actions of the lowest run order that has not succeeded as a whole; they run at once."""
    open_orders = [a["runOrder"] for a in stage["actions"] if done.get(a["name"], {}).get("status") != "Succeeded"]
    return [a for a in stage["actions"] if open_orders and a["runOrder"] == min(open_orders)]


def _begin(record: JSON, execution: JSON, stage: str, declared: JSON) -> None:
    pipeline, now = record["pipeline"], time.time()
    artifacts = execution["artifacts"]
    action: JSON = {
        "id": str(uuid.uuid4()),
        "stage": stage,
        "action": declared["name"],
        "status": "InProgress",
        "retried": False,
        "started": now,
        "updated": now,
        "minutes": declared.get("timeoutInMinutes"),
        "artifacts": [a["name"] for a in declared["outputArtifacts"]],
        "input": {
            "actionTypeId": declared["actionTypeId"],
            "configuration": declared["configuration"],
            "inputArtifacts": [
                {"name": a["name"], "s3location": artifacts[a["name"]]} for a in declared["inputArtifacts"]
            ],
        },
        "result": {},
        "outputs": [],
        "variables": {},
    }
    if declared.get("namespace"):
        action["input"]["namespace"] = declared["namespace"]
    execution["actions"].append(action)
    execution["updated"] = now
    pipelineevent.of_action(pipeline, execution, action)
    pipelineaction.begin(pipeline, execution, action, functools.partial(_ended, record, execution, action))


def _ended(record: JSON, execution: JSON, action: JSON, outcome: Outcome) -> None:
    """Takes an action's outcome, from the thread that worked on it."""
    with LOCK:
        finish(record, execution, action, outcome)


def finish(record: JSON, execution: JSON, action: JSON, outcome: Outcome) -> None:
    """Ends an action, if it has not been abandoned meanwhile, and lets its execution go on."""
    if action["status"] != "InProgress":
        return
    action.update(
        status="Succeeded" if outcome.succeeded else "Failed",
        updated=time.time(),
        result=outcome.result,
        outputs=outcome.outputs,
        variables=outcome.variables,
    )
    execution["updated"] = time.time()
    execution["artifacts"].update({a["name"]: a["s3location"] for a in outcome.outputs})
    if "namespace" in action["input"]:
        execution["namespaces"][action["input"]["namespace"]] = outcome.variables
    if outcome.revision:
        others = [r for r in execution["revisions"] if r["action"] != action["action"]]
        execution["revisions"] = [*others, {"action": action["action"], **outcome.revision}]
    pipelineevent.of_action(record["pipeline"], execution, action)
    advance(record)


def _fail_stage(record: JSON, execution: JSON, stage: JSON) -> bool:
    """Ends a stage with a failed action, unless it is configured to be tried once more by itself."""
    rule = stage.get("onFailure") or {}
    retries = execution["retries"].setdefault(stage["name"], {"automatic": 0, "manual": 0})
    if rule.get("result") == "RETRY" and not retries["automatic"]:
        retries.update(automatic=1, latest="AutomatedStageRetry")
        _try_again(record, execution, stage["name"], rule.get("retryConfiguration", {}).get("retryMode"))
        return True
    _conclude_stage(record, execution, "Failed")
    _conclude(record, execution, "Failed")
    return True


def _conclude_stage(record: JSON, execution: JSON, status: str) -> None:
    stage = _stage(record, execution)["name"]
    execution["stages"][stage] = status
    pipelineevent.of_stage(record["pipeline"], execution, stage, _state(status))


def _conclude(record: JSON, execution: JSON, status: str) -> None:
    execution.update(status=status, updated=time.time())
    pipelineevent.of_pipeline(record["pipeline"], execution, _state(status))


def _state(status: str) -> str:
    """A status as events spell it."""
    return {"Cancelled": "CANCELED"}.get(status, status.upper())


def _in_progress(execution: JSON) -> Iterator[JSON]:
    return (a for a in execution["actions"] if a["status"] == "InProgress")


def stop(record: JSON, execution: JSON, reason: str, abandon: bool) -> None:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StopPipelineExecution.html"""
    if execution["status"] == "Stopping" and not abandon:
        raise RefusedError("DuplicatedStopRequestException", f"execution {execution['id']} is stopping already")
    if execution["status"] not in ("InProgress", "Stopping"):
        raise RefusedError(
            "PipelineExecutionNotStoppableException", f"execution {execution['id']} is {execution['status']}"
        )
    execution["stopReason"] = reason
    if execution["status"] == "InProgress":
        _conclude(record, execution, "Stopping")
        if execution["inside"]:
            _conclude_stage(record, execution, "Stopping")
    if abandon:
        _abandon(record, execution)
    advance(record)


def _abandon(record: JSON, execution: JSON) -> None:
    for action in list(_in_progress(execution)):
        action.update(status="Abandoned", updated=time.time())
        pipelineevent.of_action(record["pipeline"], execution, action)


def _stop_if_idle(record: JSON, execution: JSON) -> bool:
    if any(_in_progress(execution)):
        return False
    if execution["inside"]:
        _conclude_stage(record, execution, "Stopped")
    _conclude(record, execution, "Stopped")
    return True


def cancel(record: JSON) -> None:
    """Ends what is under way, because the pipeline's structure is changed."""
    for execution in record["executions"]:
        if execution["status"] in ("InProgress", "Stopping"):
            _abandon(record, execution)
            if execution["inside"]:
                _conclude_stage(record, execution, "Cancelled")
            _conclude(record, execution, "Cancelled")


def end(record: JSON) -> None:
    """Ends what runs on this machine for a pipeline that is deleted."""
    for execution in record["executions"]:
        for action in list(_in_progress(execution)):
            action["status"] = "Abandoned"
            pipelineaction.end(action)
        execution["status"] = "Cancelled"


def retry(record: JSON, execution: JSON, stage: str, mode: str) -> None:
    """https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_RetryStageExecution.html"""
    latest = next((e for e in reversed(record["executions"]) if stage in e["stages"]), None)
    if latest is not None and latest is not execution and record["pipeline"]["executionMode"] != "PARALLEL":
        raise RefusedError(
            "NotLatestPipelineExecutionException", f"execution {latest['id']} has entered stage {stage} since"
        )
    failed = [a for a in current(execution, stage).values() if a["status"] in ("Failed", "Abandoned")]
    if execution["version"] != record["pipeline"]["version"]:
        raise RefusedError("StageNotRetryableException", "the pipeline's structure has changed since")
    if not failed and execution["stages"].get(stage) != "Stopped":
        raise RefusedError("StageNotRetryableException", f"stage {stage} has no failed action")
    retries = execution["retries"].setdefault(stage, {"automatic": 0, "manual": 0})
    retries.update(manual=retries["manual"] + 1, latest="ManualStageRetry")
    _try_again(record, execution, stage, mode)
    advance(record)


def _try_again(record: JSON, execution: JSON, stage: str, mode: str | None) -> None:
    """Has a stage's failed actions begin anew, or all of them."""
    for action in current(execution, stage).values():
        if action["status"] in ("Failed", "Abandoned") or (mode == "ALL_ACTIONS" and action["status"] != "InProgress"):
            action["retried"] = True
    execution.update(status="InProgress", attempt=execution["attempt"] + 1, updated=time.time(), stopReason="")
    execution["stages"][stage] = "InProgress"
    pipelineevent.of_pipeline(record["pipeline"], execution, "RESUMED")
    pipelineevent.of_stage(record["pipeline"], execution, stage, "RESUMED")


def approve(record: JSON, execution: JSON, action: JSON, result: JSON, by: str) -> None:
    """Ends an approval as its approver wants it."""
    told = {"externalExecutionSummary": result["summary"]}
    action.update(summary=result["summary"], by=by)
    if result["status"] == "Approved":
        outcome = Outcome(told)
    else:
        outcome = pipelineaction.failed("JobFailed", f"Rejected by {by}: {result['summary']}", **told)
    finish(record, execution, action, outcome)


def _expire(record: JSON) -> None:
    """Fails approvals that nobody has given in time."""
    for execution in record["executions"]:
        for action in list(_in_progress(execution)):
            if action.get("expires", float("inf")) <= time.time():
                finish(record, execution, action, pipelineaction.failed("JobFailed", "nobody has approved it in time"))


def restored(record: JSON) -> None:
    """After a restart of the engine: approvals still wait, builds have ended with the engine."""
    for execution in record["executions"]:
        for action in list(_in_progress(execution)):
            if "token" not in action:
                finish(record, execution, action, pipelineaction.failed("JobFailed", "the local engine was stopped"))
    advance(record)
