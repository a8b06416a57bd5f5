"""Executions of pipelines against a running engine; the rules are our reading of the guide."""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
import unittest
import zipfile
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import botocore.session

from test_codepipeline import action
from testengine import Engine, raw_answer, unknown_members

ROLE = "arn:aws:iam::000000000000:role/pipeline"
EVENTS = "arn:aws:sqs:eu-west-1:000000000000:events"

# What the project of all builds here runs: the variable RUN.
BUILDSPEC = """
version: 0.2
env: {exported-variables: [OUT, SEEN]}
phases:
  build:
    commands: ['eval "$RUN"']
cache: {paths: [cache/deep/**/*, ../out, /etc/hosts]}
artifacts: {files: [out.txt], secondary-artifacts: {Second: {files: [second.txt]}}}
"""


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return buffer.getvalue()


def build(name: str, run: str, *inputs: str, order: int = 1, outputs: tuple[str, ...] = (), **more: Any) -> Any:
    """An action that runs commands on the source and other artifacts."""
    variables = json.dumps([{"name": "RUN", "value": run}])
    inputs = inputs or ("Source",)
    return action(
        "Build",
        "CodeBuild",
        inputArtifacts=[{"name": i} for i in inputs],
        outputArtifacts=[{"name": o} for o in outputs],
        configuration={"ProjectName": "run", "EnvironmentVariables": variables, "PrimarySource": inputs[0]},
        runOrder=order,
    ) | {"name": name, **more}


def approval(name: str, order: int = 1, **configuration: str) -> Any:
    return action("Approval", "Manual", runOrder=order, configuration=configuration) | {"name": name}


class PipelineTest(unittest.TestCase):
    engine: Engine

    @classmethod
    def setUpClass(cls) -> None:
        engine = Engine()
        cls.addClassCleanup(engine.close)
        prepare(engine)
        use(cls, engine)

    def pipeline(self, name: str, *stages: list[Any], **more: Any) -> None:
        """Makes a pipeline, with a source of its own, whose stages are called A, B, C..."""
        self.s3.put_object(Bucket="sources", Key=f"{name}.zip", Body=zipped(buildspec_yml=BUILDSPEC, file_txt="one"))
        self.pipelines.create_pipeline(pipeline=declare(name, *stages, **more))

    def executions(self, name: str) -> list[Any]:
        """The newest first."""
        return self.pipelines.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]

    def statuses(self, name: str) -> list[str]:
        """The oldest first."""
        return [e["status"] for e in reversed(self.executions(name))]

    def state(self, name: str) -> dict[str, Any]:
        return {s["stageName"]: s for s in self.pipelines.get_pipeline_state(name=name)["stageStates"]}

    def latest(self, name: str, stage: str, number: int = 0) -> Any:
        return self.state(name)[stage]["actionStates"][number].get("latestExecution", {})

    def history(self, name: str) -> list[Any]:
        """The oldest first."""
        return self.pipelines.list_action_executions(pipelineName=name)["actionExecutionDetails"][::-1]

    def wait(self, condition: Callable[[], Any], show: Callable[[], Any] = lambda: None) -> Any:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            found = condition()
            if found:
                return found
            time.sleep(0.03)
        raise AssertionError(f"it does not happen: {show()}")

    def ends(self, name: str, *want: str) -> None:
        """Waits until the executions have these statuses, the oldest first."""
        self.wait(lambda: self.statuses(name) == list(want), lambda: (self.statuses(name), self.history(name)))

    def waits(self, name: str, stage: str) -> str:
        """Waits for an approval; its token."""
        return self.wait(lambda: self.latest(name, stage).get("token"), lambda: self.history(name))

    def decide(self, name: str, stage: str, token: str, status: str = "Approved") -> None:
        self.pipelines.put_approval_result(
            pipelineName=name,
            stageName=stage,
            actionName="Ask",
            token=token,
            result={"summary": "looked", "status": status},
        )

    def start(self, name: str, **more: Any) -> str:
        return self.pipelines.start_pipeline_execution(name=name, **more)["pipelineExecutionId"]

    def fails(self, code: str, call: Callable[..., Any], **request: Any) -> str:
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**request)
        self.assertIsInstance(caught.exception, getattr(self.pipelines.exceptions, code))
        return caught.exception.response["Error"]["Message"]


def use(story: Any, engine: Engine) -> None:
    """Has a test, or the class of some, talk to an engine."""
    client = engine.client
    story.engine, story.pipelines = engine, client("codepipeline")
    story.s3, story.builds, story.events = client("s3"), client("codebuild"), client("events")
    story.sns, story.sqs = client("sns"), client("sqs")


def prepare(engine: Engine) -> None:
    """Buckets, and the project that all builds here are of."""
    s3 = engine.client("s3")
    for bucket in ("sources", "artifacts"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket="sources", VersioningConfiguration={"Status": "Enabled"})
    engine.client("codebuild").create_project(
        name="run",
        source={"type": "CODEPIPELINE"},
        artifacts={"type": "CODEPIPELINE"},
        serviceRole="arn:aws:iam::000000000000:role/build",
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
    )


def declare(name: str, *stages: list[Any], **more: Any) -> dict[str, Any]:
    source = action(
        "Source",
        "S3",
        namespace="From",
        outputArtifacts=[{"name": "Source"}],
        configuration={"S3Bucket": "sources", "S3ObjectKey": f"{name}.zip", "PollForSourceChanges": "false"},
    )
    named = [{"name": "ABCD"[number], "actions": actions} for number, actions in enumerate(stages)]
    return {
        "name": name,
        "roleArn": ROLE,
        "pipelineType": "V2",
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": [{"name": "Source", "actions": [source]}, *named],
    } | more


def meeting(mark: str, other: str) -> str:
    """Leaves a mark and waits for another's, and for its own folder to be nobody else's."""
    wait = f"for i in $(seq 100); do test -f {other} && break; sleep 0.05; done"
    return f"touch {mark} own-{mark[-1]}; {wait}; test -f {other} && test $(ls own-* | wc -l) = 1"


class SeveralBuildsTest(PipelineTest):
    @classmethod
    def setUpClass(cls) -> None:
        engine = Engine(SLIPWAY_LOCAL_BUILDS="2")
        cls.addClassCleanup(engine.close)
        prepare(engine)
        use(cls, engine)

    def test_as_many_run_at_once_as_is_said(self) -> None:
        mark = f"/tmp/{self.engine.port}"
        crowd = f"for SLOT in 1 2 no; do mkdir {mark}-at-$SLOT 2>/dev/null && break; done; test $SLOT != no"
        self.addCleanup(lambda: [os.remove(f"{mark}-{name}") for name in "ab"])
        self.pipeline(
            "several",
            [build("One", meeting(f"{mark}-a", f"{mark}-b")), build("Two", meeting(f"{mark}-b", f"{mark}-a"))],
            [build(name, f"{crowd}; sleep 0.3; rmdir {mark}-at-$SLOT") for name in ("P", "Q", "R", "S")],
        )
        self.ends("several", "Succeeded")


class RunTest(PipelineTest):
    def test_builds_run_one_at_a_time(self) -> None:
        lock = f"/tmp/{self.engine.port}-lock"
        run = f"mkdir {lock} && sleep 0.3 && rmdir {lock}"
        self.pipeline("alone", [build("One", run), build("Two", run), build("Three", run)])
        self.ends("alone", "Succeeded")

    def test_from_source_to_the_end(self) -> None:
        topic = self.sns.create_topic(Name="approvals")["TopicArn"]
        queue = self.sqs.create_queue(QueueName="approvals")["QueueUrl"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:000000000000:approvals")
        make = "printf two >out.txt; export OUT='a \"quoted\" value'"
        use = (
            'export SEEN="$(cat file.txt) $(cat $CODEBUILD_SRC_DIR_Made/out.txt) $CODEBUILD_INITIATOR '
            '#{codepipeline.PipelineExecutionId} #{Makes.OUT} $CODEBUILD_RESOLVED_SOURCE_VERSION"'
        )
        self.pipeline(
            "whole-with-a-very-long-name",
            [build("Make", make, outputs=("Made",), namespace="Makes")],
            [
                approval(
                    "Ask", NotificationArn=topic, CustomData="of #{From.VersionId}", ExternalEntityLink="http://x"
                ),
                build("Use", use, "Source", "Made", order=2),
            ],
        )
        name = "whole-with-a-very-long-name"
        token = self.waits(name, "B")
        execution = self.executions(name)[0]
        self.assertEqual(execution["trigger"]["triggerType"], "CreatePipeline")
        revision = execution["sourceRevisions"][0]
        self.assertEqual(revision["revisionSummary"], f"Amazon S3 version id: {revision['revisionId']}")
        said = json.loads(json.loads(self.receive(queue))["Message"])["approval"]
        self.assertEqual((said["token"], said["customData"]), (token, f"of {revision['revisionId']}"))
        self.assertEqual(said["externalEntityLink"], "http://x")
        self.fails("InvalidApprovalTokenException", self.decide, name=name, stage="B", token="0" * 8)
        self.decide(name, "B", token)
        self.fails("ApprovalAlreadyCompletedException", self.decide, name=name, stage="B", token=token)
        self.ends(name, "Succeeded")
        self.check_history(name, execution["pipelineExecutionId"], revision["revisionId"])

    def receive(self, queue: str) -> str:
        got = self.wait(lambda: self.sqs.receive_message(QueueUrl=queue).get("Messages"))
        return got[0]["Body"]

    def check_history(self, name: str, execution: str, revision: str) -> None:
        source, make, ask, use = self.history(name)
        self.assertEqual({a["status"] for a in (source, make, ask, use)}, {"Succeeded"})
        self.assertEqual(source["output"]["outputVariables"]["VersionId"], revision)
        place = make["output"]["outputArtifacts"][0]["s3location"]
        self.assertRegex(place["key"], r"^whole-with-a-very-lo/Made/\w{7}$")
        self.assertRegex(source["output"]["outputArtifacts"][0]["s3location"]["key"], r"/Source/\w{7}\.zip$")
        self.assertEqual(self.unzipped(place), {"out.txt": "two"})
        self.assertEqual(use["input"]["inputArtifacts"][1], {"name": "Made", "s3location": place})
        seen = use["output"]["outputVariables"]["SEEN"]
        self.assertEqual(seen, f"one two codepipeline/{name} {execution} a quoted value {revision}")
        got = self.builds.batch_get_builds(ids=[use["output"]["executionResult"]["externalExecutionId"]])["builds"][0]
        self.assertEqual((got["source"]["type"], got["initiator"]), ("CODEPIPELINE", f"codepipeline/{name}"))
        shown = self.pipelines.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)
        self.assertEqual(shown["pipelineExecution"]["artifactRevisions"][0]["revisionId"], revision)
        state = self.state(name)
        self.assertEqual(state["B"]["latestExecution"]["status"], "Succeeded")
        self.assertEqual(state["B"]["actionStates"][0]["latestExecution"]["summary"], "looked")
        self.assertEqual(state["Source"]["actionStates"][0]["currentRevision"]["revisionId"], revision)

    def unzipped(self, place: dict[str, str]) -> dict[str, str]:
        body = self.s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return {n: archive.read(n).decode() for n in archive.namelist()}

    def test_what_runs_at_once_and_what_after_it(self) -> None:
        mark = f"/tmp/{self.engine.port}"
        self.pipeline(
            "orders",
            [
                build("Late", f"test -f {mark}-a -a -f {mark}-b; rm {mark}-a {mark}-b", order=2),
                build("One", f"touch {mark}-a"),
                build("Two", f"touch {mark}-b"),
                approval("Ask"),
            ],
        )
        self.wait(lambda: [a["status"] for a in self.history("orders")] == ["Succeeded"] * 3 + ["InProgress"])
        names = {a["actionName"] for a in self.history("orders")}
        self.assertEqual(names, {"Source", "One", "Two", "Ask"})
        token = self.state("orders")["A"]["actionStates"][3]["latestExecution"]["token"]
        self.decide("orders", "A", token)
        self.ends("orders", "Succeeded")

    def test_a_cache_is_there_for_the_next_build_of_the_project(self) -> None:
        self.pipeline(
            "cached", [build("Fill", "echo kept >cache/deep/file"), build("Read", "cat cache/deep/file", order=2)]
        )
        self.ends("cached", "Succeeded")

    def test_several_outputs_are_told_apart(self) -> None:
        make = "echo first >out.txt; echo second >second.txt"
        self.pipeline("outputs", [build("Make", make, outputs=("First", "Second"))])
        self.ends("outputs", "Failed")
        self.assertIn("no definition for selected secondary artifact First", self.error("outputs"))

    def error(self, name: str) -> str:
        """The message of the last action that failed."""
        failed = [a for a in self.history(name) if a["status"] == "Failed"]
        return failed[-1]["output"]["executionResult"]["errorDetails"]["message"]

    def test_failure_and_retry(self) -> None:
        flag = f"/tmp/{self.engine.port}-flag"
        self.pipeline("again", [build("Good", "true"), build("Bad", f"test -f {flag} || exit 3")])
        self.ends("again", "Failed")
        self.assertEqual(
            self.error("again"),
            "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, "
            'Message: Error while executing command: eval "$RUN". Reason: exit status 3',
        )
        self.assertEqual(self.state("again")["A"]["latestExecution"]["status"], "Failed")
        first = self.executions("again")[0]["pipelineExecutionId"]
        retry: dict[str, Any] = {"pipelineName": "again", "stageName": "A", "pipelineExecutionId": first}
        self.pipelines.retry_stage_execution(**retry, retryMode="FAILED_ACTIONS")
        self.wait(lambda: len(self.history("again")) == 4)
        self.ends("again", "Failed")
        with open(flag, "w"):
            self.pipelines.retry_stage_execution(**retry, retryMode="ALL_ACTIONS")
        self.ends("again", "Succeeded")
        names = [a["actionName"] for a in self.history("again")]
        self.assertEqual((names.count("Good"), names.count("Bad")), (2, 3))
        state = self.state("again")["A"]
        self.assertEqual(state["retryStageMetadata"]["manualStageRetryAttempt"], 2)
        call = self.pipelines.retry_stage_execution
        self.fails("StageNotRetryableException", call, **retry, retryMode="FAILED_ACTIONS")
        self.fails("StageNotFoundException", call, **retry | {"stageName": "X"}, retryMode="FAILED_ACTIONS")
        latest = {"pipelineExecutionId": first, "startTimeRange": "Latest"}
        shown = self.pipelines.list_action_executions(
            pipelineName="again", filter={"latestInPipelineExecution": latest}
        )
        self.assertEqual(len(shown["actionExecutionDetails"]), 3)
        first_page = self.pipelines.list_action_executions(pipelineName="again", maxResults=4)
        second = self.pipelines.list_action_executions(pipelineName="again", nextToken=first_page["nextToken"])
        self.assertEqual(len(second["actionExecutionDetails"]), 2)

    def test_a_stage_that_is_tried_again_by_itself(self) -> None:
        declared = declare("itself", [build("Bad", "false")])
        declared["stages"][1]["onFailure"] = {
            "result": "RETRY",
            "retryConfiguration": {"retryMode": "FAILED_ACTIONS"},
        }
        self.s3.put_object(Bucket="sources", Key="itself.zip", Body=zipped(buildspec_yml=BUILDSPEC))
        self.pipelines.create_pipeline(pipeline=declared)
        self.ends("itself", "Failed")
        self.assertEqual(len(self.history("itself")), 3)
        self.assertEqual(self.state("itself")["A"]["retryStageMetadata"]["autoStageRetryAttempt"], 1)

    def test_a_newer_execution_overtakes_the_one_that_waits(self) -> None:
        self.pipeline("overtaken", [approval("Ask")], [build("After", "true")])
        token = self.waits("overtaken", "A")
        for number in (2, 3):
            self.start("overtaken")
            waiting = self.wait(lambda n=number: self.inbound("overtaken", n))
            self.assertEqual(len(waiting), 1)
        self.assertEqual(self.statuses("overtaken"), ["InProgress", "Superseded", "InProgress"])
        self.decide("overtaken", "A", token)
        self.wait(lambda: self.latest("overtaken", "A").get("token", token) != token)
        self.decide("overtaken", "A", self.waits("overtaken", "A"))
        self.ends("overtaken", "Succeeded", "Superseded", "Succeeded")

    def test_executions_in_parallel(self) -> None:
        self.pipeline("parallel", [approval("Ask")], executionMode="PARALLEL")
        self.start("parallel")

        def asked() -> list[Any]:
            return [a for a in self.history("parallel") if a["actionName"] == "Ask" and a["status"] == "InProgress"]

        self.wait(lambda: len(asked()) == 2)
        self.decide("parallel", "A", self.waits("parallel", "A"))
        self.wait(lambda: self.statuses("parallel") == ["InProgress", "Succeeded"])

    def inbound(self, name: str, count: int) -> list[Any]:
        """What waits in front of stage A, once that many executions have their source."""
        sources = [a for a in self.history(name) if a["actionName"] == "Source" and a["status"] == "Succeeded"]
        return self.state(name)["A"].get("inboundExecutions", []) if len(sources) == count else []

    def test_a_queue_keeps_all_in_order(self) -> None:
        self.pipeline("queued", [approval("Ask")], executionMode="QUEUED")
        tokens = [self.waits("queued", "A")]
        self.start("queued")
        self.start("queued")
        self.wait(lambda: len(self.inbound("queued", 3)) == 2)
        for number in range(3):
            self.decide("queued", "A", tokens[-1])
            done = ["Succeeded"] * (number + 1)
            self.wait(lambda d=done: self.statuses("queued")[: len(d)] == d)
            if number < 2:
                tokens.append(self.waits("queued", "A"))
        self.ends("queued", *["Succeeded"] * 3)

    def test_a_rejection(self) -> None:
        self.pipeline("rejected", [approval("Ask"), build("After", "true", order=2)])
        self.decide("rejected", "A", self.waits("rejected", "A"), "Rejected")
        self.ends("rejected", "Failed")
        self.assertIn("looked", self.error("rejected"))
        self.assertEqual(len(self.history("rejected")), 2)

    def test_stop_and_wait_and_stop_and_abandon(self) -> None:
        flag = f"/tmp/{self.engine.port}-go"
        self.pipeline(
            "stopped", [build("Slow", f"until test -f {flag}; do sleep 0.1; done"), build("After", "true", order=2)]
        )
        self.wait(lambda: self.latest("stopped", "A").get("externalExecutionId"))
        stop: dict[str, Any] = {
            "pipelineName": "stopped",
            "pipelineExecutionId": self.executions("stopped")[0]["pipelineExecutionId"],
        }
        call = self.pipelines.stop_pipeline_execution
        call(**stop, reason="enough")
        self.assertEqual(self.statuses("stopped"), ["Stopping"])
        self.assertEqual(self.state("stopped")["A"]["latestExecution"]["status"], "Stopping")
        self.fails("DuplicatedStopRequestException", call, **stop)
        with open(flag, "w"):
            self.ends("stopped", "Stopped")
        self.assertEqual(self.executions("stopped")[0]["stopTrigger"], {"reason": "enough"})
        self.assertEqual([a["status"] for a in self.history("stopped")], ["Succeeded"] * 2)
        self.fails("PipelineExecutionNotStoppableException", call, **stop)
        self.pipelines.retry_stage_execution(**stop, stageName="A", retryMode="FAILED_ACTIONS")
        self.ends("stopped", "Succeeded")

    def test_stop_and_abandon(self) -> None:
        self.pipeline("abandoned", [approval("Ask")])
        self.waits("abandoned", "A")
        stop = {
            "pipelineName": "abandoned",
            "pipelineExecutionId": self.executions("abandoned")[0]["pipelineExecutionId"],
        }
        self.pipelines.stop_pipeline_execution(**stop)
        self.pipelines.stop_pipeline_execution(**stop, abandon=True)
        self.ends("abandoned", "Stopped")
        self.assertEqual(self.history("abandoned")[-1]["status"], "Abandoned")

    def test_a_held_stage(self) -> None:
        self.pipeline("held", [approval("Ask")], [build("After", "true")])
        hold: dict[str, Any] = {"pipelineName": "held", "stageName": "B", "transitionType": "Inbound"}
        self.pipelines.disable_stage_transition(**hold, reason="not today")
        transition = self.state("held")["B"]["inboundTransitionState"]
        self.assertEqual((transition["enabled"], transition["disabledReason"]), (False, "not today"))
        self.decide("held", "A", self.waits("held", "A"))
        waiting = self.wait(lambda: self.state("held")["B"].get("inboundExecution"))
        self.assertEqual(waiting["status"], "InProgress")
        self.assertNotIn("latestExecution", self.state("held")["B"])
        self.pipelines.enable_stage_transition(**hold)
        self.ends("held", "Succeeded")

    def test_events_are_told_in_order(self) -> None:
        queue = self.sqs.create_queue(QueueName="events")["QueueUrl"]
        pattern = {"source": ["aws.codepipeline"], "detail": {"pipeline": ["told"]}}
        self.events.put_rule(Name="told", EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule="told", Targets=[{"Id": "q", "Arn": EVENTS}])
        self.pipeline("told", [build("Bad", "exit 5")])
        self.ends("told", "Failed")
        got: list[Any] = []
        self.wait(lambda: got.extend(self.received(queue)) or len(got) == 8, lambda: got)
        told = [(e["detail-type"].split()[1], e["detail"]["state"]) for e in got]
        self.assertEqual(
            told,
            [
                ("Pipeline", "STARTED"),
                ("Stage", "STARTED"),
                ("Action", "STARTED"),
                ("Action", "SUCCEEDED"),
                ("Stage", "SUCCEEDED"),
                ("Stage", "STARTED"),
                ("Action", "STARTED"),
                ("Action", "FAILED"),
            ],
        )
        failed = got[-1]
        self.assertEqual((failed["detail"]["stage"], failed["detail"]["action"]), ("A", "Bad"))
        self.assertEqual(failed["detail"]["execution-result"]["error-code"], "JobFailed")
        self.assertIn("exit status 5", failed["detail"]["execution-result"]["external-execution-summary"])
        self.assertRegex(failed["detail"]["execution-result"]["external-execution-url"], "/builds/run:[0-9a-f-]+/view")
        self.assertEqual(got[0]["detail"]["execution-trigger"]["trigger-type"], "CreatePipeline")

    def received(self, queue: str) -> list[Any]:
        messages = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1).get("Messages", [])
        return [json.loads(m["Body"]) for m in messages]

    def test_a_misspelt_reference_and_a_missing_source(self) -> None:
        self.pipeline("misspelt", [build("Use", "echo #{From.VersionID}")])
        self.ends("misspelt", "Failed")
        known = "namespace From has BucketName, ETag, ObjectKey, VersionId"
        self.assertIn(f"#{{From.VersionID}} cannot be resolved: {known}", self.error("misspelt"))
        self.pipelines.create_pipeline(pipeline=declare("missing", [build("Use", "true")]))
        self.ends("missing", "Failed")
        self.assertIn("'missing.zip' does not exist in bucket sources", self.error("missing"))

    def test_an_update_cancels_and_a_deletion_ends(self) -> None:
        self.pipeline("changed", [approval("Ask")])
        token = self.waits("changed", "A")
        self.pipelines.update_pipeline(pipeline=declare("changed", [build("Slow", "sleep 600")]))
        self.assertEqual(self.statuses("changed"), ["Cancelled"])
        gone = {"pipelineName": "changed", "stageName": "A", "actionName": "Ask", "token": token}
        result = {"summary": "late", "status": "Approved"}
        self.fails("ActionNotFoundException", self.pipelines.put_approval_result, **gone, result=result)
        self.start("changed")
        build_id = self.wait(lambda: self.latest("changed", "A").get("externalExecutionId"))
        self.pipelines.delete_pipeline(name="changed")
        self.wait(lambda: self.builds.batch_get_builds(ids=[build_id])["builds"][0]["buildStatus"] == "STOPPED")

    def test_variables_and_revisions_of_one_execution(self) -> None:
        declared = declare("given", [build("Use", "export OUT='#{variables.WHO} #{variables.WHAT}'")])
        declared["variables"] = [{"name": "WHO"}, {"name": "WHAT", "defaultValue": "it"}]
        body = zipped(buildspec_yml=BUILDSPEC)
        first = self.s3.put_object(Bucket="sources", Key="given.zip", Body=body)["VersionId"]
        self.s3.put_object(Bucket="sources", Key="given.zip", Body=b"no zip")
        self.pipelines.create_pipeline(pipeline=declared)
        self.assertEqual(self.executions("given"), [])
        self.fails("ValidationException", self.start, name="given")
        self.start("given", variables=[{"name": "WHO", "value": "somebody"}])
        self.ends("given", "Failed")
        revision = {"actionName": "Source", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": first}
        self.start("given", variables=[{"name": "WHO", "value": "me"}], sourceRevisions=[revision])
        self.ends("given", "Failed", "Succeeded")
        self.assertEqual(self.history("given")[-1]["output"]["outputVariables"]["OUT"], "me it")

    def test_answers_hold_nothing_that_the_model_lacks(self) -> None:
        self.pipeline("model", [build("Make", "touch out.txt", outputs=("Made",))], [approval("Ask")])
        self.waits("model", "B")
        self.start("model")
        self.wait(lambda: self.inbound("model", 2) or len(self.history("model")) > 4)
        execution = self.executions("model")[0]["pipelineExecutionId"]
        model = botocore.session.get_session().get_service_model("codepipeline")
        for operation, request in (
            ("GetPipelineState", {"name": "model"}),
            ("ListPipelineExecutions", {"pipelineName": "model"}),
            ("ListActionExecutions", {"pipelineName": "model"}),
            ("GetPipelineExecution", {"pipelineName": "model", "pipelineExecutionId": execution}),
        ):
            raw = raw_answer(self.engine.url, f"CodePipeline_20150709.{operation}", request)
            self.assertEqual(unknown_members(model.operation_model(operation).output_shape, raw), [])


class RestartTest(unittest.TestCase):
    def test_approvals_outlive_a_restart_and_builds_do_not(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            kept = {"PERSIST_STATE": "1", "STATE_DIR": state, "S3_PERSIST": "1", "S3_DATA_DIR": f"{state}/s3"}
            first, story = Engine(**kept), RunTest()
            self.addCleanup(first.close)
            prepare(first)
            use(story, first)
            story.pipeline("asks", [approval("Ask")])
            story.pipeline("builds", [build("Slow", "sleep 600")])
            token = story.waits("asks", "A")
            story.wait(lambda: story.latest("builds", "A").get("externalExecutionId"))
            first.stop()
            second = Engine(**kept)
            self.addCleanup(second.close)
            use(story, second)
            story.ends("builds", "Failed")
            self.assertEqual(story.error("builds"), "the local engine was stopped")
            story.decide("asks", "A", token)
            story.ends("asks", "Succeeded")
            second.stop()


if __name__ == "__main__":
    unittest.main()
