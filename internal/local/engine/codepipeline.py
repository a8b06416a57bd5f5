"""CodePipeline, which the emulator lacks: its operations, and how executions start by themselves.

https://docs.aws.amazon.com/codepipeline/latest/APIReference
"""

from __future__ import annotations

import atexit
import contextvars
import copy
import functools
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.concurrency import run_reentrant
from ministack.core.iam_evaluator import caller_arn
from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    set_request_account_id,
    set_request_region,
)

import pipelineevent
import pipelinerun
import pipelineview
import rights
from patch import Patch, apply
from pipelinecheck import RefusedError, check, check_request
from registry import register

JSON = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

logger = logging.getLogger("codepipeline")

CONTENT_TYPE = "application/x-amz-json-1.1"

# With "manual" executions start by StartPipelineExecution only: neither by a pipeline's creation nor by events.
STARTS = "SLIPWAY_LOCAL_PIPELINES"

pipelines = AccountRegionScopedDict()


def create_pipeline(request: JSON) -> JSON:
    made = create(request)
    start_by_itself(pipelines[made["pipeline"]["name"]], "CreatePipeline", caller_arn())
    return made


def start_by_itself(record: JSON, kind: str, detail: str) -> None:
    if os.environ.get(STARTS) == "manual":
        return
    try:
        pipelinerun.start(record, {"triggerType": kind, "triggerDetail": detail})
    except RefusedError as error:
        logger.error("pipeline %s does not start by itself: %s", record["pipeline"]["name"], error)


def create(request: JSON) -> JSON:
    pipeline = complete(request["pipeline"])
    name = pipeline["name"]
    check(pipeline)
    if name in pipelines:
        raise RefusedError(
            "PipelineNameInUseException",
            f"A pipeline with the name '{name}' already exists in account '{get_account_id()}'",
        )
    now, tags = time.time(), request.get("tags") or []
    pipeline["version"] = 1
    pipelines[name] = {
        "pipeline": pipeline,
        "created": now,
        "updated": now,
        "tags": {tag["key"]: tag["value"] for tag in tags},
        "disabled": {},  # the stages whose inbound transition is disabled: by whom, when and why
        "disabledOutbound": {},
        "executions": [],  # the oldest first
        "tokens": {},  # of clients' requests: the executions that they have started
    }
    return {"pipeline": pipeline, "tags": tags}


def update_pipeline(request: JSON) -> JSON:
    pipeline = complete(request["pipeline"])
    record = _find(pipeline["name"])
    check(pipeline)
    pipeline["version"] = record["pipeline"]["version"] + 1
    pipelinerun.cancel(record)
    record.update(pipeline=pipeline, updated=time.time())
    return {"pipeline": pipeline}


def get_pipeline(request: JSON) -> JSON:
    record = _find(request["name"])
    version = request.get("version", record["pipeline"]["version"])
    if version != record["pipeline"]["version"]:
        raise RefusedError(
            "PipelineVersionNotFoundException",
            f"the local engine keeps only version {record['pipeline']['version']} of pipeline '{request['name']}'",
        )
    metadata = {
        "pipelineArn": pipelineevent.arn(request["name"]),
        "created": record["created"],
        "updated": record["updated"],
    }
    return {"pipeline": record["pipeline"], "metadata": metadata}


def delete_pipeline(request: JSON) -> JSON:
    record = pipelines.pop(request["name"], None)
    if record:
        pipelinerun.end(record)
    return {}


def listpipelines(request: JSON) -> JSON:
    return {
        "pipelines": [
            {
                "name": name,
                "version": record["pipeline"]["version"],
                "pipelineType": record["pipeline"]["pipelineType"],
                "executionMode": record["pipeline"]["executionMode"],
                "created": record["created"],
                "updated": record["updated"],
            }
            for name, record in sorted(pipelines.items())
        ]
    }


def get_pipeline_state(request: JSON) -> JSON:
    record = _find(request["name"])
    pipelinerun.advance(record)
    return {
        "pipelineName": request["name"],
        "pipelineVersion": record["pipeline"]["version"],
        "stageStates": pipelineview.stage_states(record),
        "created": record["created"],
        "updated": record["updated"],
    }


def list_pipeline_executions(request: JSON) -> JSON:
    record = _find(request["pipelineName"])
    wanted = (request.get("filter") or {}).get("succeededInStage", {}).get("stageName")
    if wanted:
        _find_stage(record, wanted)
    shown = [
        pipelineview.summary(record, e)
        for e in reversed(record["executions"])
        if not wanted or e["stages"].get(wanted) == "Succeeded"
    ]
    return pipelineview.page(shown, request, "pipelineExecutionSummaries")


def get_pipeline_execution(request: JSON) -> JSON:
    record, execution = _find_execution(request)
    return {"pipelineExecution": pipelineview.execution_of(record, execution)}


def list_action_executions(request: JSON) -> JSON:
    record, wanted = _find(request["pipelineName"]), request.get("filter") or {}
    latest = wanted.get("latestInPipelineExecution") or {}
    execution_id = latest.get("pipelineExecutionId") or wanted.get("pipelineExecutionId")
    executions = record["executions"]
    if execution_id:
        executions = [_find_execution(request | {"pipelineExecutionId": execution_id})[1]]
    begun = [(e, a) for e in executions for a in e["actions"] if not (latest and a["retried"])]
    begun.sort(key=lambda pair: pair[1]["started"], reverse=True)
    shown = [pipelineview.action_detail(e, a) for e, a in begun]
    return pipelineview.page(shown, request, "actionExecutionDetails")


def start_pipeline_execution(request: JSON) -> JSON:
    trigger = {"triggerType": "StartPipelineExecution", "triggerDetail": caller_arn()}
    return {"pipelineExecutionId": pipelinerun.start(_find(request["name"]), trigger, request)["id"]}


def stop_pipeline_execution(request: JSON) -> JSON:
    record, execution = _find_execution(request, "PipelineExecutionNotStoppableException")
    pipelinerun.stop(record, execution, request.get("reason", ""), request.get("abandon", False))
    return {"pipelineExecutionId": execution["id"]}


def retry_stage_execution(request: JSON) -> JSON:
    record, execution = _find_execution(request, "StageNotRetryableException")
    _find_stage(record, request["stageName"])
    pipelinerun.retry(record, execution, request["stageName"], request["retryMode"])
    return {"pipelineExecutionId": execution["id"]}


def put_approval_result(request: JSON) -> JSON:
    record, name = _find(request["pipelineName"]), request["actionName"]
    stage = _find_stage(record, request["stageName"])
    if name not in [a["name"] for a in stage["actions"]]:
        raise RefusedError("ActionNotFoundException", f"stage {stage['name']} has no action {name}")
    pipelinerun.advance(record)
    for execution in record["executions"]:
        for action in execution["actions"]:
            place = (action["stage"], action["action"], action.get("token"))
            if place == (stage["name"], name, request["token"]):
                return _approved(record, execution, action, request["result"])
    raise RefusedError("InvalidApprovalTokenException", f"no approval of action {name} has this token")


def _approved(record: JSON, execution: JSON, action: JSON, result: JSON) -> JSON:
    if action["status"] != "InProgress":
        raise RefusedError("ApprovalAlreadyCompletedException", f"action {action['action']} is {action['status']}")
    pipelinerun.approve(record, execution, action, result, caller_arn())
    return {"approvedAt": action["updated"]}


def disable_stage_transition(request: JSON) -> JSON:
    record, stages = _transitions(request)
    stages[request["stageName"]] = {"reason": request["reason"], "by": caller_arn(), "at": time.time()}
    pipelinerun.advance(record)
    return {}


def enable_stage_transition(request: JSON) -> JSON:
    record, stages = _transitions(request)
    stages.pop(request["stageName"], None)
    pipelinerun.advance(record)
    return {}


def _transitions(request: JSON) -> tuple[JSON, JSON]:
    """The pipeline, and its stages with a disabled transition of the request's type."""
    record = _find(request["pipelineName"])
    _find_stage(record, request["stageName"])
    return record, record["disabled" if request["transitionType"] == "Inbound" else "disabledOutbound"]


def list_tags(request: JSON) -> JSON:
    tags = _tags(request["resourceArn"])
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def tag_resource(request: JSON) -> JSON:
    tags = _tags(request["resourceArn"])
    tags.update({tag["key"]: tag["value"] for tag in request["tags"]})
    return {}


def untag_resource(request: JSON) -> JSON:
    tags = _tags(request["resourceArn"])
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}


OPERATIONS: dict[str, Callable[[JSON], JSON]] = {
    "CreatePipeline": create_pipeline,
    "DeletePipeline": delete_pipeline,
    "GetPipeline": get_pipeline,
    "DisableStageTransition": disable_stage_transition,
    "EnableStageTransition": enable_stage_transition,
    "GetPipelineExecution": get_pipeline_execution,
    "GetPipelineState": get_pipeline_state,
    "ListActionExecutions": list_action_executions,
    "ListPipelineExecutions": list_pipeline_executions,
    "ListPipelines": listpipelines,
    "ListTagsForResource": list_tags,
    "PutApprovalResult": put_approval_result,
    "RetryStageExecution": retry_stage_execution,
    "StartPipelineExecution": start_pipeline_execution,
    "StopPipelineExecution": stop_pipeline_execution,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "UpdatePipeline": update_pipeline,
}


def _find(name: str) -> JSON:
    record = pipelines.get(name)
    if record is None:
        raise RefusedError(
            "PipelineNotFoundException", f"Account '{get_account_id()}' does not have a pipeline with name '{name}'"
        )
    return record


def _find_execution(request: JSON, missing: str = "PipelineExecutionNotFoundException") -> tuple[JSON, JSON]:
    """A pipeline and one of its executions; missing is the code of the error that it has no such execution."""
    record = _find(request["pipelineName"])
    for execution in record["executions"]:
        if execution["id"] == request["pipelineExecutionId"]:
            return record, execution
    text = f"pipeline '{request['pipelineName']}' has no execution '{request['pipelineExecutionId']}'"
    raise RefusedError(missing, text)


def _find_stage(record: JSON, name: str) -> JSON:
    for stage in record["pipeline"]["stages"]:
        if stage["name"] == name:
            return stage
    raise RefusedError("StageNotFoundException", f"pipeline '{record['pipeline']['name']}' has no stage '{name}'")


def _tags(arn: str) -> dict[str, str]:
    record = pipelines.get(arn.rpartition(":")[2])
    if record is None or arn != pipelineevent.arn(record["pipeline"]["name"]):
        raise RefusedError("ResourceNotFoundException", f"there is no pipeline {arn}")
    return record["tags"]


def complete(pipeline: JSON) -> JSON:
    """A copy with what CodePipeline fills in when it is left out."""
    pipeline = copy.deepcopy(pipeline)
    pipeline.setdefault("pipelineType", "V1")
    pipeline.setdefault("executionMode", "SUPERSEDED")
    for stage in pipeline["stages"]:
        for action in stage["actions"]:
            action.setdefault("runOrder", 1)
            action.setdefault("configuration", {})
            action.setdefault("inputArtifacts", [])
            action.setdefault("outputArtifacts", [])
    return pipeline


async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: JSON) -> Response:
    return await run_reentrant(_answer, headers, body, thread_name="codepipeline-dispatch")


def _answer(headers: dict[str, str], body: bytes) -> Response:
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if operation not in OPERATIONS:
        return _error("InvalidAction", f"the local engine has no {operation}")
    try:
        request = json.loads(body or b"{}")
        check_request(operation, request)
        with pipelinerun.LOCK:
            answer = copy.deepcopy(OPERATIONS[operation](request))
    except ValueError as error:
        return _error("SerializationException", str(error))
    except RefusedError as error:
        return _error(error.code, str(error))
    return json_response(answer, content_type=CONTENT_TYPE)


def _error(code: str, message: str) -> Response:
    return error_response_json(code, message, 400, content_type=CONTENT_TYPE)


def get_state() -> JSON:
    with pipelinerun.LOCK:
        return copy.deepcopy({"pipelines": pipelines})


def load_persisted_state(data: JSON) -> None:
    pipelines.update(data.get("pipelines", {}))
    for (account, region, _), record in list(pipelines._data.items()):
        contextvars.copy_context().run(_restore, account, region, record)


def _restore(account: str, region: str, record: JSON) -> None:
    set_request_account_id(account)
    set_request_region(region)
    with pipelinerun.LOCK:
        pipelinerun.restored(record)


@atexit.register
def stop_all() -> None:
    """Lets nothing begin any more: the builds are about to be ended."""
    pipelinerun.LOCK.acquire()


def reset() -> None:
    pipelines.clear()


def invoking(original: Callable[..., None]) -> Callable[..., None]:
    """A rule's target that is a pipeline is started, if it is there and of the rule's own account and Region."""

    @functools.wraps(original)
    def invoke(target: JSON, event: JSON, rule: JSON, view: Any = None) -> None:
        try:
            spec = parse_arn(target.get("Arn", ""))
        except ArnParseError:
            spec = None
        here = (get_account_id(), get_region())
        if spec is None or spec.service != "codepipeline" or (spec.account_id, spec.region) != here:
            original(target, event, rule, view)
            return
        with pipelinerun.LOCK:
            record = pipelines.get(spec.resource)
            if record and _may_start(target):
                start_by_itself(record, "CloudWatchEvent", rule["Arn"])

    return invoke


def _may_start(target: JSON) -> bool:
    credentials = rights.role_credentials(target.get("RoleArn", ""), "events")
    denied = rights.denial(credentials, "codepipeline:StartPipelineExecution", target["Arn"])
    if denied:
        logger.error("a rule does not start its pipeline: %s", denied)
    return not denied


PATCHES = (
    Patch(
        places=("services.eventbridge:_invoke_target",),
        sha256="550e304af08095637ed4de07798e4acc1b1f89316f91ab60d4d865f9f46c58f2",
        fault="A rule whose target is a pipeline starts nothing.",
        right="It starts an execution of the pipeline.",
        source="https://docs.aws.amazon.com/codepipeline/latest/userguide/create-cloudtrail-S3-source.html",
        wrap=invoking,
    ),
)


def install() -> None:
    """Makes the service known to the emulator."""
    apply(PATCHES)
    pipelineevent.start()
    register("codepipeline", sys.modules[__name__], "CodePipeline_20150709")
    app._state_map["codepipeline"] = "codepipeline"
