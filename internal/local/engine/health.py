"""Real health checks of target groups, where the emulator calls every registered target healthy.

Time is compressed: a check comes every quarter of a second, whatever the interval. One good answer makes a
starting target healthy; bad answers make it unhealthy after STATUS_PATIENCE, no answers after CONNECT_PATIENCE.
"""

from __future__ import annotations

import concurrent.futures
import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import alb

INTERVAL = 0.25  # seconds between two checks of one target
STATUS_PATIENCE = 2.0  # seconds in which a starting target may answer with a wrong status
CONNECT_PATIENCE = 8.0  # seconds in which a starting target may not answer at all
_TIMEOUT = 2.0  # seconds for one answer

INITIAL, HEALTHY, UNHEALTHY = "initial", "healthy", "unhealthy"

Key = tuple[str, str, int]  # target group, target's address, target's port


@dataclass
class Target:
    """What the checks of one target have shown."""

    state: str = INITIAL
    reason: str = "Elb.InitialHealthChecking"
    description: str = "Initial health checks in progress"
    failures: int = 0
    since: float = field(default_factory=time.monotonic)
    running: bool = False

    def good(self) -> None:
        self.state, self.reason, self.description, self.failures = HEALTHY, "", "", 0

    def bad(self, reason: str, description: str, threshold: int) -> None:
        """Count a failure; after enough of them the target is unhealthy."""
        self.failures += 1
        if self.state == HEALTHY:
            over = self.failures >= threshold
        else:
            patience = STATUS_PATIENCE if reason == "Target.ResponseCodeMismatch" else CONNECT_PATIENCE
            over = time.monotonic() - self.since > patience
        if over:
            self.state, self.reason = UNHEALTHY, reason
        if self.state == UNHEALTHY or reason == "Target.ResponseCodeMismatch":
            self.description = description


def _matches(matcher: str, status: int) -> bool:
    """Whether a status is in a list such as 200,204 or 200-299."""
    for part in matcher.split(","):
        low, _, high = part.partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False


class Checker:
    """Checks all targets of all groups until the process ends.

    reach tells where an address is really listened on; lost is told (account, Region, group, address, why) when a
    healthy target turns unhealthy.
    """

    def __init__(
        self, reach: Callable[[str, int], tuple[str, int]], lost: Callable[[str, str, str, str, str], None]
    ) -> None:
        self._reach = reach
        self._lost = lost
        self._targets: dict[Key, Target] = {}
        self._pool = concurrent.futures.ThreadPoolExecutor(16, thread_name_prefix="slipway-health")

    def start(self) -> None:
        threading.Thread(target=self._run, name="slipway-health", daemon=True).start()

    def state(self, group: str, target: dict[str, Any]) -> Target:
        """What is known of a target; one never seen is initial."""
        return self._targets.get(_key(group, target)) or Target()

    def _run(self) -> None:
        while True:
            seen: set[Key] = set()
            for account, group in list(alb._targets._data):
                seen |= self._check_group(account, group)
            for key in set(self._targets) - seen:
                self._targets.pop(key, None)
            time.sleep(INTERVAL)

    def _check_group(self, account: str, arn: str) -> set[Key]:
        region = arn.split(":")[3]
        with request_scope(account, region):
            group, registered = alb._tgs.get(arn), list(alb._targets.get(arn) or [])
        if not group or group.get("TargetType") != "ip":
            return set()
        keys = set()
        for entry in registered:
            key = _key(arn, entry)
            keys.add(key)
            target = self._targets.setdefault(key, Target())
            if not target.running:
                target.running = True
                self._pool.submit(self._check, account, region, group, key, target)
        return keys

    def _check(self, account: str, region: str, group: dict[str, Any], key: Key, target: Target) -> None:
        before = target.state
        try:
            reason, description = self._probe(group, key)
            if reason:
                target.bad(reason, description, int(group.get("UnhealthyThresholdCount") or 2))
            else:
                target.good()
        finally:
            target.running = False
        if before == HEALTHY and target.state == UNHEALTHY:
            self._lost(account, region, key[0], key[1], target.description)

    def _probe(self, group: dict[str, Any], key: Key) -> tuple[str, str]:
        """One check: the reason and description of a failure, or two empty strings."""
        connection = http.client.HTTPConnection(*self._reach(key[1], key[2]), timeout=_TIMEOUT)
        try:
            connection.request(
                "GET", group.get("HealthCheckPath") or "/", headers={"User-Agent": "ELB-HealthChecker/2.0"}
            )
            status = connection.getresponse().status
        except TimeoutError:
            return "Target.Timeout", "Request timed out"
        except (OSError, http.client.HTTPException):
            return "Target.FailedHealthChecks", "Health checks failed"
        finally:
            connection.close()
        if _matches(str((group.get("Matcher") or {}).get("HttpCode") or "200"), status):
            return "", ""
        return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]"

    def describe(self, _original: Callable[..., Any]) -> Callable[..., Any]:
        """DescribeTargetHealth with what the checks have shown."""

        def describe_target_health(params: dict[str, Any]) -> Any:
            arn = alb._p(params, "TargetGroupArn")
            if arn not in alb._tgs:
                return alb._error("TargetGroupNotFound", f"Target group '{arn}' not found.")
            wanted = {target["Id"] for target in alb._parse_targets_param(params)}
            members = "".join(
                self._member(arn, target)
                for target in alb._targets.get(arn, [])
                if not wanted or target["Id"] in wanted
            )
            body = f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>"
            return alb._xml(200, "DescribeTargetHealth", body)

        return describe_target_health

    def _member(self, arn: str, entry: dict[str, Any]) -> str:
        target = self.state(arn, entry)
        why = ""
        if target.state != HEALTHY:
            why = f"<Reason>{target.reason}</Reason><Description>{target.description}</Description>"
        return (
            f"<member><Target><Id>{entry['Id']}</Id><Port>{entry.get('Port')}</Port></Target>"
            f"<TargetHealth><State>{target.state}</State>{why}</TargetHealth></member>"
        )


def _key(group: str, target: dict[str, Any]) -> Key:
    return group, str(target["Id"]), int(target.get("Port") or 80)
