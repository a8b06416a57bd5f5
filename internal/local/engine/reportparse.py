"""Reads the files of which CodeBuild makes reports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

JSON = dict[str, Any]

# What is read, and of which type the report is. CodeBuild reads more formats.
KINDS = {"JUNITXML": "TEST", "CLOVERXML": "CODE_COVERAGE", "COBERTURAXML": "CODE_COVERAGE"}
STATUSES = ("SUCCEEDED", "FAILED", "ERROR", "SKIPPED", "UNKNOWN")

_CONDITION = re.compile(r"\((\d+)/(\d+)\)")
_OUTCOMES = {"failure": "FAILED", "error": "ERROR", "skipped": "SKIPPED"}


def _root(file: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{file.name} is not XML: {error}") from error


def tests(form: str, file: Path) -> list[JSON]:
    """The test cases of a file of JUnit's format; ValueError says why there are none."""
    root = _root(file)
    if root.tag not in ("testsuites", "testsuite"):
        raise ValueError(f"{file.name} is not of format {form}: its root is {root.tag}")
    found = []
    for suite in root.iter("testsuite"):
        found += [_case(case, suite.get("name", ""), file.name) for case in suite.findall("testcase")]
    return found


def _case(case: ElementTree.Element, suite: str, file: str) -> JSON:
    told = next((child for child in case if child.tag in _OUTCOMES), None)
    return {
        "testRawDataPath": file,
        "prefix": case.get("classname", ""),
        "name": case.get("name", ""),
        "testSuiteName": suite,
        "status": "SUCCEEDED" if told is None else _OUTCOMES[told.tag],
        "message": "" if told is None else (told.get("message") or (told.text or "").strip()),
        "durationInNanoSeconds": int(float(case.get("time") or 0) * 1e9),
    }


def coverage(form: str, file: Path) -> list[JSON]:
    """The covered and missed lines and branches of each source file; ValueError says why there are none."""
    root = _root(file)
    if root.tag != "coverage":
        raise ValueError(f"{file.name} is not of format {form}: its root is {root.tag}")
    return _clover(root) if form == "CLOVERXML" else _cobertura(root)


def _clover(root: ElementTree.Element) -> list[JSON]:
    found = []
    for file in root.iter("file"):
        metrics = file.find("metrics")
        if metrics is None:
            raise ValueError(f"file {file.get('name')} has no metrics")
        lines, branches = int(metrics.get("statements", 0)), int(metrics.get("conditionals", 0))
        hit, taken = int(metrics.get("coveredstatements", 0)), int(metrics.get("coveredconditionals", 0))
        found.append(_covered(file.get("path") or file.get("name", ""), hit, lines, taken, branches))
    return found


def _cobertura(root: ElementTree.Element) -> list[JSON]:
    files: dict[str, dict[str, tuple[int, int, int]]] = {}
    for part in root.iter("class"):
        lines = files.setdefault(part.get("filename", ""), {})
        for line in part.findall("lines/line"):
            condition = _CONDITION.search(line.get("condition-coverage", ""))
            taken, branches = (int(condition[1]), int(condition[2])) if condition else (0, 0)
            earlier = lines.get(line.get("number", ""), (0, 0, 0))
            lines[line.get("number", "")] = max(earlier, (int(line.get("hits", 0)), taken, branches))
    return [
        _covered(
            name,
            sum(hits > 0 for hits, _, _ in lines.values()),
            len(lines),
            sum(taken for _, taken, _ in lines.values()),
            sum(branches for _, _, branches in lines.values()),
        )
        for name, lines in files.items()
    ]


def _covered(path: str, hit: int, lines: int, taken: int, branches: int) -> JSON:
    return {
        "filePath": path,
        "linesCovered": hit,
        "linesMissed": lines - hit,
        "branchesCovered": taken,
        "branchesMissed": branches - taken,
    }


def with_percentages(counts: JSON) -> JSON:
    """The counts with what they are of all lines and branches, in percent; nothing to cover is covered."""

    def percentage(covered: int, missed: int) -> float:
        return round(100 * covered / (covered + missed), 2) if covered + missed else 100.0

    return counts | {
        "lineCoveragePercentage": percentage(counts["linesCovered"], counts["linesMissed"]),
        "branchCoveragePercentage": percentage(counts["branchesCovered"], counts["branchesMissed"]),
    }
