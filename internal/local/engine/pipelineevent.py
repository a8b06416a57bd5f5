"""What a pipeline says to others: events on the default bus, and messages about approvals.

https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-json-format.html
"""

from __future__ import annotations

import contextvars
import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, sns

JSON = dict[str, Any]

logger = logging.getLogger("codepipeline")

# One thread delivers, in the order of what happened; whoever has something to say must not wait for subscribers.
_waiting: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()


def start() -> None:
    threading.Thread(target=_deliver, daemon=True, name="pipeline-events").start()


def _deliver() -> None:
    while True:
        say = _waiting.get()
        try:
            say()
        except Exception:
            logger.exception("an event of a pipeline was not delivered")


def _later(say: Callable[..., Any], *args: Any) -> None:
    context = contextvars.copy_context()
    _waiting.put(lambda: context.run(say, *args))


def arn(name: str) -> str:
    return f"arn:aws:codepipeline:{get_region()}:{get_account_id()}:{name}"


def _emit(level: str, pipeline: JSON, execution: JSON, state: str, detail: JSON) -> None:
    common = {
        "pipeline": pipeline["name"],
        "execution-id": execution["id"],
        "state": state,
        "version": execution["version"],
        "pipeline-execution-attempt": execution["attempt"],
    }
    entry = {
        "Source": "aws.codepipeline",
        "DetailType": f"CodePipeline {level} Execution State Change",
        "Detail": json.dumps(common | detail),
        "Resources": [arn(pipeline["name"])],
    }
    _later(lambda: eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True))


def of_pipeline(pipeline: JSON, execution: JSON, state: str) -> None:
    detail: JSON = {}
    if state == "STARTED":
        trigger = execution["trigger"]
        detail["execution-trigger"] = {
            "trigger-type": trigger["triggerType"],
            "trigger-detail": trigger["triggerDetail"],
        }
    if state in ("STOPPING", "STOPPED"):
        detail["stop-execution-comments"] = execution["stopReason"]
    _emit("Pipeline", pipeline, execution, state, detail)


def of_stage(pipeline: JSON, execution: JSON, stage: str, state: str) -> None:
    _emit("Stage", pipeline, execution, state, {"stage": stage})


def of_action(pipeline: JSON, execution: JSON, action: JSON) -> None:
    """The event of an action's present status."""
    kind, result = action["input"]["actionTypeId"], action["result"]
    state = {"InProgress": "STARTED"}.get(action["status"], action["status"].upper())
    detail: JSON = {
        "stage": action["stage"],
        "action": action["action"],
        "region": get_region(),
        "type": {key: kind[key] for key in ("owner", "provider", "category", "version")},
    }
    if state == "STARTED":
        detail["input-artifacts"] = _places(action["input"]["inputArtifacts"])
    if state in ("SUCCEEDED", "FAILED"):
        error = result.get("errorDetails", {})
        told = {
            "external-execution-id": result.get("externalExecutionId"),
            "external-execution-url": result.get("externalExecutionUrl"),
            "external-execution-summary": error.get("message") or result.get("externalExecutionSummary"),
            "error-code": error.get("code"),
        }
        detail["execution-result"] = {key: value for key, value in told.items() if value}
    if state == "SUCCEEDED":
        detail["output-artifacts"] = _places(action["outputs"])
    _emit("Action", pipeline, execution, state, detail)


def _places(artifacts: list[JSON]) -> list[JSON]:
    return [{"name": a["name"], "s3location": a["s3location"]} for a in artifacts]


def ask_for_approval(pipeline: JSON, action: JSON, configuration: JSON) -> None:
    """Publishes what an approver must know to the action's topic; no topic, no message."""
    if not configuration.get("NotificationArn"):
        return
    region, name = get_region(), pipeline["name"]
    link = f"https://console.aws.amazon.com/codepipeline/home?region={region}#/view/{name}"
    approval = {
        "pipelineName": name,
        "stageName": action["stage"],
        "actionName": action["action"],
        "token": action["token"],
        "expires": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(action["expires"])),
        "externalEntityLink": configuration.get("ExternalEntityLink"),
        "approvalReviewLink": f"{link}/{action['stage']}/{action['action']}/approve/{action['token']}",
        "customData": configuration.get("CustomData"),
    }
    message = {"region": region, "consoleLink": link, "approval": approval}
    subject = f"APPROVAL NEEDED: AWS CodePipeline {name} for action {action['action']}"
    _later(_publish, configuration["NotificationArn"], json.dumps(message), subject[:100])


def _publish(topic: str, message: str, subject: str) -> None:
    if sns.publish_internal(topic, message, subject) is None:
        logger.error("an approval waits, and its topic %s does not exist", topic)
