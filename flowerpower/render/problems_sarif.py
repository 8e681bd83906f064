"""Mistakes in specs as SARIF 2.1.0, which code scanning, editors and many dashboards read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from flowerpower.errors import Problem
from flowerpower.render.excerpt import extent, line_of
from flowerpower.render.fingerprint import fingerprints
from flowerpower.render.problems import sort_problems
from flowerpower.render.words import safe
from flowerpower.specs.codes import CODES, DOCS, Code, docs_url

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LONGEST_LINE = 500
_UNKNOWN = Code("problem", "See the message.")


def problems_sarif(
    problems: Sequence[Problem], texts: Mapping[str, bytes] | None = None, *, version: str
) -> dict[str, Any]:
    """Return a log with one run; paths must be relative to the root of the repository, or absolute."""
    ordered = sort_problems(problems)
    codes = sorted({problem.code for problem in ordered})
    failed = any(problem.severity == "error" for problem in ordered)
    run = {
        "tool": {"driver": _driver(codes, ordered, version)},
        "invocations": [{"executionSuccessful": True, "exitCode": int(failed)}],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(problem, codes.index(problem.code), mark, (texts or {}).get(problem.place.file))
            for problem, mark in zip(ordered, fingerprints(ordered), strict=True)
        ],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver(codes: Sequence[str], problems: Sequence[Problem], version: str) -> dict[str, Any]:
    levels = {problem.code: problem.severity for problem in reversed(problems)}  # the worst of each
    return {
        "name": "flowerpower",
        "version": version,
        "informationUri": DOCS,
        "rules": [_rule(code, CODES.get(code, _UNKNOWN), levels[code]) for code in codes],
    }


def _rule(name: str, code: Code, level: str) -> dict[str, Any]:
    title = f"{code.title[:1].upper()}{code.title[1:]}."
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in code.title.replace("_", " ").split()),
        "shortDescription": {"text": title},
        "fullDescription": {"text": f"{title} {code.advice}"},
        "help": {"text": code.advice, "markdown": f"{code.advice}\n\n[{name} in the documentation]({docs_url(name)})"},
        "helpUri": docs_url(name),
        "defaultConfiguration": {"level": level},
    }


def _result(problem: Problem, rule: int, fingerprint: str, text: bytes | None) -> dict[str, Any]:
    hint = f" ({problem.hint})" if problem.hint else ""
    artifact = _location(problem.place.file)
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": safe(f"{problem.said}{hint}")},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, **_regions(problem, text)}}],
        "partialFingerprints": {"codeFileMessage/v1": fingerprint},
    }


def _regions(problem: Problem, text: bytes | None) -> dict[str, Any]:
    """Return the region of a problem and, for a viewer without the file, the line it is in.

    A region without an end goes to the end of its line; what stands around one must be more than the region itself.
    """
    place, line = problem.place, line_of(problem, text)
    region: dict[str, Any] = {"startLine": place.line, "startColumn": place.column}
    length = extent(problem, line)
    if length:
        region["endColumn"] = place.column + length
    if line is None or len(line) > _LONGEST_LINE:
        return {"region": region}
    start = place.column - 1
    marked = line[start : start + length] if length else line[start:]
    region["snippet"] = {"text": marked}
    if marked == line:
        return {"region": region}
    return {"region": region, "contextRegion": {"startLine": place.line, "snippet": {"text": line}}}


def _location(file: str) -> dict[str, str]:
    uri = quote(file, safe="/", errors="surrogateescape")
    return {"uri": f"file://{uri}"} if file.startswith("/") else {"uri": uri, "uriBaseId": _ROOT}
