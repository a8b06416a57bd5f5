"""Builds through botocore's client against a running engine; the rules are our reading of CodeBuild's guide."""

from __future__ import annotations

import io
import json
import os
import stat
import tempfile
import time
import unittest
import zipfile
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session
import yaml

from testengine import Engine, raw_answer, unknown_members

BUCKET = "sources"
PHASES = [
    "SUBMITTED",
    "QUEUED",
    "PROVISIONING",
    "DOWNLOAD_SOURCE",
    "INSTALL",
    "PRE_BUILD",
    "BUILD",
    "POST_BUILD",
    "UPLOAD_ARTIFACTS",
    "FINALIZING",
    "COMPLETED",
]


def zipped(files: dict[str, str], modes: dict[str, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


class CodeBuildTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        # A minute of the engine lasts 0.4 s, so that the shortest timeout of five minutes passes in two seconds.
        cls.engine = Engine(minute=0.4, AWS_PROFILE="poison", AWS_SESSION_TOKEN="poison", MY_SECRET="poison")
        cls.addClassCleanup(cls.engine.close)
        cls.builds, cls.s3 = cls.engine.client("codebuild"), cls.engine.client("s3")
        cls.logs = cls.engine.client("logs")
        for bucket in (BUCKET, "artifacts"):
            cls.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        cls.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        cls.project("plain")

    @classmethod
    def project(cls, name: str, **more: Any) -> None:
        cls.builds.create_project(
            **{
                "name": name,
                "source": {"type": "S3", "location": f"{BUCKET}/source.zip"},
                "artifacts": {"type": "NO_ARTIFACTS"},
                "serviceRole": "arn:aws:iam::000000000000:role/build",
                "environment": {
                    "type": "LINUX_CONTAINER",
                    "image": "aws/codebuild/standard:7.0",
                    "computeType": "BUILD_GENERAL1_SMALL",
                },
            }
            | more
        )

    def source(self, buildspec: str, files: dict[str, str] | None = None, modes: dict[str, int] | None = None) -> str:
        body = zipped({"buildspec.yml": buildspec} | (files or {}), modes)
        return self.s3.put_object(Bucket=BUCKET, Key="source.zip", Body=body)["VersionId"]

    def start(self, project: str = "plain", **more: Any) -> str:
        return self.builds.start_build(projectName=project, **more)["build"]["id"]

    def get(self, build_id: str) -> dict[str, Any]:
        return self.builds.batch_get_builds(ids=[build_id])["builds"][0]

    def wait(self, build_id: str) -> dict[str, Any]:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            build = self.get(build_id)
            if build["buildStatus"] != "IN_PROGRESS":
                return build
            time.sleep(0.03)
        raise AssertionError(f"build does not end: {build}")

    def run_build(self, buildspec: str, **more: Any) -> dict[str, Any]:
        self.source(buildspec)
        return self.wait(self.start(**more))

    def log(self, build: dict[str, Any]) -> str:
        at = build["logs"]
        events = self.logs.get_log_events(
            logGroupName=at["groupName"], logStreamName=at["streamName"], startFromHead=True
        )
        return "\n".join(event["message"] for event in events["events"])

    def exported(self, build: dict[str, Any]) -> dict[str, str]:
        return {v["name"]: v["value"] for v in build["exportedEnvironmentVariables"]}

    def statuses(self, build: dict[str, Any]) -> dict[str, str | None]:
        return {p["phaseType"]: p.get("phaseStatus") for p in build["phases"]}

    def phase(self, build: dict[str, Any], name: str) -> dict[str, Any]:
        return next(p for p in build["phases"] if p["phaseType"] == name)

    def refused(self, code: str, text: str, **request: Any) -> None:
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.builds.start_build(**request)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        self.assertIn(text, caught.exception.response["Error"]["Message"])

    def nothing_left(self) -> None:
        left = [p.name for p in self.engine.tmp.iterdir() if p.name.startswith("slipway-build-")]
        self.assertEqual(left, [])

    def test_succeeds_with_all_phases_and_one_shell(self) -> None:
        build = self.run_build(
            """
version: 0.2
env:
  variables: {FROM_SPEC: spec, OVERRIDDEN: spec}
  exported-variables: [RESULT, PLAIN, MISSING]
phases:
  install:
    runtime-versions: {golang: 1.26}
    commands: ["export GREETING=hello", "plain=kept", "greet() { echo \\"$GREETING $1\\"; }"]
  pre_build:
    commands: ["mkdir -p deep", "cd deep", "false || true"]
  build:
    commands:
      - |
        test "$(basename "$PWD")" = deep
        export RESULT="$(greet "$plain $FROM_SPEC $OVERRIDDEN")"
      - exit 0
      - "echo after exit: $RESULT; PLAIN=unexported"
  post_build:
    commands: ["echo done $CODEBUILD_BUILD_SUCCEEDING"]
run-as: nobody
""",
            environmentVariablesOverride=[{"name": "OVERRIDDEN", "value": "request"}],
        )
        self.assertEqual(build["buildStatus"], "SUCCEEDED", self.log(build))
        self.assertTrue(build["buildComplete"])
        self.assertEqual([p["phaseType"] for p in build["phases"]], PHASES)
        self.assertEqual(set(list(self.statuses(build).values())[:-1]), {"SUCCEEDED"})
        self.assertEqual(self.exported(build), {"RESULT": "hello kept spec request"})
        self.assertEqual(build["logs"]["groupName"], "/aws/codebuild/plain")
        log = self.log(build)
        for line in (
            "after exit: hello kept spec request",
            "done 1",
            "ignores run-as",
            "Running command exit 0",
            "Phase complete: BUILD State: SUCCEEDED",
            "runtime golang 1.26",
        ):
            self.assertIn(line, log)
        self.nothing_left()

    def test_failed_build_still_runs_post_build(self) -> None:
        build = self.run_build(
            """
version: 0.2
env: {exported-variables: [SEEN]}
phases:
  build:
    commands: ["exit 7", "echo never"]
    finally: ["echo finally runs"]
  post_build:
    commands: ["export SEEN=$CODEBUILD_BUILD_SUCCEEDING"]
"""
        )
        self.assertEqual(build["buildStatus"], "FAILED")
        statuses = self.statuses(build)
        self.assertEqual((statuses["BUILD"], statuses["POST_BUILD"]), ("FAILED", "SUCCEEDED"))
        self.assertEqual(
            self.phase(build, "BUILD")["contexts"],
            [
                {
                    "statusCode": "COMMAND_EXECUTION_ERROR",
                    "message": "Error while executing command: exit 7. Reason: exit status 7",
                }
            ],
        )
        self.assertEqual(self.exported(build), {"SEEN": "0"})
        self.assertIn("finally runs", self.log(build))
        self.assertNotIn("\nnever", self.log(build))

    def test_failed_install_ends_the_build(self) -> None:
        spec = "version: 0.2\nphases:\n  pre_build: {commands: ['false']%s}\n  post_build: {commands: ['echo on']}\n"
        build = self.run_build(spec % "")
        self.assertEqual(build["buildStatus"], "FAILED")
        self.assertEqual([p["phaseType"] for p in build["phases"]], PHASES[:6] + PHASES[-2:])
        build = self.run_build(spec % ", on-failure: CONTINUE")
        self.assertEqual(build["buildStatus"], "FAILED")
        self.assertEqual(self.statuses(build)["POST_BUILD"], "SUCCEEDED")
        build = self.run_build(spec.replace("pre_build", "build") % ", on-failure: ABORT")
        self.assertNotIn("POST_BUILD", self.statuses(build))

    def test_environment_is_the_documented_one_and_no_more(self) -> None:
        version = self.source("version: 0.2\nphases: {build: {commands: ['env | sort']}}\n")
        build = self.wait(self.start(sourceVersion=version))
        lines = self.log(build).splitlines()
        env = dict(line.split("=", 1) for line in lines if "=" in line and " " not in line.split("=")[0])
        self.assertNotIn("poison", self.log(build))
        uuid = build["id"].split(":")[1]
        want = {
            "CODEBUILD_BUILD_ID": build["id"],
            "CODEBUILD_BUILD_ARN": build["arn"],
            "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
            "CODEBUILD_BUILD_IMAGE": "aws/codebuild/standard:7.0",
            "CODEBUILD_INITIATOR": build["initiator"],
            "CODEBUILD_LOG_PATH": uuid,
            "CODEBUILD_SOURCE_VERSION": version,
            "CODEBUILD_START_TIME": str(int(build["startTime"].timestamp() * 1000)),
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": self.engine.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "SLIPWAY_LOCAL_ENGINE": "1",
        }
        self.assertEqual({name: env.get(name) for name in want}, want)
        for name in ("CI", "CODEBUILD_RESOLVED_SOURCE_VERSION", "AWS_PROFILE", "MY_SECRET"):
            self.assertNotIn(name, env)
        self.assertNotEqual(env["HOME"], os.environ.get("HOME"))
        self.assertEqual(env["GOCACHE"], self.engine.folder.name)
        self.assertEqual(env["DOCKER_HOST"], "unix:///nonexistent/docker.sock")
        self.assertEqual(env["GIT_CEILING_DIRECTORIES"], str(Path(env["CODEBUILD_SRC_DIR"]).parent))
        for name in ("HOME", "TMPDIR", "CODEBUILD_SRC_DIR"):
            self.assertTrue(env[name].startswith(str(self.engine.tmp)), env[name])
            self.assertFalse(Path(env[name]).exists())

    def test_variables_from_parameter_store_and_secrets(self) -> None:
        self.engine.client("ssm").put_parameter(Name="/p", Value="param", Type="SecureString")
        self.engine.client("secretsmanager").create_secret(Name="secret", SecretString=json.dumps({"key": "sec:ret"}))
        spec = """
version: 0.2
env:
  parameter-store: {P: %s}
  secrets-manager: {S: "secret:key"}
  exported-variables: [P, S, O]
phases: {build: {commands: ["true"]}}
"""
        override = [{"name": "O", "type": "PARAMETER_STORE", "value": "/p"}]
        build = self.run_build(spec % "/p", environmentVariablesOverride=override)
        self.assertEqual(self.exported(build), {"P": "param", "S": "sec:ret", "O": "param"})
        build = self.run_build(spec % "/missing", environmentVariablesOverride=override)
        context = self.phase(build, "DOWNLOAD_SOURCE")["contexts"][0]
        self.assertEqual(context["message"], "parameter does not exist: /missing")

    def test_source_keeps_modes_and_links_and_versions(self) -> None:
        spec = "version: 0.2\nphases: {build: {commands: ['./bin/link', 'test ! -x plain']}}\n"
        first = self.source(
            spec,
            {"bin/run": "#!/bin/sh\necho ran $0\n", "bin/link": "run", "plain": ""},
            {"bin/run": stat.S_IFREG | 0o755, "bin/link": stat.S_IFLNK | 0o777},
        )
        self.source("version: 0.2\nphases: {build: {commands: ['false']}}\n")
        build = self.wait(self.start(sourceVersion=first))
        self.assertEqual(build["buildStatus"], "SUCCEEDED", self.log(build))
        self.assertIn("ran ./bin/link", self.log(build))
        self.assertNotIn("resolvedSourceVersion", build)

    def test_secondary_sources_and_artifacts(self) -> None:
        self.s3.put_object(Bucket=BUCKET, Key="other.zip", Body=zipped({"file": "other"}))
        artifacts = {"type": "S3", "location": "artifacts", "name": "made", "packaging": "ZIP"}
        build = self.run_build(
            """
version: 0.2
phases: {build: {commands: ['cp "$CODEBUILD_SRC_DIR_other/file" made', 'test -f "$CODEBUILD_SRC_DIR/buildspec.yml"']}}
artifacts: {files: [buildspec.yml], secondary-artifacts: {second: {files: [made]}}}
""",
            secondarySourcesOverride=[{"type": "S3", "location": f"{BUCKET}/other.zip", "sourceIdentifier": "other"}],
            secondaryArtifactsOverride=[artifacts | {"artifactIdentifier": "second"}],
        )
        self.assertEqual(build["buildStatus"], "SUCCEEDED", self.log(build))
        body = self.s3.get_object(Bucket="artifacts", Key="made")["Body"].read()
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            self.assertEqual(archive.read("made"), b"other")
        made = build["secondaryArtifacts"][0]
        self.assertEqual((made["artifactIdentifier"], made["location"]), ("second", "arn:aws:s3:::artifacts/made"))

    def test_source_outside_of_its_folder_is_refused(self) -> None:
        link = stat.S_IFLNK | 0o777
        hostile = (
            ({"../out": "x"}, {}),
            ({"/tmp/out": "x"}, {}),
            ({"link": "/etc"}, {"link": link}),
            ({"a/b/far": "../../..", "near": "a/b/far/x"}, {"a/b/far": link, "near": link}),
            ({"dir": "..", "dir/file": "x"}, {"dir": link}),
        )
        for files, modes in hostile:
            with self.subTest(files=files):
                self.source("version: 0.2\nphases: {build: {commands: ['true']}}\n", files, modes)
                build = self.wait(self.start())
                self.assertEqual(build["buildStatus"], "FAILED")
                self.assertEqual(self.statuses(build)["DOWNLOAD_SOURCE"], "FAILED")

    def test_timeout_kills_everything(self) -> None:
        mark = f"31415{os.getpid()}"
        started = time.monotonic()
        build = self.run_build(
            f"version: 0.2\nphases: {{build: {{commands: ['sleep {mark} & sleep {mark}']}}}}\n",
            timeoutInMinutesOverride=5,
        )
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(build["buildStatus"], "TIMED_OUT")
        self.assertEqual(self.statuses(build)["BUILD"], "TIMED_OUT")
        self.assertEqual(self.phase(build, "BUILD")["contexts"][0]["statusCode"], "BUILD_TIMED_OUT")
        self.assertEqual(processes(mark), [])
        self.nothing_left()

    def test_stop(self) -> None:
        mark = f"27182{os.getpid()}"
        self.source(f"version: 0.2\nphases: {{build: {{commands: ['sleep {mark}']}}}}\n")
        build_id = self.start()
        self.until(lambda: processes(mark))
        self.assertEqual(self.get(build_id)["currentPhase"], "BUILD")
        stopped = self.builds.stop_build(id=build_id)["build"]
        self.assertEqual(stopped["buildStatus"], "STOPPED")
        self.assertEqual(self.statuses(stopped)["BUILD"], "STOPPED")
        self.assertEqual(processes(mark), [])
        self.nothing_left()
        self.assertEqual(self.builds.stop_build(id=build_id)["build"]["buildStatus"], "STOPPED")

    def until(self, condition: Any) -> None:
        until = time.monotonic() + 10
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.03)

    def test_leftovers_of_a_build_end_with_it(self) -> None:
        mark = f"16180{os.getpid()}"
        build = self.run_build(
            f"version: 0.2\nphases: {{build: {{commands: ['sleep {mark} &', 'mkdir ro; touch ro/x; chmod 500 ro']}}}}\n"
        )
        self.assertEqual(build["buildStatus"], "SUCCEEDED")
        self.assertEqual(processes(mark), [])
        self.nothing_left()

    def test_what_left_the_group_ends_with_the_build(self) -> None:
        mark = f"24142{os.getpid()}"
        daemon = f"""python3 -c 'import os; os.setsid(); os.execvp("sleep", ["sleep", "{mark}"])' &"""
        build = self.run_build(json.dumps({"version": 0.2, "phases": {"build": {"commands": [daemon, "sleep 0.5"]}}}))
        self.assertEqual(build["buildStatus"], "SUCCEEDED")
        self.assertEqual(processes(mark), [])
        self.nothing_left()

    def test_builds_die_with_a_killed_engine(self) -> None:
        engine = Engine()
        self.addCleanup(engine.close)
        mark = f"14142{os.getpid()}"
        start_inline(engine, [f"sleep {mark} & sleep {mark}"])
        self.until(lambda: len(processes(mark)) >= 2)
        engine.kill()
        self.until(lambda: not processes(mark))

    def test_state_survives_a_stop_and_running_builds_do_not(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            kept = {"PERSIST_STATE": "1", "STATE_DIR": state}
            engine, mark = Engine(**kept), f"17320{os.getpid()}"
            self.addCleanup(engine.close)
            build_id = start_inline(engine, [f"sleep {mark}"])
            self.until(lambda: processes(mark))
            engine.stop()
            self.assertEqual(processes(mark), [])
            self.assertEqual(list(engine.tmp.glob("slipway-build-*")), [])
            again = Engine(**kept)
            self.addCleanup(again.close)
            build = again.client("codebuild").batch_get_builds(ids=[build_id])
            self.assertEqual(build["builds"][0]["buildStatus"], "FAULT")
            again.stop()

    def test_artifacts(self) -> None:
        artifacts = {"type": "S3", "location": "artifacts", "path": "built", "name": "out.zip", "packaging": "ZIP"}
        spec = """
version: 0.2
phases: {build: {commands: ["mkdir -p out/deep", "echo 1 >out/a.txt", "echo 2 >out/deep/.b", "echo 3 >out/c.log"]}}
artifacts: {base-directory: out, files: ["**/*"], exclude-paths: ["*.log"]}
"""
        build = self.run_build(spec, artifactsOverride=artifacts)
        self.assertEqual(build["buildStatus"], "SUCCEEDED", self.log(build))
        self.assertEqual(build["artifacts"]["location"], "arn:aws:s3:::artifacts/built/out.zip")
        body = self.s3.get_object(Bucket="artifacts", Key="built/out.zip")["Body"].read()
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            self.assertEqual(sorted(archive.namelist()), ["a.txt", "deep/.b"])
        build = self.run_build(spec, artifactsOverride=artifacts | {"packaging": "NONE", "name": "plain"})
        self.s3.head_object(Bucket="artifacts", Key="built/plain/deep/.b")
        build = self.run_build(spec.replace("**/*", "none"), artifactsOverride=artifacts)
        self.assertEqual(build["buildStatus"], "FAILED")
        context = self.phase(build, "UPLOAD_ARTIFACTS")["contexts"][0]
        self.assertEqual(context["message"], "no matching artifact paths found")

    def test_logs_go_where_the_project_says(self) -> None:
        config = {"cloudWatchLogs": {"status": "ENABLED", "groupName": "/mine", "streamName": "s"}}
        self.project("logged", logsConfig=config)
        shown = self.builds.batch_get_projects(names=["logged"])["projects"][0]
        self.assertEqual(shown["logsConfig"], config)
        build = self.run_build(
            "version: 0.2\nphases: {build: {commands: ['printf unended; echo err >&2']}}\n", project="logged"
        )
        uuid = build["id"].split(":")[1]
        self.assertEqual((build["logs"]["groupName"], build["logs"]["streamName"]), ("/mine", f"s/{uuid}"))
        self.assertIn("unendederr", self.log(build))

    def test_project_from_a_template(self) -> None:
        stacks = self.engine.client("cloudformation")
        stacks.create_stack(StackName="s", TemplateBody=PROJECT % "/one")
        stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        self.refused("InvalidInputException", "SourceTypeOverride must be set", projectName="templated")
        override: dict[str, Any] = {
            "projectName": "templated",
            "sourceTypeOverride": "S3",
            "sourceLocationOverride": f"{BUCKET}/source.zip",
        }
        self.refused("InvalidInputException", "ArtifactsOverride must be set", **override)
        del override["projectName"]
        override["artifactsOverride"] = {"type": "NO_ARTIFACTS"}
        spec = "version: 0.2\nenv: {exported-variables: [V]}\nphases: {build: {commands: ['true']}}\n"
        build = self.run_build(spec, project="templated", **override)
        self.assertEqual(self.exported(build), {"V": "project"})
        self.assertEqual(build["logs"]["groupName"], "/one")
        stacks.update_stack(StackName="s", TemplateBody=PROJECT % "/two")
        stacks.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        build = self.run_build(spec, project="templated", **override)
        self.assertEqual(build["logs"]["groupName"], "/two")

    def test_refusals(self) -> None:
        self.refused("ResourceNotFoundException", "Project cannot be found", projectName="none")
        self.refused("InvalidInputException", "not from GITHUB", projectName="plain", sourceTypeOverride="GITHUB")
        self.refused("InvalidInputException", "location must be", projectName="plain", sourceLocationOverride="x")
        self.refused(
            "InvalidInputException",
            "secondary sources of type S3 at BUCKET/KEY only",
            projectName="plain",
            secondarySourcesOverride=[{"type": "S3", "sourceIdentifier": "other"}],
        )
        self.refused("InvalidInputException", "fleetOverride", projectName="plain", fleetOverride={})

    def test_bad_sources_and_buildspecs(self) -> None:
        cases = {
            "version: 0.1\nphases: {build: {commands: ['x']}}": "version is '0.1'",
            "version: 0.2\nphases: {}\n": "no phases",
            "version: 0.2\nphases: {biuld: {commands: ['x']}}\n": "phases.biuld is unknown",
            "version: 0.2\nphases: {build: {commands: [{a: b}]}}\n": "commands[0] to be text",
            "version: 0.2\nphases: [": "not valid YAML",
            "missing.yml": "YAML file does not exist",
            "../../../../../../etc/passwd": "YAML file does not exist",
        }
        self.source("version: 0.2\nphases: {build: {commands: ['true']}}\n")
        for text, message in cases.items():
            with self.subTest(text=text):
                build = self.wait(self.start(buildspecOverride=text))
                context = self.phase(build, "DOWNLOAD_SOURCE")["contexts"][0]
                self.assertEqual(context["statusCode"], "YAML_FILE_ERROR")
                self.assertIn(message, context["message"])
        build = self.wait(self.start(sourceLocationOverride=f"{BUCKET}/none.zip"))
        self.assertIn("does not exist", self.phase(build, "DOWNLOAD_SOURCE")["contexts"][0]["message"])

    def test_idempotency_token(self) -> None:
        self.source("version: 0.2\nphases: {build: {commands: ['true']}}\n")
        first = self.start(idempotencyToken="one")
        self.assertEqual(self.start(idempotencyToken="one"), first)
        self.assertNotEqual(self.start(idempotencyToken="two"), first)
        self.refused(
            "InvalidInputException", "other parameters", projectName="plain", idempotencyToken="one", sourceVersion="x"
        )
        self.wait(first)

    def test_answers_hold_nothing_that_the_model_lacks(self) -> None:
        build = self.run_build("version: 0.2\nphases: {build: {commands: ['true']}}\n")
        raw = raw_answer(self.engine.url, "CodeBuild_20161006.BatchGetBuilds", {"ids": [build["id"]]})["builds"][0]
        shape = botocore.session.get_session().get_service_model("codebuild").shape_for("Build")
        self.assertEqual(unknown_members(shape, raw), [])


PROJECT = """
Resources:
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: %s}}
  Project:
    Type: AWS::CodeBuild::Project
    Properties:
      Name: templated
      ServiceRole: arn:aws:iam::000000000000:role/build
      Source: {Type: CODEPIPELINE}
      Artifacts: {Type: CODEPIPELINE}
      Environment:
        Type: LINUX_CONTAINER
        ComputeType: BUILD_GENERAL1_SMALL
        Image: aws/codebuild/standard:7.0
        EnvironmentVariables: [{Name: V, Value: project}]
      LogsConfig: {CloudWatchLogs: {Status: ENABLED, GroupName: !Ref Group}}
"""


class UnpatchedTest(unittest.TestCase):
    """The emulator's own faults, which the patches mend: one that is gone here needs no patch any more."""

    def test_faults_are_still_there(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            kept = {"PERSIST_STATE": "1", "STATE_DIR": state}
            engine = Engine(patched=False, **kept)
            self.addCleanup(engine.close)
            builds = engine.client("codebuild")
            build_id = start_inline(engine, ["false"])
            build = builds.batch_get_builds(ids=[build_id])["builds"][0]
            self.assertEqual(build["buildStatus"], "SUCCEEDED")
            stopped = builds.stop_build(id=build_id)["build"]
            self.assertEqual(stopped["buildStatus"], "STOPPED")
            self.check_logs_config(builds, "inline")
            stacks = engine.client("cloudformation")
            stacks.create_stack(StackName="s", TemplateBody=PROJECT % "/one")
            created = stacks.get_waiter("stack_create_complete")
            created.wait(StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
            self.check_logs_config(builds, "templated")

    def check_logs_config(self, builds: Any, name: str) -> None:
        for change in (lambda **given: None, builds.update_project):
            change(name=name, logsConfig={"cloudWatchLogs": {"status": "DISABLED"}})
            project = builds.batch_get_projects(names=[name])["projects"][0]
            self.assertNotIn("logsConfig", project)


def start_inline(engine: Engine, commands: list[str]) -> str:
    """Starts a build of a project without source; its id."""
    spec = {"version": "0.2", "phases": {"build": {"commands": commands}}}
    builds = engine.client("codebuild")
    builds.create_project(
        name="inline",
        source={"type": "NO_SOURCE", "buildspec": yaml.safe_dump(spec)},
        artifacts={"type": "NO_ARTIFACTS"},
        serviceRole="arn:aws:iam::000000000000:role/build",
        logsConfig={"cloudWatchLogs": {"status": "ENABLED", "groupName": "/mine"}},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
    )
    return builds.start_build(projectName="inline")["build"]["id"]


def processes(mark: str) -> list[str]:
    """The numbers of the processes that sleep for the given time."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().split(b"\0")[:2] == [b"sleep", mark.encode()]:
                found.append(path.parent.name)
        except OSError:
            continue
    return found


if __name__ == "__main__":
    unittest.main()
