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
_LEAST = 24  # columns for a message


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
    """Return verdict and name with the message beside them or, where there is little room, below them."""
    verdict = style(finding.verdict, _EMPHASIS[finding.verdict]) + " " * (_VERDICT - len(finding.verdict))
    name = f"{finding.area} {finding.name}"
    beside = width - (_VERDICT + 2 + _NAME + 2) >= _LEAST
    indent = " " * (_VERDICT + 2 + (_NAME + 2) * beside)
    room = max(width - len(indent), _LEAST)
    told = wrap(safe(finding.message), room, "")
    hints = wrap(safe(finding.hint), room, "") if finding.hint and finding.verdict != "ok" else []
    first = f"{verdict}  {name.ljust(_NAME)}  {told[0]}" if beside else f"{verdict}  {name}"
    return [
        first.rstrip(),
        *(f"{indent}{line}" for line in told[beside:]),
        *(style(f"{indent}{line}", "faint") for line in hints),
    ]


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
