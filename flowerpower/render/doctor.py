"""What `doctor` found, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.words import count, safe, wrap

if TYPE_CHECKING:
    from flowerpower.doctor.findings import Examination, Finding

_EMPHASIS: Mapping[str, Emphasis] = {"fail": "error", "warn": "warning", "unknown": "drift", "ok": "good"}
_VERDICT, _NAME = 7, 21


def doctor_text(examination: Examination, *, width: int = 100, style: Style = plain) -> str:
    """Return the findings for people, each on a line of its own with what to do below."""
    where = " at ".join(part for part in (examination.namespace, examination.place) if part)
    lines = [style(safe(where), "faint"), ""] if where else []
    for finding in examination.findings:
        lines += _lines(finding, width, style)
    failures, warnings, unknown = (examination.count(verdict) for verdict in ("fail", "warn", "unknown"))
    well = f"{examination.count('ok')} ok, {count(warnings, 'warning')}, {count(failures, 'failure')}"
    lines += ["", style(well + (f", {unknown} unknown" if unknown else ""), "strong")]
    return "\n".join(lines)


def _lines(finding: Finding, width: int, style: Style) -> list[str]:
    indent = " " * (_VERDICT + 2 + _NAME + 2)
    name = f"{finding.area} {finding.name}"
    head = f"{finding.verdict.ljust(_VERDICT)}  {name.ljust(_NAME)}  "
    lines = wrap(head.replace(" ", "\0") + safe(finding.message), width, indent)
    lines[0] = (
        lines[0].replace("\0", " ").replace(finding.verdict, style(finding.verdict, _EMPHASIS[finding.verdict]), 1)
    )
    if finding.hint and finding.verdict != "ok":
        lines += [style(line, "faint") for line in wrap(f"{indent}{safe(finding.hint)}", width, indent)]
    return lines


def doctor_dict(examination: Examination) -> dict[str, Any]:
    """Return the findings as a JSON document."""
    return {
        "format_version": "1.0",
        "ok": examination.is_well,
        "namespace": examination.namespace or None,
        "redis": examination.place or None,
        "counts": {verdict: examination.count(verdict) for verdict in ("fail", "warn", "unknown", "ok")},
        "checks": [asdict(finding) for finding in examination.findings],
    }
