"""Whom the engine lets do what, where it holds callers to their policies (AUTH=true).

The emulator reads one resource off a request, and not always the one that AWS asks for; which it is for each action
is said in https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import alb, codebuild, ecs, iam, sts, tagging
from ministack.services.cloudformation import _change_sets, _stacks

Json = dict[str, Any]
Wrapped = Callable[..., Any]

# Services that the emulator alone would let anybody use.
_ADDED = {"application-autoscaling": "application-autoscaling", "codepipeline": "codepipeline"}


class Check(NamedTuple):
    """One question to a caller's policies."""

    action: str
    resource: str
    keys: Json


class Resource(str):
    """The first resource of a request, with the questions that follow the first."""

    more: tuple[Check, ...] = ()


class Request:
    """The parameters of one request, of either protocol."""

    def __init__(self, service: str, headers: Json, body: bytes, query: Json) -> None:
        self.service = service
        self.operation = (
            iam_actions._action_from_query(query, b"", "") or iam_actions._action_from_target(headers) or ""
        )
        self._query = query
        self._json: Json = {}
        if body[:1] == b"{":
            with contextlib.suppress(ValueError):  # the service itself will say so
                self._json = json.loads(body)

    def text(self, *names: str) -> str:
        """The first of these parameters that is given."""
        for name in names:
            value = self._json.get(name) or iam_actions._query_param(self._query, name)
            if isinstance(value, str) and value:
                return value
        return ""

    def texts(self, name: str) -> list[str]:
        """All texts of a list."""
        value = self._json.get(name)
        if isinstance(value, list):
            return [entry for entry in value if isinstance(entry, str)]
        members = [key for key in self._query if key.startswith(f"{name}.member.")]
        return [entry for key in members if (entry := iam_actions._query_param(self._query, key))]

    def tagged(self) -> bool:
        return bool(self._json.get("tags")) or any(name.startswith("Tags.member.1.") for name in self._query)


def _arn(service: str, resource: str, region: str | None = None) -> str:
    return f"arn:aws:{service}:{get_region() if region is None else region}:{get_account_id()}:{resource}"


def _stack(request: Request) -> list[str]:
    """A stack by name or ARN, or through a change set's ARN; one that is not there yet by its name."""
    change_set = _change_sets.get(request.text("ChangeSetName")) or {}
    wanted = request.text("StackName") or change_set.get("StackId", "")
    for stack in _stacks.values():
        if wanted in (stack["StackName"], stack["StackId"]) and stack["StackStatus"] != "DELETE_COMPLETE":
            return [stack["StackId"]]
    if not wanted or wanted.startswith("arn:"):
        return [wanted or "*"]
    return [_arn("cloudformation", f"stack/{wanted}/*")]


def _project(request: Request) -> list[str]:
    """Projects by name, or by their builds' ids, which begin with it."""
    names = [request.text("projectName", "name", "id"), *request.texts("names"), *request.texts("ids")]
    found = dict.fromkeys(name.split(":")[-2] if ":" in name else name for name in names if name)
    return [_arn("codebuild", f"project/{name}") for name in found] or ["*"]


def _build(request: Request) -> list[str]:
    """Projects, or the groups of reports, whose ARNs name them."""
    arns = [request.text("arn", "reportArn", "reportGroupArn"), *request.texts("reportArns")]
    arns = [arn for arn in [*arns, *request.texts("reportGroupArns")] if arn]
    groups = dict.fromkeys(arn.split("/")[-1].split(":")[0] for arn in arns)
    return [_arn("codebuild", f"report-group/{group}") for group in groups] or _project(request)


def _ecs(request: Request) -> list[str]:
    cluster = request.text("cluster", "clusterName").rsplit("/", 1)[-1] or "default"
    kinds: dict[str, tuple[str, list[str]]] = {
        "DescribeClusters": ("cluster/", request.texts("clusters") or [cluster]),
        "CreateService": (f"service/{cluster}/", [request.text("serviceName")]),
        "DeleteService": (f"service/{cluster}/", [request.text("service")]),
        "DescribeServices": (f"service/{cluster}/", request.texts("services")),
        "UpdateService": (f"service/{cluster}/", [request.text("service")]),
        "DescribeTasks": (f"task/{cluster}/", request.texts("tasks")),
        "RunTask": ("task-definition/", [request.text("taskDefinition")]),
        "StopTask": (f"task/{cluster}/", [request.text("task")]),
        "ListTasks": (f"container-instance/{cluster}/", ["*"]),
        "DeleteTaskDefinitions": ("task-definition/", request.texts("taskDefinitions")),
    }
    prefix, names = kinds.get(request.operation, ("", []))
    return [_arn("ecs", prefix + name.rsplit("/", 1)[-1]) for name in names] or ["*"]


def _repository(request: Request) -> list[str]:
    names = [request.text("repositoryName"), *request.texts("repositoryNames")]
    return [_arn("ecr", f"repository/{name}") for name in names if name] or ["*"]


def _log_group(request: Request) -> list[str]:
    name, stream = request.text("logGroupName"), request.text("logStreamName")
    if request.operation == "DescribeLogGroups":  # whatever prefix is asked for
        return [_arn("logs", "log-group::log-stream:")]
    if stream:
        return [_arn("logs", f"log-group:{name}:log-stream:{stream}")]
    return [request.text("resourceArn") or (_arn("logs", f"log-group:{name}:log-stream:") if name else "*")]


def _pipeline(request: Request) -> list[str]:
    name = request.text("name", "pipelineName")
    parts = [name, request.text("stageName"), request.text("actionName")]
    return [_arn("codepipeline", "/".join(filter(None, parts)))] if name else ["*"]


def _rule(request: Request) -> list[str]:
    """A rule of the default bus goes by its name alone."""
    bus, name = request.text("EventBusName").rsplit("/", 1)[-1], request.text("Name", "Rule")
    return [_arn("events", "rule/" + (f"{bus}/" if bus not in ("", "default") else "") + name)] if name else ["*"]


# The names of linked roles: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
# leads to each service's page. The emulator names them otherwise.
_LINKED = {
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "ecs.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_ECSService",
}


def _identity(request: Request) -> list[str]:
    """A role with its path, which is not in the request."""
    if request.operation == "CreateServiceLinkedRole":
        service = request.text("AWSServiceName")
        return [_arn("iam", f"role/aws-service-role/{service}/{_LINKED.get(service, '*')}", "")]
    for kind, records in (("Role", iam._roles), ("User", iam._users)):
        name = request.text(kind + "Name")
        if name:
            known = records.get(name) or {}
            return [known.get("Arn") or _arn("iam", f"{kind.lower()}{request.text('Path') or '/'}{name}", "")]
    return [request.text("PolicyArn") or "*"]


def _watching(request: Request) -> list[str]:
    """Alarms or a dashboard; dashboards are the account's, without a Region."""
    dashboard = request.text("DashboardName")
    alarms = request.texts("AlarmNames") or [name for name in [request.text("AlarmName")] if name]
    named = [_arn("cloudwatch", f"alarm:{alarm}") for alarm in alarms]
    return [_arn("cloudwatch", f"dashboard/{dashboard}", "")] if dashboard else named or ["*"]


def _firewall(request: Request) -> list[str]:
    """A web ACL, or the load balancer whose web ACL is asked for."""
    arn, name = request.text("ARN", "ResourceArn"), request.text("Name")
    return [arn or (_arn("wafv2", f"regional/webacl/{name}/{request.text('Id')}") if name else "*")]


def _describing(request: Request) -> list[str]:
    """The scaling targets of a service have no ARN in a request; describing has none at all."""
    return ["*"]


_RESOURCES: dict[str, Callable[[Request], list[str]]] = {
    "application-autoscaling": _describing,
    "cloudformation": _stack,
    "codebuild": _build,
    "codepipeline": _pipeline,
    "ecr": _repository,
    "ecs": _ecs,
    "events": _rule,
    "iam": _identity,
    "logs": _log_group,
    "monitoring": _watching,
    "wafv2": _firewall,
}

# The parameters that name a role which the service is to act with.
_PASSED = {
    "cloudformation": ("RoleARN",),
    "codebuild": ("serviceRole", "serviceRoleOverride"),
    "ecs": ("executionRoleArn", "taskRoleArn"),
}
_PASSED_TO = {"ecs": "ecs-tasks.amazonaws.com"}


def _more(request: Request, first: str) -> Iterator[Check]:
    """What a request needs besides its own action: to pass a role, and to tag what it makes."""
    for name in _PASSED.get(request.service, ()):
        if request.text(name):
            to = _PASSED_TO.get(request.service, request.service + ".amazonaws.com")
            yield Check("iam:PassRole", request.text(name), {"iam:PassedToService": to})
    if request.operation == "RunTask":
        definition = ecs._task_defs.get(ecs._resolve_td_key(request.text("taskDefinition"))) or {}
        for name in _PASSED["ecs"]:
            if definition.get(name):
                yield Check("iam:PassRole", definition[name], {"iam:PassedToService": _PASSED_TO["ecs"]})
    if request.service == "cloudformation" and request.tagged() and request.operation.startswith(("Create", "Update")):
        yield Check("cloudformation:TagResource", first, {"cloudformation:CreateAction": request.operation})


def resources(original: Wrapped) -> Wrapped:
    """All resources of a request, named as AWS names them."""

    def extract(
        service: str, method: str, path: str, headers: Json, body: bytes, query: Json, region: str, account: str
    ) -> str:
        if service not in _RESOURCES:
            return original(service, method, path, headers, body, query, region, account)
        request = Request(service, headers, body, query)
        first, *others = _RESOURCES[service](request)
        named = Resource(first)
        action = f"{iam_actions.SERVICE_TO_IAM_NAMESPACE[service]}:{request.operation}"
        named.more = (*(Check(action, other, {}) for other in others), *_more(request, first))
        return named

    return extract


# Condition keys that are a parameter of the request, by service.
_KEYS = {
    "cloudformation": {
        "cloudformation:RoleArn": "RoleARN",
        "cloudformation:ChangeSetName": "ChangeSetName",
        "cloudformation:TemplateUrl": "TemplateURL",
    },
    "ecs": {"ecs:cluster": "cluster"},
    "iam": {
        "iam:AWSServiceName": "AWSServiceName",
        "iam:PolicyARN": "PolicyArn",
        "iam:PermissionsBoundary": "PermissionsBoundary",
    },
}


def keys(original: Wrapped) -> Wrapped:
    """The condition keys that a request gives beside its tags."""

    def context(service: str, action: str, body: bytes, query: Json) -> Json:
        found = original(service, action, body, query)
        if service in _KEYS:
            request = Request(service, {}, body, query)
            found.update({key: request.text(name) for key, name in _KEYS[service].items() if request.text(name)})
        if found.get("ecs:cluster"):
            found["ecs:cluster"] = _arn("ecs", "cluster/" + found["ecs:cluster"].rsplit("/", 1)[-1])
        return found

    return context


def conditional_writes(original: Wrapped) -> Wrapped:
    """The condition keys of a write with more that say on what it depends."""

    def context(iam_action: str, query: Json, path: str, headers: Json) -> Json:
        found = original(iam_action, query, path, headers)
        for name in ("if-match", "if-none-match"):
            if iam_action == "s3:PutObject" and headers.get(name):
                found[f"s3:{name}"] = headers[name]
        return found

    return context


def every(original: Wrapped) -> Wrapped:
    """A request is let through if its policies allow all that it asks for."""

    def enforce(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Json | None = None,
    ) -> Any:
        denied = original(access_key, action, service, region, resource_arn, service_context)
        for check in getattr(resource_arn, "more", ()):
            if denied:
                return denied
            context = {**(service_context or {}), **check.keys}
            denied = original(access_key, check.action, service, region, check.resource, context)
            if isinstance(denied, iam_evaluator.EvalResult):
                explicit = denied.decision == "Deny"
                text = iam_actions.identity_denial_message(check.action, denied.principal_arn, check.resource, explicit)
                return iam_evaluator.AuthError("AccessDenied", text)
        return denied

    return enforce


def as_if_over_tls(original: Wrapped) -> Wrapped:
    """aws:SecureTransport holds for all requests."""
    return lambda source_ip, _secure: original(source_ip, True)


def linked_role(original: Wrapped) -> Wrapped:
    """Makes a service's role under the name that AWS gives it."""

    def create(params: Json) -> Any:
        service = iam._p(params, "AWSServiceName")
        name = _LINKED.get(service)
        if name in iam._roles:
            return iam._error(400, "InvalidInput", f"Service role name {name} has been taken in this account", ns="iam")
        before = set(iam._roles)
        answer = original(params)
        for made in set(iam._roles) - before if name else ():
            role = iam._roles.pop(made)
            role.update(RoleName=name, Arn=_arn("iam", f"role{role['Path']}{name}", ""))
            iam._roles[name] = role
            status, headers, body = answer
            answer = (status, headers, body.replace(made.encode(), name.encode()))
        return answer

    return create


def role_credentials(role_arn: str, session: str) -> dict[str, str]:
    """The credentials of a process that acts with a role: its own where rights are enforced, else root's."""
    from ministack.app import AUTH

    if not AUTH:
        return {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    name = role_arn.rsplit("/", 1)[-1]
    access_key, secret, token = sts._gen_session_access_key(), sts._gen_secret(), sts._gen_session_token()
    identity = {
        "Arn": _arn("sts", f"assumed-role/{name}/{session}", ""),
        "UserId": f"{sts._role_id(role_arn)}:{session}",
        "SecretAccessKey": secret,
        "SessionToken": token,
        "AccountId": get_account_id(),
        "PrincipalType": "AssumedRole",
    }
    sts.register_session(access_key, identity)
    return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def denial(credentials: dict[str, str], action: str, resource: str) -> str:
    """Why a role's policies do not allow an action; empty where they do, and where nobody is held to policies.

    credentials: as role_credentials gave them.
    """
    from ministack.app import AUTH

    if not AUTH:
        return ""
    service = action.partition(":")[0]
    denied = iam_evaluator.enforce(credentials["AWS_ACCESS_KEY_ID"], action, service, get_region(), resource)
    if isinstance(denied, iam_evaluator.EvalResult):
        explicit = denied.decision == "Deny"
        return iam_actions.identity_denial_message(action, denied.principal_arn, resource, explicit)
    return "" if denied is None else denied.message


def _stack_tags() -> Iterator[tuple[str, list[Json]]]:
    for stack in _stacks.values():
        yield stack["StackId"], list(stack.get("Tags") or [])


def _project_tags() -> Iterator[tuple[str, list[Json]]]:
    for project in codebuild._projects.values():
        yield project["arn"], [{"Key": tag["key"], "Value": tag["value"]} for tag in project.get("tags") or []]


def _balancing_tags() -> Iterator[tuple[str, list[Json]]]:
    yield from alb._tags.items()


def install() -> None:
    """Have the services that we add enforced as well, and tags found for aws:ResourceTag."""
    iam_actions.SERVICE_TO_IAM_NAMESPACE.update(_ADDED)
    found = tagging._RESOURCE_TAG_COLLECTORS
    found.update({service: tagging._COLLECTORS[service] for service in ("ecr", "ecs", "events")})
    found.update(cloudformation=_stack_tags, codebuild=_project_tags, elasticloadbalancing=_balancing_tags)
