"""Reports that builds make of their tests and of what these cover.

https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html
"""

from __future__ import annotations

import copy
import functools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
)
from ministack.services.cloudformation import provisioners

import reportparse
import rights
from buildspec import BuildError, ReportSection
from patch import Patch
from pipelinecheck import RefusedError

JSON = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

KIND = "AWS::CodeBuild::ReportGroup"
KEPT_SECONDS = 30 * 24 * 3600  # "A test report expires 30 days after it is created"
MOST_CASES = 500  # "A test report can have a maximum of 500 test case results"
PAGE = 100

_groups = AccountRegionScopedDict()  # by ARN
_reports = AccountRegionScopedDict()  # by ARN; with the report its details


def _arn(resource: str) -> str:
    return f"arn:aws:codebuild:{get_region()}:{get_account_id()}:{resource}"


def create_report_group(request: JSON) -> JSON:
    arn, now = _arn(f"report-group/{request['name']}"), time.time()
    if arn in _groups:
        raise RefusedError("ResourceAlreadyExistsException", f"Report group already exists: {arn}")
    export = request["exportConfig"]
    if export.get("exportConfigType", "NO_EXPORT") != "NO_EXPORT":
        raise RefusedError("InvalidInputException", "the local engine exports no raw data of reports: use NO_EXPORT")
    _groups[arn] = {
        "arn": arn,
        "name": request["name"],
        "type": request["type"],
        "exportConfig": {"exportConfigType": "NO_EXPORT"},
        "created": now,
        "lastModified": now,
        "tags": request.get("tags") or [],
        "status": "ACTIVE",
    }
    return {"reportGroup": _groups[arn]}


def delete_report_group(request: JSON) -> JSON:
    arn = request["arn"]
    made = [report for report, kept in _reports.items() if kept["report"]["reportGroupArn"] == arn]
    if made and not request.get("deleteReports"):
        raise RefusedError("InvalidInputException", f"Report group {arn} has {len(made)} reports: set deleteReports")
    for report in made:
        del _reports[report]
    _groups.pop(arn, None)
    return {}


def batch_get_report_groups(request: JSON) -> JSON:
    found = [_groups[arn] for arn in request["reportGroupArns"] if arn in _groups]
    return {"reportGroups": found, "reportGroupsNotFound": [a for a in request["reportGroupArns"] if a not in _groups]}


def list_report_groups(request: JSON) -> JSON:
    key = {"CREATED_TIME": "created", "LAST_MODIFIED_TIME": "lastModified"}.get(request.get("sortBy", ""), "name")
    groups = sorted(_groups.values(), key=lambda group: group[key], reverse=request.get("sortOrder") == "DESCENDING")
    return _page([group["arn"] for group in groups], request, "reportGroups")


def list_reports(request: JSON) -> JSON:
    return _list(request, lambda report: True)


def list_reports_for_report_group(request: JSON) -> JSON:
    arn = request["reportGroupArn"]
    if arn not in _groups:
        raise RefusedError("ResourceNotFoundException", f"Report group not found: {arn}")
    return _list(request, lambda report: report["reportGroupArn"] == arn)


def _list(request: JSON, chosen: Callable[[JSON], bool]) -> JSON:
    status = (request.get("filter") or {}).get("status")
    reports = [kept["report"] for kept in _reports.values()]
    reports = [r for r in reports if chosen(r) and status in (None, r["status"])]
    reports.sort(key=lambda report: report["created"], reverse=request.get("sortOrder", "DESCENDING") == "DESCENDING")
    return _page([report["arn"] for report in reports], request, "reports")


def batch_get_reports(request: JSON) -> JSON:
    found = [_reports[arn]["report"] for arn in request["reportArns"] if arn in _reports]
    return {"reports": found, "reportsNotFound": [arn for arn in request["reportArns"] if arn not in _reports]}


def delete_report(request: JSON) -> JSON:
    _reports.pop(request["arn"], None)
    return {}


def describe_test_cases(request: JSON) -> JSON:
    wanted = request.get("filter") or {}
    cases = [
        case
        for case in _details(request["reportArn"], "testCases")
        if wanted.get("status") in (None, case["status"]) and wanted.get("keyword", "") in case["name"]
    ]
    return _page(cases, request, "testCases")


def describe_code_coverages(request: JSON) -> JSON:
    key = "filePath" if request.get("sortBy") == "FILE_PATH" else "lineCoveragePercentage"
    least, most = request.get("minLineCoveragePercentage", 0), request.get("maxLineCoveragePercentage", 100)
    files = _details(request["reportArn"], "codeCoverages")
    files = [file for file in files if least <= file["lineCoveragePercentage"] <= most]
    files.sort(key=lambda file: file[key], reverse=request.get("sortOrder") == "DESCENDING")
    return _page(files, request, "codeCoverages")


def _details(arn: str, member: str) -> list[JSON]:
    if arn not in _reports:
        raise RefusedError("ResourceNotFoundException", f"Report not found: {arn}")
    return list(_reports[arn].get(member, []))


def _page(items: list[Any], request: JSON, member: str) -> JSON:
    first = int(request.get("nextToken") or 0)
    following = first + request.get("maxResults", PAGE)
    answer: JSON = {member: items[first:following]}
    if following < len(items):
        answer["nextToken"] = str(following)
    return answer


OPERATIONS: dict[str, Callable[[JSON], JSON]] = {
    "BatchGetReportGroups": batch_get_report_groups,
    "BatchGetReports": batch_get_reports,
    "CreateReportGroup": create_report_group,
    "DeleteReport": delete_report,
    "DeleteReportGroup": delete_report_group,
    "DescribeCodeCoverages": describe_code_coverages,
    "DescribeTestCases": describe_test_cases,
    "ListReportGroups": list_report_groups,
    "ListReports": list_reports,
    "ListReportsForReportGroup": list_reports_for_report_group,
}


def make(build: JSON, sections: list[ReportSection], code: Path, credentials: dict[str, str]) -> None:
    """Makes a build's reports; BuildError says which of them could not be made.

    build: its record, which gets the reports' ARNs. credentials: the build's own.
    """
    faults = []
    for section in sections:
        fault = _make_one(build, section, code, credentials)
        if fault:
            faults.append(f"[{section.name}: [{fault}]]")
    if faults:
        raise BuildError("CLIENT_ERROR", f"Error in UPLOAD_ARTIFACTS phase: {' '.join(faults)}")


def _make_one(build: JSON, section: ReportSection, code: Path, credentials: dict[str, str]) -> str:
    """Makes one report; why it is incomplete, or empty."""
    kind = reportparse.KINDS[section.format]
    arn = (
        section.name if section.name.startswith("arn:") else _arn(f"report-group/{build['projectName']}-{section.name}")
    )
    put = "BatchPutTestCases" if kind == "TEST" else "BatchPutCodeCoverages"
    for operation in ("CreateReportGroup", "CreateReport", "UpdateReport", put):
        denied = rights.denial(credentials, f"codebuild:{operation}", arn)
        if denied:
            return denied
    if arn not in _groups:
        if section.name.startswith("arn:"):
            return f"there is no report group {arn}"
        create_report_group({"name": arn.rpartition("/")[2], "type": kind, "exportConfig": {}})
    group, now = _groups[arn], time.time()
    report: JSON = {
        "arn": _arn(f"report/{group['name']}:{new_uuid()}"),
        "type": kind,
        "name": group["name"],
        "reportGroupArn": arn,
        "executionId": build["arn"],
        "status": "INCOMPLETE",
        "created": now,
        "expired": now + KEPT_SECONDS,
        "exportConfig": group["exportConfig"],
        "truncated": False,
    }
    kept: JSON = {"report": report}
    _reports[report["arn"]] = kept
    build.setdefault("reportArns", []).append(report["arn"])
    if group["type"] != kind:
        return f"report group {arn} is of type {group['type']}"
    base = (code / section.base).resolve()
    files = sorted({p for pattern in section.files for p in base.glob(pattern.removeprefix("./")) if p.is_file()})
    if not files or not base.is_relative_to(code.resolve()):
        return "report files not found in build"
    try:
        (_fill_tests if kind == "TEST" else _fill_coverage)(kept, section.format, files)
    except ValueError as error:
        return str(error)
    return ""


def _fill_tests(kept: JSON, form: str, files: list[Path]) -> None:
    report = kept["report"]
    cases = [case for file in files for case in reportparse.tests(form, file)]
    counts = dict.fromkeys(reportparse.STATUSES, 0)
    for case in cases:
        counts[case["status"]] += 1
    failed = counts["FAILED"] + counts["ERROR"] + counts["UNKNOWN"]
    report["status"] = "FAILED" if failed else "SUCCEEDED"
    report["testSummary"] = {
        "total": len(cases),
        "statusCounts": counts,
        "durationInNanoSeconds": sum(case["durationInNanoSeconds"] for case in cases),
    }
    cases.sort(key=lambda case: case["status"] == "SUCCEEDED")  # failed ones first, should some be cut off
    report["truncated"] = len(cases) > MOST_CASES
    more = {"reportArn": report["arn"], "expired": report["expired"]}
    kept["testCases"] = [case | more for case in cases[:MOST_CASES]]


def _fill_coverage(kept: JSON, form: str, files: list[Path]) -> None:
    report = kept["report"]
    covered = [one for file in files for one in reportparse.coverage(form, file)]
    report["status"] = "SUCCEEDED"
    names = ("linesCovered", "linesMissed", "branchesCovered", "branchesMissed")
    report["codeCoverageSummary"] = reportparse.with_percentages({n: sum(c[n] for c in covered) for n in names})
    more = {"reportARN": report["arn"], "expired": report["expired"]}
    kept["codeCoverages"] = [reportparse.with_percentages(c) | more | {"id": new_uuid()} for c in covered]


def answering(original: Callable[..., Response]) -> Callable[..., Response]:
    """The service's dispatcher, which knows the operations of reports too."""

    @functools.wraps(original)
    def answer(method: str, path: str, headers: dict[str, str], body: bytes, query: JSON) -> Response:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation not in OPERATIONS:
            return original(method, path, headers, body, query)
        try:
            return json_response(OPERATIONS[operation](json.loads(body or b"{}")))
        except RefusedError as error:
            return error_response_json(error.code, str(error), 400)

    return answer


def saving(original: Callable[[], JSON]) -> Callable[[], JSON]:
    return lambda: original() | copy.deepcopy({"reportGroups": _groups, "reports": _reports})


def loading(original: Callable[[JSON], None]) -> Callable[[JSON], None]:
    def load(data: JSON) -> None:
        original(data)
        _groups.update(data.get("reportGroups", {}))
        _reports.update(data.get("reports", {}))

    return load


def _create_resource(logical_id: str, props: JSON, stack: str) -> tuple[str, JSON]:
    name = props.get("Name") or provisioners._physical_name(stack, logical_id, max_len=128)
    export = {"exportConfigType": props["ExportConfig"]["ExportConfigType"]}
    tags = [{"key": tag["Key"], "value": tag["Value"]} for tag in props.get("Tags") or []]
    try:
        made = create_report_group({"name": name, "type": props["Type"], "exportConfig": export, "tags": tags})
    except RefusedError as error:
        raise ValueError(f"{error} (Error Code: {error.code})") from error
    arn = made["reportGroup"]["arn"]
    return arn, {"Arn": arn}


def _update_resource(physical_id: str, old: JSON, new: JSON, stack: str) -> tuple[str, JSON]:
    tags = [{"key": tag["Key"], "value": tag["Value"]} for tag in new.get("Tags") or []]
    _groups[physical_id].update(tags=tags, lastModified=time.time())
    return physical_id, {"Arn": physical_id}


def _delete_resource(physical_id: str, props: JSON) -> None:
    try:
        delete_report_group({"arn": physical_id, "deleteReports": props.get("DeleteReports") in (True, "true")})
    except RefusedError as error:
        raise ValueError(f"{error} (Error Code: {error.code})") from error


_GUIDE = "https://docs.aws.amazon.com/codebuild/latest/"
_SERVICE = "services.codebuild:"
PATCHES = (
    Patch(
        places=(_SERVICE + "_handle_request_sync",),
        sha256="2f2dfd0b74423974a36e978a1eaac5f169cf1d67fa0f7b9e905d0b60ad806d10",
        fault="There are no report groups and no reports.",
        right="A build makes the reports that its buildspec names. (Here of JUnit, Clover and Cobertura XML.)",
        source=_GUIDE + "userguide/test-reporting.html",
        wrap=answering,
    ),
    Patch(
        places=(_SERVICE + "get_state",),
        sha256="a97d0da9476409c29eb1a453bc55736cbb84757d66e0c9689bc2e03981c3d9b3",
        fault="(Reports are not saved, since there are none.)",
        right="They are kept with the builds.",
        source=_GUIDE + "userguide/test-reporting.html",
        wrap=saving,
    ),
)


def install() -> None:
    """Makes the CloudFormation type known to the emulator."""
    provisioners._RESOURCE_HANDLERS[KIND] = {
        "create": _create_resource,
        "update": _update_resource,
        "delete": _delete_resource,
    }
    provisioners._STACK_TAG_PROPERTY[KIND] = ("Tags", "list")
    # "Name" and "Type: Update requires: Replacement"
    provisioners._REPLACING_PROPERTIES[KIND] = ("Name", "Type")
