"""Executions of pipelines against a running engine; the rules are our reading of the guide."""

from __future__ import annotations

import io
import json
import time
import unittest
import zipfile
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import botocore.session

from test_codepipeline import action
from testengine import Engine

ROLE = "arn:aws:iam::000000000000:role/pipeline"
EVENTS = "arn:aws:sqs:eu-west-1:000000000000:events"

# What the project of all builds here runs: the variable RUN.
BUILDSPEC = """
version: 0.2
env: {exported-variables: [OUT, SEEN]}
phases:
  build:
    commands: ['eval "$RUN"']
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
        cls.engine = Engine(minute=0.4)
        cls.addClassCleanup(cls.engine.close)
        client = cls.engine.client
        cls.pipelines, cls.s3, cls.builds = client("codepipeline"), client("s3"), client("codebuild")
        cls.sns, cls.sqs, cls.events = client("sns"), client("sqs"), client("events")
        prepare(cls.engine)

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


class RunTest(PipelineTest):
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


if __name__ == "__main__":
    unittest.main()
