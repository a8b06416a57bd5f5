"""Reports of builds, through botocore's client against a running engine."""

from __future__ import annotations

import time
import unittest
from typing import Any

import botocore.exceptions
import botocore.session
import yaml

from testengine import Engine, raw_answer, unknown_members

JUNIT = """<testsuites><testsuite name="pkg">
<testcase classname="pkg" name="TestGood" time="1.5"/>
<testcase classname="pkg" name="TestBad" time="0.5"><failure message="want 1"/></testcase>
<testcase classname="pkg" name="TestLater"><skipped/></testcase></testsuite></testsuites>"""
CLOVER = """<coverage><project><file name="a.go" path="x/a.go">
<metrics statements="4" coveredstatements="3" conditionals="2" coveredconditionals="1"/></file></project></coverage>"""
COBERTURA = """<coverage><packages><package><classes>
<class filename="b.go"><lines><line number="1" hits="2" branch="true" condition-coverage="50% (1/2)"/>
<line number="2" hits="0"/></lines></class>
<class filename="b.go"><lines><line number="2" hits="1"/></lines></class></classes></package></packages></coverage>"""


class ReportsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.engine = Engine()
        cls.addClassCleanup(cls.engine.close)
        cls.builds = cls.engine.client("codebuild")
        cls.builds.create_project(
            name="pr",
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
            artifacts={"type": "NO_ARTIFACTS"},
            serviceRole="arn:aws:iam::000000000000:role/build",
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
        )

    def run_build(self, sections: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
        commands = [f"cat >{name} <<'END'\n{text}\nEND" for name, text in files.items()] or ["true"]
        spec = {"version": "0.2", "phases": {"build": {"commands": commands}}, "reports": sections}
        build_id = self.builds.start_build(projectName="pr", buildspecOverride=yaml.safe_dump(spec, sort_keys=False))[
            "build"
        ]["id"]
        until = time.monotonic() + 20
        while time.monotonic() < until:
            build = self.builds.batch_get_builds(ids=[build_id])["builds"][0]
            if build["buildComplete"]:
                return build
            time.sleep(0.03)
        raise AssertionError("the build does not end")

    def report(self, build: dict[str, Any], number: int = 0) -> dict[str, Any]:
        return self.builds.batch_get_reports(reportArns=[build["reportArns"][number]])["reports"][0]

    def test_tests_and_coverage(self) -> None:
        sections = {
            "unit": {"files": ["*.junit"]},
            "cover": {"files": ["clover.xml"], "file-format": "CloverXml"},
            "more": {"files": ["cobertura.xml"], "file-format": "COBERTURAXML"},
        }
        files = {"a.junit": JUNIT, "clover.xml": CLOVER, "cobertura.xml": COBERTURA}
        build = self.run_build(sections, files)
        self.assertEqual(build["buildStatus"], "SUCCEEDED", build["phases"])
        unit = self.report(build)
        self.assertEqual((unit["name"], unit["type"], unit["status"]), ("pr-unit", "TEST", "FAILED"))
        counts = {"SUCCEEDED": 1, "FAILED": 1, "SKIPPED": 1, "ERROR": 0, "UNKNOWN": 0}
        self.assertEqual(unit["testSummary"], {"total": 3, "statusCounts": counts, "durationInNanoSeconds": 2 * 10**9})
        failed = self.builds.describe_test_cases(reportArn=unit["arn"], filter={"status": "FAILED"})["testCases"]
        self.assertEqual([(c["name"], c["message"]) for c in failed], [("TestBad", "want 1")])
        cover = self.report(build, 1)
        self.assertEqual((cover["type"], cover["status"]), ("CODE_COVERAGE", "SUCCEEDED"))
        summary = {
            "lineCoveragePercentage": 75.0,
            "linesCovered": 3,
            "linesMissed": 1,
            "branchCoveragePercentage": 50.0,
            "branchesCovered": 1,
            "branchesMissed": 1,
        }
        self.assertEqual(cover["codeCoverageSummary"], summary)
        more = self.report(build, 2)
        files = self.builds.describe_code_coverages(reportArn=more["arn"])["codeCoverages"]
        got = [(f["filePath"], f["linesCovered"], f["linesMissed"], f["branchesCovered"]) for f in files]
        self.assertEqual(got, [("b.go", 2, 0, 1)])
        self.check_groups(unit)

    def check_groups(self, unit: dict[str, Any]) -> None:
        group = unit["reportGroupArn"]
        self.assertIn(group, self.builds.list_report_groups()["reportGroups"])
        self.assertEqual(self.builds.list_reports_for_report_group(reportGroupArn=group)["reports"], [unit["arn"]])
        self.assertIn(unit["arn"], self.builds.list_reports(filter={"status": "FAILED"})["reports"])
        with self.assertRaises(botocore.exceptions.ClientError):
            self.builds.delete_report_group(arn=group)
        model = botocore.session.get_session().get_service_model("codebuild")
        for operation, request in (
            ("BatchGetReports", {"reportArns": [unit["arn"]]}),
            ("BatchGetReportGroups", {"reportGroupArns": [group]}),
            ("DescribeTestCases", {"reportArn": unit["arn"]}),
        ):
            raw = raw_answer(self.engine.url, f"CodeBuild_20161006.{operation}", request)
            self.assertEqual(unknown_members(model.operation_model(operation).output_shape, raw), [])
        self.builds.delete_report_group(arn=group, deleteReports=True)
        self.assertNotIn(group, self.builds.list_report_groups()["reportGroups"])
        missing = self.builds.batch_get_reports(reportArns=[unit["arn"]])
        self.assertEqual(missing["reportsNotFound"], [unit["arn"]])

    def test_what_is_not_there_fails_the_build(self) -> None:
        for files, text in (
            ({}, "[gone: [report files not found in build]]"),
            ({"x.xml": "<testsuite"}, "x.xml is not XML"),
            ({"x.xml": "<other/>"}, "its root is other"),
        ):
            build = self.run_build({"gone": {"files": ["x.xml"]}}, files)
            phase = next(p for p in build["phases"] if p["phaseType"] == "UPLOAD_ARTIFACTS")
            self.assertEqual((build["buildStatus"], phase["phaseStatus"]), ("FAILED", "FAILED"))
            self.assertIn(text, phase["contexts"][0]["message"])
            self.assertEqual(self.report(build)["status"], "INCOMPLETE")
        build = self.run_build({"other": {"files": ["x.xml"], "file-format": "TESTNGXML"}}, {})
        phase = next(p for p in build["phases"] if p["phaseType"] == "DOWNLOAD_SOURCE")
        self.assertIn("the local engine reads JUNITXML", phase["contexts"][0]["message"])

    def test_groups_of_a_template(self) -> None:
        stacks = self.engine.client("cloudformation")
        stacks.create_stack(StackName="groups", TemplateBody=TEMPLATE)
        created = stacks.get_waiter("stack_create_complete")
        created.wait(StackName="groups", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        build = self.run_build({"made": {"files": ["x.xml"]}}, {"x.xml": JUNIT})
        arn = stacks.describe_stacks(StackName="groups")["Stacks"][0]["Outputs"][0]["OutputValue"]
        self.assertEqual(self.report(build)["reportGroupArn"], arn)
        stacks.delete_stack(StackName="groups")
        deleted = stacks.get_waiter("stack_delete_complete")
        deleted.wait(StackName="groups", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        self.assertNotIn(arn, self.builds.list_report_groups()["reportGroups"])


TEMPLATE = """
Resources:
  Group:
    Type: AWS::CodeBuild::ReportGroup
    Properties: {Name: pr-made, Type: TEST, DeleteReports: true, ExportConfig: {ExportConfigType: NO_EXPORT}}
Outputs: {Arn: {Value: !Ref Group}}
"""

if __name__ == "__main__":
    unittest.main()
