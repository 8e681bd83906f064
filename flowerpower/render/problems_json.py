"""Mistakes in specs as a JSON document in the shape of `terraform validate -json`.

Its schema is `schemas/validate-output.schema.json`. A range whose end is its start is a point: where the mistake
stands is known, how far it goes is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowerpower.errors import Problem
from flowerpower.render.excerpt import extent, line_of
from flowerpower.render.problems import sort_problems
from flowerpower.specs.codes import docs_url

FORMAT_VERSION = "1.0"


def problems_dict(problems: Sequence[Problem], texts: Mapping[str, bytes] | None = None) -> dict[str, Any]:
    """Return the problems as a JSON document; with *texts* (file -> bytes) each with the line that it is in."""
    ordered = sort_problems(problems)
    errors = sum(problem.severity == "error" for problem in ordered)
    return {
        "format_version": FORMAT_VERSION,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": sum(problem.severity == "warning" for problem in ordered),
        "diagnostics": [_diagnostic(problem, (texts or {}).get(problem.place.file)) for problem in ordered],
    }


def _diagnostic(problem: Problem, text: bytes | None) -> dict[str, Any]:
    place, line = problem.place, line_of(problem, text)
    diagnostic: dict[str, Any] = {
        "severity": problem.severity,
        "code": problem.code,
        "summary": problem.said,
        "detail": problem.hint,
        "docs": docs_url(problem.code),
        "range": {
            "filename": place.file,
            "start": {"line": place.line, "column": place.column},
            "end": {"line": place.line, "column": place.column + extent(problem, line)},
        },
        "snippet": None if line is None else {"code": line, "start_line": place.line},
    }
    if problem.environments:
        diagnostic["environments"] = list(problem.environments)
    return diagnostic
