"""Templates of other tools, as `{{ ds }}` of Airflow or `$DAY` of a shell: what is written for them in a spec."""

from __future__ import annotations

import re
from collections.abc import Mapping

_OF_VARIABLES = "specs are no templates: write ${var:NAME} for what a variable gives"
_QUOTES = "put the text in quotes"
_NOTHING_FITS = "specs are no templates: what ${tick}, ${run.id} and their kin do not tell is for a node to work out"
_TEMPLATE = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_FORMATTED = re.compile(r"([\w.]+?)(?:\.in_timezone\([^()]*\))?\.strftime\(\s*[\"']([^\"'{}]*%[^\"'{}]*)[\"']\s*\)")
_ENVIRONMENT = re.compile(r"env_var\(\s*[\"'](\w+)[\"']\s*(?:,.*)?\)")
_VARIABLE = re.compile(r"(?:^|(?<=/))\$([A-Z_][A-Z0-9_]+)(?=/|$)")
_COMMAND = re.compile(r"\$\(\s*(\w+)[^()]*?(?:\+[\"']?([^\"'()]*%[^\"'()]*?)[\"']?)?\s*\)")
_DAY = "%Y-%m-%d"
_TAGS = {"!secret": "secret", **dict.fromkeys(("!env", "!env_var", "!envvar", "!var"), "var")}
_NAMED = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
_FIRST = re.compile(r"\w+")
_BY_DAY: Mapping[str, str] = {"ds": ":%Y-%m-%d", "ds_nodash": ":%Y%m%d", "ts": "", "ts_nodash": ":%Y%m%dT%H%M%S"}
_MOMENTS: Mapping[str, str] = {
    "data_interval_start": "tick.start",
    "data_interval_end": "tick.end",
    "prev_execution_date": "tick.start",
}
_RUNS: Mapping[str, str] = {
    "run_id": "run.id",
    "dag_run.run_id": "run.id",
    "dag.dag_id": "run.schedule",
    "dag_id": "run.schedule",
    "ti.try_number": "run.attempt",
    "task_instance.try_number": "run.attempt",
}
_BY_LOGICAL_DATE = ("execution_date", "logical_date", "dag_run.logical_date", "dag_run.execution_date")
_WITHOUT_KIN = frozenset(
    (
        *("conf", "conn", "dag", "dag_run", "inlets", "macros", "params", "task", "task_instance", "ti"),
        *("next_ds", "next_execution_date", "prev_ds", "tomorrow_ds", "yesterday_ds"),
    )
)


def template_doubt(value: str) -> tuple[str, str] | None:
    """Return what is doubtful of a text with a template that another tool would have filled in; None if nothing is."""
    if "$" in value and (hint := shell_hint(value)):
        return f"`{value[:60]}` is a text: no shell reads it", hint
    for found in _TEMPLATE.finditer(value):
        if hint := _hint(found[1]):
            return f"`{' '.join(found[0].split())[:60]}` is a text: nothing is filled in here", hint
    return None


def shell_hint(value: str) -> str:
    """Return what to write for a text in which a shell would fill in a variable or what a command says; or nothing."""
    filled = _VARIABLE.sub(r"${var:\1}", value)
    if filled != value:
        return f'write "{filled[:80]}"'
    command = _COMMAND.fullmatch(value)
    if command and command[1] == "date":
        form = (command[2] or _DAY).replace("%F", _DAY)
        return f'write "${{tick:{form}}}"'
    return _OF_VARIABLES.removeprefix("specs are no templates: ") if command else ""


def tag_hint(tag: str, value: str) -> str:
    """Return what to write for a value that a tag of another tool would look up, as `!secret token`; or nothing."""
    kind = _TAGS.get(tag.lower(), "")
    return f'write "${{{kind}:{value}}}"' if kind and _NAMED.fullmatch(value) else ""


def template_begins(written: str) -> bool:
    """Tell whether a text begins with a template."""
    return _TEMPLATE.match(written) is not None


def template_hint(written: str, *, quoted: bool = False) -> str:
    """Return what to write for the first template of a text that stands without quotes, or is wrong in them."""
    found = _TEMPLATE.search(written)
    return (_hint(found[1]) if found else "") or (_OF_VARIABLES if quoted else f"{_OF_VARIABLES}, or {_QUOTES}")


def _hint(expression: str) -> str:
    """Return what to write for an expression of Airflow or dbt; nothing for one that only its author knows."""
    name, _, pipe = (part.strip() for part in expression.partition("|"))
    end = _BY_DAY.get(pipe, "")
    if formatted := _FORMATTED.fullmatch(name):
        name, end = formatted[1], f":{formatted[2]}"
    if name in _BY_DAY or name in _BY_LOGICAL_DATE:
        end = _BY_DAY.get(name, end)
        return f'write "${{tick.start{end}}}" for that of Airflow 2, "${{tick{end}}}" for that of Airflow 3'
    if name in _MOMENTS:
        return f'write "${{{_MOMENTS[name]}{end}}}"'
    if name in _RUNS:
        return f'write "${{{_RUNS[name]}}}"'
    if variable := _ENVIRONMENT.fullmatch(name) or re.fullmatch(r"var\.(?:value|json)\.(\w+)(?:\..*)?", name):
        return f'write "${{var:{variable[1]}}}"'
    first = _FIRST.match(name)
    return _NOTHING_FITS if first and first[0] in _WITHOUT_KIN else ""
