"""Nested stacks that go the same way as roots, resources that are seen while they are being made, and small mends."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import alb, ec2, s3
from ministack.services.cloudformation import (
    _change_sets,
    _stack_events,
    _stacks,
    engine,
    helpers,
    provisioners,
    stacks,
)

NESTED = "AWS::CloudFormation::Stack"

_SNAPSHOT = (
    "_resources",
    "_template",
    "_template_body",
    "_resolved_params",
    "_conditions",
    "Parameters",
    "Tags",
    "Outputs",
)

Json = dict[str, Any]
Wrapped = Callable[..., Any]


@contextlib.contextmanager
def creating(stack: str, logical_id: str, kind: str, physical_id: str, props: Json, attributes: Json) -> Iterator[None]:
    """While a resource is being made its physical id can be seen; if that fails, it is there to be deleted."""
    owner = _stacks[stack]
    record = {
        "PhysicalResourceId": physical_id,
        "ResourceType": kind,
        "ResourceStatus": "CREATE_IN_PROGRESS",
        "LogicalResourceId": logical_id,
        "Properties": props,
        "Attributes": attributes,
        "Timestamp": now_iso(),
    }
    owner["_resources"][logical_id] = record
    doing = owner["StackStatus"].split("_")[0] + "_IN_PROGRESS"
    stacks._add_event(owner["StackId"], stack, logical_id, kind, doing, "Resource creation Initiated", physical_id)
    try:
        yield
    except Exception as error:
        record.update(ResourceStatus="CREATE_FAILED", ResourceStatusReason=str(error))
        raise


def with_half_made(original: Wrapped) -> Wrapped:
    """A rollback also deletes the resource whose creation failed half-way, and says which resource failed."""

    async def roll_back(name: str, stack_id: str, stack: Json, operation: Json, reason: str = "") -> Any:
        created = operation["created"]
        for logical_id, record in stack.get("_resources", {}).items():
            if record.get("ResourceStatus") == "CREATE_FAILED" and logical_id not in created:
                created.append(logical_id)
        failed = operation.get("failed_logical_id")
        if failed and not reason and not operation["is_update"]:
            reason = f"The following resource(s) failed to create: [{failed}]. Rollback requested by user."
        return await original(name, stack_id, stack, operation, reason)

    return roll_back


def create_nested(_original: Wrapped) -> Wrapped:
    def create(logical_id: str, props: Json, parent: str) -> Any:
        child = _new_child(logical_id, props, parent)
        attributes: Json = {}
        with creating(parent, logical_id, NESTED, child["StackId"], props, attributes):
            _event(child, "CREATE_IN_PROGRESS")
            # Not rolled back by itself: the rollback of its parent deletes it.
            _run(stacks._deploy_stack_async(*_deployment(child), True, child["Tags"]))
            if child["StackStatus"] != "CREATE_COMPLETE":
                why = _explain(child, "create")
                raise ValueError(f"Embedded stack {child['StackId']} was not successfully created: {why}")
        attributes.update(_outputs(child))
        return child["StackId"], attributes

    return create


def update_nested(_original: Wrapped) -> Wrapped:
    def update(physical_id: str, _old: Json, props: Json, parent: str) -> Any:
        child = _stack(physical_id)
        reverting = "ROLLBACK" in _stacks[parent]["StackStatus"]
        if reverting and child["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE":
            return child["StackId"], _outputs(child)  # it has already rolled itself back
        previous = {key: copy.deepcopy(child.get(key)) for key in _SNAPSHOT}
        child.update(_contents(props, parent), LastUpdatedTime=now_iso())
        child["StackStatus"] = "UPDATE_ROLLBACK_IN_PROGRESS" if reverting else "UPDATE_IN_PROGRESS"
        _event(child, child["StackStatus"])
        _run(stacks._deploy_stack_async(*_deployment(child), False, child["Tags"], True, previous))
        if child["StackStatus"] != "UPDATE_COMPLETE":
            why = _first_failure(child)
            raise ValueError(
                f"Embedded stack {child['StackId']} was not successfully updated. Currently in "
                f"UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to update: [{why}]."
            )
        if reverting:
            _rename_last(child, "UPDATE_ROLLBACK_COMPLETE")
        return child["StackId"], _outputs(child)

    return update


def delete_nested(_original: Wrapped) -> Wrapped:
    def delete(physical_id: str, _props: Json) -> None:
        child = _stack(physical_id)
        if not child or child["StackStatus"] == "DELETE_COMPLETE":
            return
        _run(stacks._delete_stack_async(child["StackName"], child["StackId"]))
        if child["StackStatus"] == "DELETE_FAILED":
            why = child.get("StackStatusReason", "")
            raise ValueError(f"Embedded stack {child['StackId']} was not successfully deleted: {why}")

    return delete


def _run(operation: Any) -> None:
    """Run an operation on a stack to its end; nested stacks are handled in threads without an event loop."""
    asyncio.run(operation)


def _stack(stack_id: str) -> Json:
    return next((stack for stack in _stacks.values() if stack["StackId"] == stack_id), {})


def _deployment(child: Json) -> tuple[str, str, Json, Json]:
    return child["StackName"], child["StackId"], child["_template"], child["_resolved_params"]


def _new_child(logical_id: str, props: Json, parent: str) -> Json:
    """Register a nested stack that is about to be created."""
    owner = _stacks[parent]
    name = f"{parent}-{logical_id}-{uuid.uuid4().hex[:12].upper()}"
    child = {
        "StackName": name,
        "StackId": f"arn:aws:cloudformation:{get_region()}:{get_account_id()}:stack/{name}/{uuid.uuid4()}",
        "StackStatus": "CREATE_IN_PROGRESS",
        "StackStatusReason": "",
        "CreationTime": now_iso(),
        "LastUpdatedTime": now_iso(),
        "DisableRollback": True,
        "ParentId": owner["StackId"],
        "RootId": owner.get("RootId") or owner["StackId"],
        "RoleARN": owner.get("RoleARN", ""),
        "Outputs": [],
        "_resources": {},
        "_region": get_region(),
        "_parent_stack_name": parent,
        **_contents(props, parent),
    }
    _stacks[name] = child
    _stack_events.setdefault(child["StackId"], [])
    return child


def _contents(props: Json, parent: str) -> Json:
    """What the parent says of a nested stack: its template, parameters and tags."""
    url = props.get("TemplateURL") or ""
    body, error = helpers._resolve_template({"TemplateURL": [url]})
    if error is not None or not body:
        raise ValueError(f"cannot read the template of the nested stack at {url}")
    template = engine._parse_template(body)
    provisioners._check_nested_stack_capabilities(parent, template)
    given = [{"Key": key, "Value": str(value)} for key, value in (props.get("Parameters") or {}).items()]
    values = engine._resolve_parameters(template, given)
    tags = provisioners._tag_map(props.get("Tags"))
    return {
        "Description": template.get("Description", ""),
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value["Value"], "NoEcho": value["NoEcho"]}
            for key, value in values.items()
        ],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")],
        "Capabilities": provisioners._inherited_capabilities(parent),
        "_template": template,
        "_template_body": body,
        "_resolved_params": values,
        "_conditions": engine._evaluate_conditions(template, values),
    }


def _event(child: Json, status: str) -> None:
    name, stack_id = child["StackName"], child["StackId"]
    stacks._add_event(stack_id, name, name, NESTED, status, "", stack_id)


def _rename_last(child: Json, status: str) -> None:
    """The end of a deployment that was a rollback is reported as one."""
    child["StackStatus"] = status
    for event in reversed(_stack_events[child["StackId"]]):
        if event["PhysicalResourceId"] == child["StackId"]:
            event["ResourceStatus"] = status
            return


def _explain(child: Json, verb: str) -> str:
    """Say in CloudFormation's words which resource made a nested stack fail."""
    reason = f"The following resource(s) failed to {verb}: [{_first_failure(child)}]. "
    child["StackStatusReason"] = reason
    _stack_events[child["StackId"]][-1]["ResourceStatusReason"] = reason
    return reason


def _first_failure(child: Json) -> str:
    """The logical id of the resource that made the latest operation fail."""
    events = _stack_events[child["StackId"]]
    failed = [
        event["LogicalResourceId"]
        for event in events
        if event["ResourceStatus"] in ("CREATE_FAILED", "UPDATE_FAILED")
        and event["PhysicalResourceId"] != child["StackId"]
    ]
    return failed[-1] if failed else ""


def _outputs(child: Json) -> Json:
    return {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in child.get("Outputs", [])}


def keep_attributes(original: Wrapped) -> Wrapped:
    """An update that says nothing of an attribute leaves it as it was."""

    def update(
        kind: str,
        physical_id: str,
        old: Json,
        new: Json,
        stack: str,
        logical_id: str | None = None,
        old_attributes: Json | None = None,
    ) -> Any:
        new_id, attributes = original(kind, physical_id, old, new, stack, logical_id, old_attributes)
        if new_id == physical_id and old_attributes:
            attributes = {**old_attributes, **(attributes or {})}
        return new_id, attributes

    return update


def always_enforced(_original: Wrapped) -> Wrapped:
    return lambda: True


def remember_role(original: Wrapped) -> Wrapped:
    """A change set knows the role that it is to be executed with."""

    def create_change_set(params: Json) -> Any:
        before = set(_change_sets)
        answer = original(params)
        for change_set in set(_change_sets) - before:
            _change_sets[change_set]["RoleARN"] = helpers._p(params, "RoleARN")
        return answer

    return create_change_set


def use_role(original: Wrapped) -> Wrapped:
    """Executing a change set gives its role to the stack, which keeps it for later operations.

    Asked again with the token of the first time, it answers as it did then: a client has lost that answer.
    """
    answers: dict[tuple[str, str], Any] = {}

    def execute_change_set(params: Json) -> Any:
        name, stack_name = helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName")
        token, asked = helpers._p(params, "ClientRequestToken"), ("", "")
        for change_set in list(_change_sets.values()):
            owner = _stack(change_set["StackId"])
            if name in (change_set.get("ChangeSetId"), change_set.get("ChangeSetName")) and (
                stack_name in ("", owner.get("StackName"), owner.get("StackId"))
            ):
                owner["RoleARN"] = change_set.get("RoleARN") or owner.get("RoleARN", "")
                asked = (change_set.get("ChangeSetId", ""), token)
        if asked in answers:
            return answers[asked]
        answer = original(params)
        if token and answer[0] == 200:
            answers[asked] = answer
        return answer

    return execute_change_set


_VIRTUAL_HOST = re.compile(r"^https://([^/]+)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com/")


def any_style_of_url(original: Wrapped) -> Wrapped:
    """A template's URL may name the bucket in the host."""

    def resolve(params: Json, body_key: str, url_key: str, label: str) -> Any:
        url = _VIRTUAL_HOST.sub(r"https://s3.amazonaws.com/\1/", helpers._p(params, url_key))
        return original({**params, url_key: [url]} if url else params, body_key, url_key, label)

    return resolve


def with_parents(original: Wrapped) -> Wrapped:
    """DescribeStacks also gives ParentId, RootId and RoleARN."""

    def describe(params: Json) -> Any:
        status, headers, body = original(params)
        text = body.decode() if isinstance(body, bytes) else body

        def add(match: re.Match[str]) -> str:
            stack = _stack(match[1])
            names = (name for name in ("ParentId", "RootId", "RoleARN") if stack.get(name))
            return match[0] + "".join(f"<{name}>{stack[name]}</{name}>" for name in names)

        text = re.sub(r"<StackId>([^<]+)</StackId>", add, text)
        return status, headers, text.encode() if isinstance(body, bytes) else text

    return describe


def refuse_non_empty(original: Wrapped) -> Wrapped:
    """A bucket that holds objects or versions is not deleted."""

    def delete(physical_id: str, props: Json) -> None:
        bucket = s3._buckets.get(physical_id)
        if bucket and (bucket["objects"] or s3._bucket_has_versions(physical_id)):
            raise ValueError(
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket. "
                "(Service: S3, Status Code: 409)"
            )
        original(physical_id, props)

    return delete


def named_log_group(original: Wrapped) -> Wrapped:
    """A log group without a name is called after its stack, as everything else is."""

    def create(logical_id: str, props: Json, stack_name: str) -> Any:
        name = props.get("LogGroupName") or provisioners._physical_name(stack_name, logical_id, max_len=512)
        return original(logical_id, {**props, "LogGroupName": name}, stack_name)

    return create


def same_log_group(original: Wrapped) -> Wrapped:
    """One that was given no name, and is given none, stays the same."""

    def update(physical_id: str, old: Json, new: Json, stack_name: str, logical_id: str | None = None) -> Any:
        if not (old.get("LogGroupName") or new.get("LogGroupName")):
            new = {**new, "LogGroupName": physical_id}
        return original(physical_id, old, new, stack_name, logical_id)

    return update


def metric_math(original: Wrapped) -> Wrapped:
    """An alarm on an expression is a record like any other: without a metric's name nothing evaluates it."""

    def record(name: str, props: Json) -> Json:
        metrics = props.get("Metrics")
        if not metrics:
            return original(name, props)
        plain = {key: value for key, value in props.items() if key != "Metrics"}
        alarm = original(name, {**plain, "MetricName": "-", "Namespace": "-"})
        return {**alarm, "MetricName": "", "Namespace": "", "Metrics": metrics}

    return record


def with_attributes(find: Callable[[str], Json]) -> Callable[[Wrapped], Wrapped]:
    """Add to what a create or update handler returns the attributes that find(physical id) gives."""

    def wrap(original: Wrapped) -> Wrapped:
        def handler(*args: Any, **options: Any) -> Any:
            physical_id, attributes = original(*args, **options)
            return physical_id, {**(attributes or {}), **find(physical_id)}

        return handler

    return wrap


def vpc_attributes(physical_id: str) -> Json:
    return {"CidrBlock": ec2._vpcs[physical_id]["CidrBlock"]}


def subnet_attributes(physical_id: str) -> Json:
    subnet = ec2._subnets[physical_id]
    return {"CidrBlock": subnet["CidrBlock"], "VpcId": subnet["VpcId"]}


def target_group_attributes(physical_id: str) -> Json:
    return {
        "TargetGroupFullName": physical_id.rsplit(":", 1)[-1],
        "LoadBalancerArns": list(alb._tgs[physical_id].get("LoadBalancerArns", [])),
    }


def rule_on_group(original: Wrapped) -> Wrapped:
    """A rule that forwards to a target group makes the group one of the balancer's."""

    def handler(*args: Any, **options: Any) -> Any:
        physical_id, attributes = original(*args, **options)
        rule = alb._rules[physical_id]
        balancer = alb._listeners[rule["ListenerArn"]]["LoadBalancerArn"]
        for action in rule["Actions"]:
            group = alb._tgs.get(action.get("TargetGroupArn", ""))
            if group and balancer not in group["LoadBalancerArns"]:
                group["LoadBalancerArns"].append(balancer)
        return physical_id, attributes

    return handler


def task_definition(original: Wrapped) -> Wrapped:
    """All members of a container definition are named as in the API, at every depth."""

    def create(logical_id: str, props: Json, stack: str) -> Any:
        arn, attributes = original(logical_id, props, stack)
        definition = provisioners._ecs._task_defs[arn.rsplit("/", 1)[-1]]
        definition["containerDefinitions"] = [_camel(entry) for entry in definition["containerDefinitions"]]
        return arn, attributes

    return create


def _camel(value: Any) -> Any:
    """Lower-case the first letter of every member's name, except in maps that the user fills."""
    if isinstance(value, list):
        return [_camel(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    free = ("options", "dockerLabels")
    named = {key[0].lower() + key[1:]: entry for key, entry in value.items()}
    return {key: entry if key in free else _camel(entry) for key, entry in named.items()}


def listening(opened: Callable[[str], str]) -> Callable[[Wrapped], Wrapped]:
    """A load balancer listens, and its DNS name says where: opened(arn) starts it and returns that name."""

    def wrap(original: Wrapped) -> Wrapped:
        def create(logical_id: str, props: Json, stack: str) -> Any:
            arn, attributes = original(logical_id, props, stack)
            record = alb._lbs[arn]
            record["DNSName"] = attributes["DNSName"] = opened(arn)
            subnet = ec2._subnets.get(next(iter(record["Subnets"]), "")) or {}
            record["VpcId"] = subnet.get("VpcId", record["VpcId"])
            return arn, attributes

        return create

    return wrap


def silent(closed: Callable[[str], None]) -> Callable[[Wrapped], Wrapped]:
    """A deleted load balancer no longer listens."""

    def wrap(original: Wrapped) -> Wrapped:
        def delete(physical_id: str, props: Json) -> None:
            closed(physical_id)
            original(physical_id, props)

        return delete

    return wrap
