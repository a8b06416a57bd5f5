"""ECS services that behave: deployments that are waited for, tasks that count once their targets answer, draining."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import ecs

import balancer
import cloudformation
import health
import taskdef

SERVICE = "AWS::ECS::Service"

_TARGET_LIMIT = 60.0  # seconds until a task's target must be known
_ROLLOUT_LIMIT = 180.0  # seconds until a deployment must have ended
_DRAIN_LIMIT = 30.0  # seconds a stopping task may take over the requests it has in hand
_DEFAULT_STOP_TIMEOUT = 30  # seconds between SIGTERM and SIGKILL where the task definition says nothing
_LEAVE_LIMIT = 90.0  # seconds until the containers of a deleted service must be gone
_POLL = 0.1  # seconds
_STEADY = 0.3  # seconds a container must have run before its task is looked at; the emulator's own is 1

# The emulator's reasons where its scheduler stops a task, in the same way as a user's StopTask.
_SCHEDULED = frozenset(
    {
        "Deployment capacity limit",
        "Deployment completed",
        "Service deleted",
        "Service scaling down",
        "Task definition updated",
    }
)

Wrapped = Callable[..., Any]


class Services:
    """The scheduler's missing half; its methods wrap functions of the emulator (see patches.py)."""

    def __init__(self, reach: Callable[[str, int], balancer.Address]) -> None:
        self.checker = health.Checker(reach, self._lost)
        self.balancers = balancer.Balancers(self.checker, reach)
        self._leaving: set[threading.Thread] = set()
        self._starting = threading.Lock()
        ecs._ECS_DEPLOYMENT_STEADY_DELAY = _STEADY

    def start(self) -> None:
        self.checker.start()

    def in_progress(self, original: Wrapped) -> Wrapped:
        """A new deployment is in progress, so that the circuit breaker watches the very first one too."""

        def make_deployment(definition: str, desired: int, status: str = "PRIMARY") -> dict[str, Any]:
            deployment = original(definition, desired, status)
            deployment["rolloutState"] = "IN_PROGRESS"
            deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
            return deployment

        return make_deployment

    def once_healthy(self, original: Wrapped) -> Wrapped:
        """A task counts for its deployment when its targets are healthy; one that never gets there is replaced."""

        def record_healthy(key: str, task: dict[str, Any]) -> Any:
            service = ecs._services.get(key) or {}
            for entry in service.get("loadBalancers") or []:
                why = self._wait_for_target(entry, task)
                if why:
                    self._fail(service, task, entry, why)
                    return None
            return original(key, task) if ecs._task_is_active(task["taskArn"], task) else None

        return record_healthy

    def _wait_for_target(self, entry: dict[str, Any], task: dict[str, Any]) -> str:
        """Wait until a task's target is healthy, or the task has ended; the reason where it is not healthy."""
        group = entry.get("targetGroupArn", "")
        target = {"Id": ecs._task_ip(task), "Port": entry.get("containerPort", 80)}
        end = time.monotonic() + _TARGET_LIMIT
        while ecs._task_is_active(task["taskArn"], task):
            known = self.checker.state(group, target)
            if known.state == health.HEALTHY:
                return ""
            if known.state == health.UNHEALTHY or time.monotonic() > end:
                return known.description
            time.sleep(_POLL)
        return ""

    def _fail(self, service: dict[str, Any], task: dict[str, Any], entry: dict[str, Any], why: str) -> None:
        """Stop a task that is not healthy, as the service scheduler does, and count it as a failure.

        The event's words are AWS's (docs.aws.amazon.com, AmazonECS, service-event-messages-list).
        """
        group, port = entry.get("targetGroupArn", ""), entry.get("containerPort", 80)
        reason = f"Task failed ELB health checks in (target-group {group}): {why}"
        if not ecs._mark_task_stopped(task["taskArn"], task, reason, "ServiceSchedulerInitiated"):
            return
        name, task_id = service.get("serviceName"), task["taskArn"].rsplit("/", 1)[-1]
        message = (
            f"(service {name}) (task {task_id}) (port {port}) is unhealthy in (target-group {group}) "
            f"due to (reason {why})."
        )
        service.get("events", []).insert(0, {"id": str(uuid.uuid4()), "createdAt": ecs._iso(), "message": message})
        ecs._cleanup_task_resources(task, ecs._get_docker())
        ecs._record_service_task_failure(task)

    def _lost(self, account: str, region: str, group: str, ip: str, description: str) -> None:
        """Replace the task behind a target that was healthy and is no more."""
        with request_scope(account, region):
            for service in list(ecs._services.values()):
                balanced = service.get("loadBalancers") or []
                entry = next((entry for entry in balanced if entry.get("targetGroupArn") == group), None)
                if entry is None:
                    continue
                for task in list(ecs._tasks.values()):
                    if task.get("group") == f"service:{service['serviceName']}" and ecs._task_ip(task) == ip:
                        self._fail(service, task, entry, description)

    def without_failed(self, original: Wrapped) -> Wrapped:
        """Once a rollback has completed, the deployment that failed is no longer listed."""

        def complete(cluster: str, key: str, expected_deployment_id: str | None = None) -> Any:
            result = original(cluster, key, expected_deployment_id)
            service = ecs._services.get(key)
            primary = ecs._primary_deployment(service) if service else None
            if primary and primary.get("rolloutState") == "COMPLETED":
                service["deployments"] = [
                    deployment
                    for deployment in service["deployments"]
                    if deployment.get("rolloutState") != "FAILED" or deployment.get("runningCount")
                ]
            return result

        return complete

    def drained(self, _original: Wrapped) -> Wrapped:
        """Stop a container when the requests that its task has in hand are answered: its target is already gone."""

        def remove(client: Any, reference: Any) -> None:
            container = _container(client, reference)
            if container is None:
                return
            timeout = _stop_timeout(container.labels)
            thread = threading.Thread(target=self._leave, args=(client, container, timeout), daemon=True)
            with self._starting:
                self._leaving.add(thread)
                thread.start()

        return remove

    def _leave(self, client: Any, container: Any, timeout: int) -> None:
        try:
            ip = _address(container)
            end = time.monotonic() + _DRAIN_LIMIT
            while taskdef.application(client.containers, container.labels) and time.monotonic() < end + timeout:
                time.sleep(_POLL)  # a sidecar ends after the application
            if container.status == "running":
                time.sleep(_POLL)  # a request that was just given to the target is counted by now
            while self.balancers.in_hand(ip) and time.monotonic() < end:
                time.sleep(_POLL)
            self.balancers.forget_target(ip)
            container.stop(timeout=timeout)
        finally:
            container.remove(force=True)
            self._leaving.discard(threading.current_thread())

    def with_client(self, original: Wrapped) -> Wrapped:
        """The containers of a crashed task are removed with it, not left to a reaper that comes every two minutes."""

        def cleanup(task: dict[str, Any], client: Any, extra_container: Any = None) -> Any:
            return original(task, client or ecs._get_docker(), extra_container)

        return cleanup

    def create_and_wait(self, original: Wrapped) -> Wrapped:
        """CloudFormation's create waits until the first deployment has completed."""

        def create(logical_id: str, props: dict[str, Any], stack: str) -> Any:
            props = _numbers(props)
            arn, attributes = original(logical_id, props, stack)
            service = _find(props, arn)
            service["healthCheckGracePeriodSeconds"] = props.get("HealthCheckGracePeriodSeconds", 0)
            service["propagateTags"] = props.get("PropagateTags", "NONE")
            service["enableECSManagedTags"] = bool(props.get("EnableECSManagedTags", False))
            service["enableExecuteCommand"] = bool(props.get("EnableExecuteCommand", False))
            with cloudformation.creating(stack, logical_id, SERVICE, arn, props, attributes):
                _settle(service)
            return arn, attributes

        return create

    def update_and_wait(self, original: Wrapped) -> Wrapped:
        """CloudFormation's update waits until the deployment that it started has ended."""

        def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Any:
            old, new = _numbers(old), _numbers(new)
            result = original(physical_id, old, new, stack)
            _settle(_find(new, physical_id))
            return result

        return update

    def delete_and_wait(self, original: Wrapped) -> Wrapped:
        """CloudFormation's delete waits until the containers are gone."""

        def delete(physical_id: str, props: dict[str, Any]) -> None:
            original(physical_id, props)
            end = time.monotonic() + _LEAVE_LIMIT
            with self._starting:  # a thread that has not started cannot be joined
                leaving = list(self._leaving)
            for thread in leaving:
                thread.join(max(0.0, end - time.monotonic()))

        return delete


def scheduled(original: Wrapped) -> Wrapped:
    """A task that the scheduler stops, to scale or to replace it, is not stopped by a user."""

    def mark_stopped(arn: str, task: dict[str, Any], reason: str, code: str, exit_code: int | None = None) -> Any:
        if code == "UserInitiated" and reason in _SCHEDULED:
            reason, code = f"Scaling activity initiated by ({_initiator(task)})", "ServiceSchedulerInitiated"
        return original(arn, task, reason, code, exit_code)

    return mark_stopped


def _initiator(task: dict[str, Any]) -> str:
    """The deployment that a service's task makes room for; the service, where it has none any more."""
    name = str(task.get("group")).removeprefix("service:")
    service = ecs._services.get(f"{ecs._cluster_name_from_arn(task.get('clusterArn', ''))}/{name}")
    primary = ecs._primary_deployment(service) if service else None
    return f"deployment {primary['id']}" if primary else f"service {name}"


def blocking(original: Wrapped) -> Wrapped:
    """What waits must not do it on the event loop."""
    return lambda resource_type: resource_type == SERVICE or original(resource_type)


def sent_back(original: Wrapped) -> Wrapped:
    """A service whose update failed is given its previous properties again."""
    return lambda resource_type: resource_type == SERVICE or original(resource_type)


def _numbers(props: dict[str, Any]) -> dict[str, Any]:
    """A parameter of type Number arrives as text."""
    names = ("DesiredCount", "HealthCheckGracePeriodSeconds")
    return {**props, **{name: int(props[name]) for name in names if name in props}}


def _find(props: dict[str, Any], arn: str) -> dict[str, Any]:
    cluster = ecs._resolve_cluster_name(props.get("Cluster", "default"))
    return ecs._services[f"{cluster}/{arn.rsplit('/', 1)[-1]}"]


def _settle(service: dict[str, Any]) -> None:
    """Wait until the service's newest deployment has completed; raise what CloudFormation says where it fails."""
    primary = ecs._primary_deployment(service)
    end = time.monotonic() + _ROLLOUT_LIMIT
    while time.monotonic() < end:
        deployment = next((entry for entry in service["deployments"] if entry["id"] == primary["id"]), None)
        if deployment is None or deployment["rolloutState"] == "FAILED":
            _wait_for_rollback(service, end)
            raise ValueError(
                _message("Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.")
            )
        if deployment["rolloutState"] == "COMPLETED" and deployment["status"] == "PRIMARY":
            return
        time.sleep(_POLL)
    raise ValueError(_message("Exceeded attempts to wait", "NotStabilized"))


def _wait_for_rollback(service: dict[str, Any], end: float) -> None:
    """Wait for the breaker's own rollback: another deployment started during it would leave no task at all."""
    while time.monotonic() < end:
        primary = ecs._primary_deployment(service)
        if primary is None or primary["rolloutState"] != "IN_PROGRESS":
            return
        time.sleep(_POLL)


def _message(text: str, code: str = "GeneralServiceException") -> str:
    return f'Resource handler returned message: "{text}" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})'


def _container(client: Any, reference: Any) -> Any:
    if client is None or reference is None:
        return None
    if not isinstance(reference, str):
        return reference
    try:
        return client.containers.get(reference)
    except Exception:  # already removed; the SDK's error types differ between the runtimes
        return None


def _address(container: Any) -> str:
    networks = container.attrs["NetworkSettings"]["Networks"]
    return next((str(network.get("IPAddress")) for network in networks.values()), "")


def _stop_timeout(labels: dict[str, str]) -> int:
    """Seconds between SIGTERM and SIGKILL that the task definition gives a container."""
    return int(taskdef.container(labels).get("stopTimeout") or _DEFAULT_STOP_TIMEOUT)
