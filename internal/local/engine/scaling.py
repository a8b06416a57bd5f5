"""Application Auto Scaling as records: targets and policies can be made, described and deleted; nothing scales."""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import Any

from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    json_response,
)
from ministack.services.cloudformation import provisioners

from registry import register

Json = dict[str, Any]

_NAME = "application-autoscaling"
_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"

_targets = AccountRegionScopedDict()  # (namespace, resource, dimension) as text -> target
_policies = AccountRegionScopedDict()  # ARN -> policy


class NotFoundError(Exception):
    """The target or policy that a request names is not there."""


def _arn(kind: str) -> str:
    return f"arn:aws:{_NAME}:{get_region()}:{get_account_id()}:{kind}"


def _key(data: Json) -> str:
    return "|".join(data[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))


def _register(data: Json) -> Json:
    given = {key: value for key, value in data.items() if key != "Tags"}
    target = _targets.get(_key(data)) or {
        "CreationTime": time.time(),
        "ScalableTargetARN": _arn("scalable-target/" + uuid.uuid4().hex[:24]),
    }
    _targets[_key(data)] = {**target, **given}
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


def _deregister(data: Json) -> Json:
    if _key(data) not in _targets:
        raise NotFoundError(f"No scalable target found for {_key(data)}")
    del _targets[_key(data)]
    for arn in [arn for arn, policy in _policies.items() if _key(policy) == _key(data)]:
        del _policies[arn]
    return {}


def _put_policy(data: Json) -> Json:
    if _key(data) not in _targets:
        raise NotFoundError(f"No scalable target registered for {_key(data)}")
    known = (arn for arn, policy in _policies.items() if _names(policy, data))
    path = f"{data['ServiceNamespace']}/{data['ResourceId']}:policyName/{data['PolicyName']}"
    arn = next(known, None) or _arn(f"scalingPolicy:{uuid.uuid4()}:resource/{path}")
    _policies[arn] = {**data, "PolicyARN": arn, "Alarms": [], "CreationTime": time.time()}
    return {"PolicyARN": arn, "Alarms": []}


def _names(policy: Json, data: Json) -> bool:
    return _key(policy) == _key(data) and policy["PolicyName"] == data["PolicyName"]


def _delete_policy(data: Json) -> Json:
    for arn in [arn for arn, policy in _policies.items() if _names(policy, data)]:
        del _policies[arn]
        return {}
    raise NotFoundError(f"No scaling policy found for {_key(data)}")


def _chosen(store: AccountRegionScopedDict, data: Json, filters: Json) -> list[Json]:
    """The records of a namespace that fit the filters: request member -> record member."""
    return [
        record
        for record in store.values()
        if record["ServiceNamespace"] == data["ServiceNamespace"]
        and all(record[member] in _listed(data[name]) for name, member in filters.items() if data.get(name))
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _describe_targets(data: Json) -> Json:
    filters = {"ResourceIds": "ResourceId", "ScalableDimension": "ScalableDimension"}
    return {"ScalableTargets": _chosen(_targets, data, filters)}


def _describe_policies(data: Json) -> Json:
    filters = {"ResourceId": "ResourceId", "ScalableDimension": "ScalableDimension", "PolicyNames": "PolicyName"}
    return {"ScalingPolicies": _chosen(_policies, data, filters)}


def _describe_scheduled(data: Json) -> Json:
    """A template gives scheduled actions with their target."""
    found = [
        {
            **action,
            **{key: target[key] for key in ("ResourceId", "ScalableDimension", "ServiceNamespace", "CreationTime")},
            "ScheduledActionARN": _arn(f"scheduledAction:{target['ResourceId']}:{action['ScheduledActionName']}"),
        }
        for target in _chosen(_targets, data, {"ResourceId": "ResourceId", "ScalableDimension": "ScalableDimension"})
        for action in target.get("ScheduledActions") or []
    ]
    return {"ScheduledActions": found}


def _describe_activities(_data: Json) -> Json:
    return {"ScalingActivities": []}


_ACTIONS = {
    "RegisterScalableTarget": _register,
    "DeregisterScalableTarget": _deregister,
    "PutScalingPolicy": _put_policy,
    "DeleteScalingPolicy": _delete_policy,
    "DescribeScalableTargets": _describe_targets,
    "DescribeScalingPolicies": _describe_policies,
    "DescribeScheduledActions": _describe_scheduled,
    "DescribeScalingActivities": _describe_activities,
}


async def handle_request(_method: str, _path: str, headers: Json, body: bytes, _query: Json) -> Any:
    """One request of the API (JSON 1.1, the action in X-Amz-Target)."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if action not in _ACTIONS:
        return error_response_json("UnknownOperationException", f"{action} is not there in the local engine", 400)
    try:
        return json_response(_ACTIONS[action](json.loads(body or b"{}")))
    except NotFoundError as error:
        return error_response_json("ObjectNotFoundException", str(error), 400)


def reset() -> None:
    _targets.clear()
    _policies.clear()


def _create_target(_logical_id: str, props: Json, _stack: str) -> Any:
    numbers = {name: int(props[name]) for name in ("MinCapacity", "MaxCapacity")}
    arn = _register({**props, **numbers})["ScalableTargetARN"]
    return _key(props), {"Id": _key(props), "ScalableTargetARN": arn}


def _update_target(_physical_id: str, _old: Json, new: Json, stack: str) -> Any:
    return _create_target("", new, stack)


def _delete_target(physical_id: str, _props: Json) -> None:
    resource, dimension, namespace = physical_id.split("|")
    if physical_id in _targets:
        _deregister({"ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace})


def _create_policy(_logical_id: str, props: Json, _stack: str) -> Any:
    """A policy names its target by the target's id, or by the three parts of it."""
    data = {key: value for key, value in props.items() if key != "ScalingTargetId"}
    if props.get("ScalingTargetId"):
        names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
        data.update(zip(names, props["ScalingTargetId"].split("|"), strict=True))
    try:
        arn = _put_policy(data)["PolicyARN"]
    except NotFoundError as error:
        raise ValueError(f"{error} (Service: ApplicationAutoScaling, Error Code: ObjectNotFoundException)") from error
    return arn, {"Arn": arn, "PolicyName": props["PolicyName"]}


def _update_policy(_physical_id: str, _old: Json, new: Json, stack: str) -> Any:
    return _create_policy("", new, stack)


def _delete_policy_resource(physical_id: str, _props: Json) -> None:
    _policies.pop(physical_id, None)


def install() -> None:
    """Make the service and its CloudFormation types known to the emulator."""
    register(_NAME, sys.modules[__name__], "AnyScaleFrontendService")
    handlers = provisioners._RESOURCE_HANDLERS
    handlers[_TARGET] = {"create": _create_target, "update": _update_target, "delete": _delete_target}
    handlers[_POLICY] = {"create": _create_policy, "update": _update_policy, "delete": _delete_policy_resource}
    names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
    provisioners._REPLACING_PROPERTIES[_TARGET] = names
    provisioners._REPLACING_PROPERTIES[_POLICY] = (*names, "PolicyName", "ScalingTargetId")
