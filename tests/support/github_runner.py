"""How a runner of GitHub Actions reads a line of a step's log, by the rules of its ActionCommand and IssueCommand."""

from __future__ import annotations

from dataclasses import dataclass

_DATA = {"%0D": "\r", "%0A": "\n", "%25": "%"}  # in this order: an escaped percent sign must come last
_PROPERTY = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
_ISSUES = ("error", "warning", "notice")


@dataclass(frozen=True)
class Issue:
    """An annotation as the runner sends it on."""

    kind: str
    message: str
    properties: dict[str, str]


def read_line(line: str) -> Issue | None:
    """Return the annotation in a line; None for a line that is shown as it is."""
    text = line.lstrip()
    if not text.startswith("::") or "::" not in text[2:]:
        return None
    command, _, data = text[2:].partition("::")
    kind, _, rest = command.partition(" ")
    if kind not in _ISSUES:
        return None
    pairs = [part.split("=", 1) for part in rest.strip().split(",") if part]
    properties = {pair[0]: _unescaped(pair[1], _PROPERTY) for pair in pairs if len(pair) == 2 and pair[1]}
    return Issue(kind, _unescaped(data, _DATA), _with_good_columns(properties))


def _unescaped(text: str, rules: dict[str, str]) -> str:
    for escaped, char in rules.items():
        text = text.replace(escaped, char)
    return text


def _with_good_columns(properties: dict[str, str]) -> dict[str, str]:
    """Drop what the runner drops: columns of a range over several lines, an end before its start."""
    numbers = {name: int(properties[name]) for name in ("line", "endLine", "col", "endColumn") if name in properties}
    dropped: set[str] = set()
    if "endLine" in numbers and numbers["endLine"] != numbers.get("line"):
        dropped |= {"col", "endColumn"}
    if numbers.get("endColumn", numbers.get("col", 0)) < numbers.get("col", 0):
        dropped |= {"col", "endColumn"}
    if numbers.get("endLine", numbers.get("line", 0)) < numbers.get("line", 0):
        dropped |= {"line", "endLine"}
    return {name: value for name, value in properties.items() if name not in dropped}
