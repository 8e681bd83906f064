"""Mistakes in specs as a GitLab Code Quality report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowerpower.errors import Problem, Severity
from flowerpower.render.fingerprint import fingerprints
from flowerpower.render.problems import sort_problems
from flowerpower.render.words import safe

_SEVERITIES: Mapping[Severity, str] = {"error": "major", "warning": "minor", "note": "info"}


def problems_gitlab(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Return the report; paths must be relative to the root of the repository, else GitLab shows no diff for them."""
    ordered = sort_problems(problems)
    return [_entry(problem, mark) for problem, mark in zip(ordered, fingerprints(ordered), strict=True)]


def _entry(problem: Problem, fingerprint: str) -> dict[str, Any]:
    hint = f" ({problem.hint})" if problem.hint else ""
    return {
        "description": safe(f"{problem.code}: {problem.said}{hint}"),
        "check_name": problem.code,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[problem.severity],
        "location": {"path": problem.place.file, "lines": {"begin": problem.place.line}},
    }
