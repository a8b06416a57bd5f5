"""Pipelines through botocore's client against a running engine; the rules are our reading of the guide."""

from __future__ import annotations

import copy
import json
import tempfile
import time
import unittest
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import botocore.session

from testengine import Engine, raw_answer, unknown_members

ROLE = "arn:aws:iam::000000000000:role/pipeline"


def action(category: str, provider: str, **more: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": category, "actionTypeId": kind} | more


def declaration(name: str) -> dict[str, Any]:
    source = action(
        "Source",
        "S3",
        outputArtifacts=[{"name": "Source"}],
        configuration={"S3Bucket": "b", "S3ObjectKey": "source.zip"},
    )
    build = action(
        "Build",
        "CodeBuild",
        inputArtifacts=[{"name": "Source"}],
        outputArtifacts=[{"name": "Built"}],
        configuration={"ProjectName": "p", "EnvironmentVariables": json.dumps([{"name": "STAGE", "value": "unit"}])},
    )
    approve = action("Approval", "Manual", configuration={"CustomData": "look"})
    test = action("Test", "CodeBuild", runOrder=2, inputArtifacts=[{"name": "Built"}])
    test["configuration"] = {"ProjectName": "p"}
    return {
        "name": name,
        "roleArn": ROLE,
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": [
            {"name": "Source", "actions": [source]},
            {"name": "Build", "actions": [build, test]},
            {"name": "Approve", "actions": [approve]},
        ],
    }


class CodePipelineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.engine = Engine(SLIPWAY_LOCAL_PIPELINES="manual")
        cls.addClassCleanup(cls.engine.close)
        cls.pipelines = cls.engine.client("codepipeline")
        cls.stacks = cls.engine.client("cloudformation")

    def fails(self, code: str, call: Callable[..., Any], **request: Any) -> str:
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**request)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code, error["Message"])
        modelled = getattr(self.pipelines.exceptions, code, None)
        if modelled:
            self.assertIsInstance(caught.exception, modelled)
        return error["Message"]

    def test_life_of_a_pipeline(self) -> None:
        wanted = declaration("life")
        made = self.pipelines.create_pipeline(pipeline=wanted, tags=[{"key": "a", "value": "1"}])
        self.assertEqual(made["pipeline"]["version"], 1)
        got = self.pipelines.get_pipeline(name="life")
        self.assertEqual(got["pipeline"], made["pipeline"])
        arn = got["metadata"]["pipelineArn"]
        self.assertEqual(arn, "arn:aws:codepipeline:eu-west-1:000000000000:life")
        self.fails("PipelineNameInUseException", self.pipelines.create_pipeline, pipeline=wanted)
        wanted["stages"].pop()
        updated = self.pipelines.update_pipeline(pipeline=wanted)["pipeline"]
        self.assertEqual((updated["version"], len(updated["stages"])), (2, 2))
        listed = self.pipelines.list_pipelines()["pipelines"]
        shown = [(p["name"], p["version"], p["executionMode"]) for p in listed]
        self.assertIn(("life", 2, "QUEUED"), shown)
        self.check_tags(arn)
        self.pipelines.delete_pipeline(name="life")
        self.pipelines.delete_pipeline(name="life")
        missing = "PipelineNotFoundException"
        self.fails(missing, self.pipelines.get_pipeline, name="life")
        self.fails(missing, self.pipelines.update_pipeline, pipeline=wanted)
        self.fails(missing, self.pipelines.get_pipeline_state, name="life")

    def check_tags(self, arn: str) -> None:
        self.pipelines.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}])
        self.pipelines.untag_resource(resourceArn=arn, tagKeys=["a"])
        tags = self.pipelines.list_tags_for_resource(resourceArn=arn)["tags"]
        self.assertEqual(tags, [{"key": "b", "value": "2"}])
        self.fails("ResourceNotFoundException", self.pipelines.list_tags_for_resource, resourceArn=arn + "x")

    def test_nothing_starts_by_itself_where_that_is_wanted(self) -> None:
        self.pipelines.create_pipeline(pipeline=declaration("still"))
        state = self.pipelines.get_pipeline_state(name="still")
        self.assertEqual([s["stageName"] for s in state["stageStates"]], ["Source", "Build", "Approve"])
        self.assertNotIn("latestExecution", json.dumps(state, default=str))
        listed = self.pipelines.list_pipeline_executions(pipelineName="still")
        self.assertEqual(listed["pipelineExecutionSummaries"], [])
        self.fails(
            "PipelineExecutionNotFoundException",
            self.pipelines.get_pipeline_execution,
            pipelineName="still",
            pipelineExecutionId="00000000-0000-0000-0000-000000000000",
        )

    def test_what_is_refused(self) -> None:
        def first(pipeline: Any) -> Any:
            return pipeline["stages"][0]["actions"][0]

        def build(pipeline: Any) -> Any:
            return pipeline["stages"][1]["actions"][0]

        bad_action, bad_structure = ("InvalidActionDeclarationException", "InvalidStructureException")
        cases: list[tuple[str, str, Callable[[Any], Any]]] = [
            (bad_structure, "1 stages", lambda p: p.update(stages=p["stages"][:1])),
            (bad_structure, "first stage", lambda p: p["stages"][0]["actions"].append(action("Approval", "Manual"))),
            (bad_structure, "first stage", lambda p: p["stages"][1]["actions"].append(first(p))),
            (bad_structure, "stage name Build", lambda p: p["stages"][2].update(name="Build")),
            (bad_structure, "action name Build", lambda p: p["stages"][1]["actions"][1].update(name="Build")),
            (bad_structure, "exactly one", lambda p: p.pop("artifactStore")),
            (bad_structure, "needs type V2", lambda p: p.update(pipelineType="V1")),
            ("ValidationException", "does not match", lambda p: p.update(name="a b")),
            ("ValidationException", "roleArn", lambda p: p.update(roleArn="admin")),
            ("ValidationException", "artifact name", lambda p: first(p).update(outputArtifacts=[{"name": "a.b"}])),
            ("InvalidStageDeclarationException", "0 actions", lambda p: p["stages"][2].update(actions=[])),
            (
                bad_action,
                "missing required configuration 'S3Bucket'",
                lambda p: first(p)["configuration"].pop("S3Bucket"),
            ),
            (
                bad_action,
                "missing required configuration 'ProjectName'",
                lambda p: build(p)["configuration"].pop("ProjectName"),
            ),
            (
                bad_action,
                "unknown configuration 'projectName'",
                lambda p: build(p)["configuration"].update(projectName="x"),
            ),
            (bad_action, "EnvironmentVariables", lambda p: build(p)["configuration"].update(EnvironmentVariables="{")),
            (bad_action, "1001 characters", lambda p: build(p)["configuration"].update(ProjectName="x" * 1001)),
            (bad_action, "PrimarySource", lambda p: build(p)["configuration"].update(PrimarySource="Other")),
            (bad_action, "less than the minimum count (1)", lambda p: build(p).update(inputArtifacts=[])),
            (bad_action, "Input Artifact Built", lambda p: p["stages"][1]["actions"][1].update(runOrder=1)),
            (bad_action, "declared twice", lambda p: build(p).update(outputArtifacts=[{"name": "Source"}])),
            (
                bad_action,
                "not known to the local engine",
                lambda p: build(p)["actionTypeId"].update(provider="Jenkins"),
            ),
        ]
        self.pipelines.create_pipeline(pipeline=declaration("good"))
        for code, text, spoil in cases:
            with self.subTest(text=text):
                pipeline = copy.deepcopy(declaration("bad"))
                spoil(pipeline)
                call = self.pipelines.create_pipeline
                self.assertIn(text, self.fails(code, call, pipeline=pipeline))
        spoiled = declaration("good") | {"executionMode": "PARALLEL"}
        spoiled["stages"] = []
        self.fails(bad_structure, self.pipelines.update_pipeline, pipeline=spoiled)
        kept = self.pipelines.get_pipeline(name="good")["pipeline"]
        self.assertEqual((kept["version"], kept["executionMode"]), (1, "QUEUED"))

    def test_answers_hold_nothing_that_the_model_lacks(self) -> None:
        self.pipelines.create_pipeline(pipeline=declaration("model"))
        model = botocore.session.get_session().get_service_model("codepipeline")
        for operation, request in (
            ("GetPipeline", {"name": "model"}),
            ("GetPipelineState", {"name": "model"}),
            ("ListPipelines", {}),
            ("ListPipelineExecutions", {"pipelineName": "model"}),
        ):
            target = f"CodePipeline_20150709.{operation}"
            raw = raw_answer(self.engine.url, target, request)
            shape = model.operation_model(operation).output_shape
            self.assertEqual(unknown_members(shape, raw), [])

    def test_state_survives_a_stop(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            kept = {"PERSIST_STATE": "1", "STATE_DIR": state}
            first = Engine(**kept)
            self.addCleanup(first.close)
            made = first.client("codepipeline").create_pipeline(pipeline=declaration("kept"))
            first.stop()
            second = Engine(**kept)
            self.addCleanup(second.close)
            got = second.client("codepipeline").get_pipeline(name="kept")
            self.assertEqual(got["pipeline"], made["pipeline"])
            second.stop()

    def stack(self, text: str, operation: str, **more: str) -> dict[str, Any]:
        getattr(self.stacks, f"{operation}_stack")(
            StackName="pipe", TemplateBody=text, Tags=[{"Key": "slipway:name", "Value": "shop"}], **more
        )
        waiter = self.stacks.get_waiter(f"stack_{operation}_complete")
        waiter.wait(StackName="pipe", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        stack = self.stacks.describe_stacks(StackName="pipe")["Stacks"][0]
        return {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}

    def test_from_a_template(self) -> None:
        outputs = self.stack(TEMPLATE, "create")
        name = outputs["Name"]
        self.assertTrue(name.startswith("pipe-Pipeline-"), name)
        self.assertEqual(outputs["Version"], "1")
        got = self.pipelines.get_pipeline(name=name)
        source = got["pipeline"]["stages"][0]["actions"][0]
        self.assertEqual(
            source["configuration"], {"S3Bucket": "b", "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"}
        )
        arn = got["metadata"]["pipelineArn"]
        tags = self.pipelines.list_tags_for_resource(resourceArn=arn)["tags"]
        self.assertIn({"key": "slipway:name", "value": "shop"}, tags)
        state = self.pipelines.get_pipeline_state(name=name)["stageStates"][1]
        transition = state["inboundTransitionState"]
        self.assertEqual((transition["enabled"], transition["disabledReason"]), (False, "wait"))
        started = self.pipelines.start_pipeline_execution(name=name, clientRequestToken="once")
        self.assertEqual(
            self.pipelines.start_pipeline_execution(name=name, clientRequestToken="once")["pipelineExecutionId"],
            started["pipelineExecutionId"],
        )
        outputs = self.stack(TEMPLATE + "  Other: {Value: x}\n", "update")
        self.assertEqual(outputs, {"Name": name, "Version": "1", "Other": "x"})
        held = {"pipelineName": name, "stageName": "Source", "transitionType": "Inbound", "reason": "by hand"}
        self.pipelines.disable_stage_transition(**held)
        tagged = TEMPLATE.replace("      RoleArn", "      Tags: [{Key: a, Value: b}]\n      RoleArn")
        self.assertEqual(self.stack(tagged, "update")["Version"], "1")
        stages = self.pipelines.get_pipeline_state(name=name)["stageStates"][:2]
        self.assertEqual([s["inboundTransitionState"]["enabled"] for s in stages], [False, False])
        let_go = tagged.replace("[{StageName: Build, Reason: wait}]", "[]")
        self.assertEqual(self.stack(let_go, "update")["Version"], "1")
        stages = self.pipelines.get_pipeline_state(name=name)["stageStates"][:2]
        self.assertEqual([s["inboundTransitionState"]["enabled"] for s in stages], [False, True])
        until = time.monotonic() + 10
        while self.statuses(name) == ["InProgress"] and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(self.statuses(name), ["Failed"])  # there is no bucket; it was not cancelled
        self.pipelines.start_pipeline_execution(name=name)
        outputs = self.stack(TEMPLATE.replace("QUEUED", "SUPERSEDED"), "update")
        self.assertEqual(outputs, {"Name": name, "Version": "2"})
        named = TEMPLATE.replace("RoleArn:", "Name: other\n      RoleArn:")
        outputs = self.stack(named, "update")
        self.assertEqual(outputs, {"Name": "other", "Version": "1"})
        missing = "PipelineNotFoundException"
        self.fails(missing, self.pipelines.get_pipeline, name=name)
        self.check_failed_update(named)
        self.stacks.delete_stack(StackName="pipe")
        waiter = self.stacks.get_waiter("stack_delete_complete")
        waiter.wait(StackName="pipe", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        self.fails(missing, self.pipelines.get_pipeline, name="other")

    def statuses(self, name: str) -> list[str]:
        listed = self.pipelines.list_pipeline_executions(pipelineName=name)
        return [e["status"] for e in listed["pipelineExecutionSummaries"]]

    def check_failed_update(self, template: str) -> None:
        bad = template.replace("ProjectName", "Project")
        with self.assertRaises(botocore.exceptions.WaiterError):
            self.stack(bad, "update")
        events = self.stacks.describe_stack_events(StackName="pipe")["StackEvents"]
        reasons = " ".join(e.get("ResourceStatusReason", "") for e in events)
        self.assertIn("is missing required configuration 'ProjectName'", reasons)
        stages = self.pipelines.get_pipeline(name="other")["pipeline"]["stages"]
        self.assertEqual(stages[1]["actions"][0]["configuration"], {"ProjectName": "p"})


TEMPLATE = """
Resources:
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      RoleArn: arn:aws:iam::000000000000:role/pipeline
      PipelineType: V2
      ExecutionMode: QUEUED
      ArtifactStore: {Type: S3, Location: artifacts}
      DisableInboundStageTransitions: [{StageName: Build, Reason: wait}]
      Stages:
        - Name: Source
          Actions:
            - Name: Source
              ActionTypeId: {Category: Source, Owner: AWS, Provider: S3, Version: "1"}
              OutputArtifacts: [{Name: Source}]
              Configuration: {S3Bucket: b, S3ObjectKey: source.zip, PollForSourceChanges: false}
        - Name: Build
          Actions:
            - Name: Build
              RunOrder: "1"
              ActionTypeId: {Category: Build, Owner: AWS, Provider: CodeBuild, Version: "1"}
              InputArtifacts: [{Name: Source}]
              Configuration: {ProjectName: p}
Outputs:
  Name: {Value: !Ref Pipeline}
  Version: {Value: !GetAtt Pipeline.Version}
"""

if __name__ == "__main__":
    unittest.main()
