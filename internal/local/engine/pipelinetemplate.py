"""The CloudFormation type AWS::CodePipeline::Pipeline.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codepipeline-pipeline.html
"""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.core.iam_evaluator import caller_arn
from ministack.services.cloudformation import provisioners

import codepipeline
import pipelinerun
from pipelinecheck import RefusedError, check_request

JSON = dict[str, Any]

TYPE = "AWS::CodePipeline::Pipeline"


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


def _held(props: JSON) -> dict[str, str]:
    """The stages whose inbound transition the template disables, with the reason."""
    return {stage["StageName"]: stage["Reason"] for stage in props.get("DisableInboundStageTransitions") or []}


def _apply(operation: str, name: str, old: JSON, new: JSON) -> tuple[str, JSON]:
    """Creates or updates the pipeline and returns what Ref and GetAtt give."""
    request: JSON = {"pipeline": _declaration(new, name)}
    with pipelinerun.LOCK:
        try:
            check_request(operation, request)
            made = codepipeline.create(request) if operation == "CreatePipeline" else _update(request)
        except RefusedError as error:
            raise ValueError(f"{error} (Error Code: {error.code})") from error
        record, before, after = codepipeline.pipelines[name], _held(old), _held(new)
        record["tags"] = {tag["Key"]: tag["Value"] for tag in new.get("Tags") or []}
        for stage in before.keys() - after.keys():
            record["disabled"].pop(stage, None)
        for stage in after.keys() - before.keys():
            record["disabled"][stage] = {"reason": after[stage], "by": caller_arn(), "at": time.time()}
        if operation == "CreatePipeline":
            codepipeline.start_by_itself(record, operation, caller_arn())
        elif new.get("RestartExecutionOnUpdate") in (True, "true"):
            codepipeline.start_by_itself(record, "StartPipelineExecution", caller_arn())
        pipelinerun.advance(record)
    return name, {"Version": str(made["pipeline"]["version"])}


def _update(request: JSON) -> JSON:
    """An update of the structure; where that is the same, as when only tags have changed, nothing is cancelled."""
    present = codepipeline.pipelines.get(request["pipeline"]["name"], {}).get("pipeline")
    if present and codepipeline.complete(request["pipeline"]) | {"version": present["version"]} == present:
        return {"pipeline": present}
    return codepipeline.update_pipeline(request)


def create_resource(logical_id: str, props: JSON, stack: str) -> tuple[str, JSON]:
    name = props.get("Name") or provisioners._physical_name(stack, logical_id, max_len=100)
    return _apply("CreatePipeline", name, {}, props)


def update_resource(physical_id: str, old: JSON, new: JSON, stack: str) -> tuple[str, JSON]:
    return _apply("UpdatePipeline", physical_id, old, new)


def delete_resource(physical_id: str, props: JSON) -> None:
    with pipelinerun.LOCK:
        codepipeline.delete_pipeline({"name": physical_id})


def install() -> None:
    """Makes the type known to the emulator."""
    provisioners._RESOURCE_HANDLERS[TYPE] = {
        "create": create_resource,
        "update": update_resource,
        "delete": delete_resource,
    }
    provisioners._STACK_TAG_PROPERTY[TYPE] = ("Tags", "list")
    # "Name: Update requires: Replacement"
    provisioners._REPLACING_PROPERTIES[TYPE] = ("Name",)
