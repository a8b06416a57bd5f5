"""CodePipeline, which the emulator lacks: pipelines are kept as records; they do not run.

A service of the emulator (https://docs.aws.amazon.com/codepipeline/latest/APIReference)
and the CloudFormation type AWS::CodePipeline::Pipeline on top of it.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import router
from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    json_response,
)
from ministack.services.cloudformation import provisioners

from pipelinecheck import RefusedError, check, check_request

JSON = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

CONTENT_TYPE = "application/x-amz-json-1.1"
TYPE = "AWS::CodePipeline::Pipeline"

_pipelines = AccountRegionScopedDict()


def create_pipeline(request: JSON) -> JSON:
    pipeline = _complete(request["pipeline"])
    name = pipeline["name"]
    check(pipeline)
    if name in _pipelines:
        raise RefusedError(
            "PipelineNameInUseException",
            f"A pipeline with the name '{name}' already exists in account '{get_account_id()}'",
        )
    now, tags = time.time(), request.get("tags") or []
    pipeline["version"] = 1
    _pipelines[name] = {
        "pipeline": pipeline,
        "created": now,
        "updated": now,
        "tags": {tag["key"]: tag["value"] for tag in tags},
        "disabled": {},
    }
    return {"pipeline": pipeline, "tags": tags}


def update_pipeline(request: JSON) -> JSON:
    pipeline = _complete(request["pipeline"])
    record = _find(pipeline["name"])
    check(pipeline)
    pipeline["version"] = record["pipeline"]["version"] + 1
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
    metadata = {"pipelineArn": _arn(request["name"]), "created": record["created"], "updated": record["updated"]}
    return {"pipeline": record["pipeline"], "metadata": metadata}


def delete_pipeline(request: JSON) -> JSON:
    _pipelines.pop(request["name"], None)
    return {}


def list_pipelines(request: JSON) -> JSON:
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
            for name, record in sorted(_pipelines.items())
        ]
    }


def get_pipeline_state(request: JSON) -> JSON:
    record = _find(request["name"])
    stages = [
        {
            "stageName": stage["name"],
            "inboundTransitionState": _transition(record, stage["name"]),
            "actionStates": [{"actionName": a["name"]} for a in stage["actions"]],
        }
        for stage in record["pipeline"]["stages"]
    ]
    return {
        "pipelineName": request["name"],
        "pipelineVersion": record["pipeline"]["version"],
        "stageStates": stages,
        "created": record["created"],
        "updated": record["updated"],
    }


def _transition(record: JSON, stage: str) -> JSON:
    if stage in record["disabled"]:
        return {"enabled": False, "disabledReason": record["disabled"][stage]}
    return {"enabled": True}


def list_pipeline_executions(request: JSON) -> JSON:
    _find(request["pipelineName"])
    return {"pipelineExecutionSummaries": []}


def start_pipeline_execution(request: JSON) -> JSON:
    _find(request["name"])
    raise RefusedError(
        "NotImplementedException",
        f"the local engine keeps pipeline '{request['name']}' as a record: it does not execute pipelines yet",
    )


def no_execution(request: JSON) -> JSON:
    _find(request["pipelineName"])
    raise RefusedError(
        "PipelineExecutionNotFoundException",
        f"pipeline '{request['pipelineName']}' has no execution '{request['pipelineExecutionId']}'",
    )


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
    "GetPipelineExecution": no_execution,
    "GetPipelineState": get_pipeline_state,
    "ListPipelineExecutions": list_pipeline_executions,
    "ListPipelines": list_pipelines,
    "ListTagsForResource": list_tags,
    "StartPipelineExecution": start_pipeline_execution,
    "StopPipelineExecution": no_execution,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "UpdatePipeline": update_pipeline,
}


def _find(name: str) -> JSON:
    record = _pipelines.get(name)
    if record is None:
        raise RefusedError(
            "PipelineNotFoundException", f"Account '{get_account_id()}' does not have a pipeline with name '{name}'"
        )
    return record


def _arn(name: str) -> str:
    return f"arn:aws:codepipeline:{get_region()}:{get_account_id()}:{name}"


def _tags(arn: str) -> dict[str, str]:
    record = _pipelines.get(arn.rpartition(":")[2])
    if record is None or arn != _arn(record["pipeline"]["name"]):
        raise RefusedError("ResourceNotFoundException", f"there is no pipeline {arn}")
    return record["tags"]


def _complete(pipeline: JSON) -> JSON:
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
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if operation not in OPERATIONS:
        return _error("InvalidAction", f"the local engine has no {operation}")
    try:
        request = json.loads(body or b"{}")
        check_request(operation, request)
        answer = OPERATIONS[operation](request)
    except ValueError as error:
        return _error("SerializationException", str(error))
    except RefusedError as error:
        return _error(error.code, str(error))
    return json_response(answer, content_type=CONTENT_TYPE)


def _error(code: str, message: str) -> Response:
    return error_response_json(code, message, 400, content_type=CONTENT_TYPE)


def get_state() -> JSON:
    return copy.deepcopy({"pipelines": _pipelines})


def load_persisted_state(data: JSON) -> None:
    _pipelines.update(data.get("pipelines", {}))


def reset() -> None:
    _pipelines.clear()


def from_template(value: Any, key: str = "") -> Any:
    """A property in the API's spelling; the keys of an action's configuration stay as they are."""
    if isinstance(value, list):
        return [from_template(item) for item in value]
    if isinstance(value, dict) and key == "Configuration":
        return {name: _text(item) for name, item in value.items()}
    if isinstance(value, dict):
        return {k[:1].lower() + k[1:]: from_template(v, k) for k, v in value.items()}
    return int(value) if key in ("RunOrder", "TimeoutInMinutes") else value


def _text(value: Any) -> str:
    """CloudFormation hands on `PollForSourceChanges: false` as text."""
    return json.dumps(value) if isinstance(value, (bool, int)) else value


def _declaration(props: JSON, name: str) -> JSON:
    own = ("Tags", "RestartExecutionOnUpdate", "DisableInboundStageTransitions")
    pipeline = from_template({k: v for k, v in props.items() if k not in own})
    pipeline["name"] = name
    if "artifactStores" in pipeline:
        stores = pipeline["artifactStores"]
        pipeline["artifactStores"] = {s["region"]: s["artifactStore"] for s in stores}
    return pipeline


def _apply(operation: str, props: JSON, name: str) -> tuple[str, JSON]:
    """Creates or updates the pipeline and returns what Ref and GetAtt give."""
    request: JSON = {"pipeline": _declaration(props, name)}
    try:
        check_request(operation, request)
        pipeline = OPERATIONS[operation](request)["pipeline"]
    except RefusedError as error:
        raise ValueError(f"{error} (Error Code: {error.code})") from error
    disabled = props.get("DisableInboundStageTransitions") or []
    _pipelines[name].update(
        tags={tag["Key"]: tag["Value"] for tag in props.get("Tags") or []},
        disabled={stage["StageName"]: stage["Reason"] for stage in disabled},
    )
    return name, {"Version": str(pipeline["version"])}


def create_resource(logical_id: str, props: JSON, stack: str) -> tuple[str, JSON]:
    name = props.get("Name")
    name = name or provisioners._physical_name(stack, logical_id, max_len=100)
    return _apply("CreatePipeline", props, name)


def update_resource(physical_id: str, old: JSON, new: JSON, stack: str) -> tuple[str, JSON]:
    return _apply("UpdatePipeline", new, physical_id)


def delete_resource(physical_id: str, props: JSON) -> None:
    delete_pipeline({"name": physical_id})


def install() -> None:
    """Makes the service and the CloudFormation type known to the emulator."""
    sys.modules["ministack.services.codepipeline"] = sys.modules[__name__]
    app._loaded_modules["codepipeline"] = sys.modules[__name__]
    app.SERVICE_REGISTRY["codepipeline"] = {"module": "codepipeline"}
    app.SERVICE_HANDLERS["codepipeline"] = app._lazy_handler("codepipeline")
    app._state_map["codepipeline"] = "codepipeline"
    router.SERVICE_PATTERNS["codepipeline"] = {
        "target_prefixes": ["CodePipeline_20150709"],
        "host_patterns": [r"codepipeline\."],
        "credential_scope": "codepipeline",
    }
    provisioners._RESOURCE_HANDLERS[TYPE] = {
        "create": create_resource,
        "update": update_resource,
        "delete": delete_resource,
    }
    provisioners._STACK_TAG_PROPERTY[TYPE] = ("Tags", "list")
    # "Name: Update requires: Replacement"
    provisioners._REPLACING_PROPERTIES[TYPE] = ("Name",)
