"""Inputs that are given by hand: they travel as JSON, and reach the run as they were given or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowerpower.arguments import by_name
from flowerpower.errors import UsageError
from flowerpower.state.codec import canonical

if TYPE_CHECKING:
    from flowerpower.dataflow.check import Finding

Look = Callable[[str, Mapping[str, Any]], None]
"""Looks at a run spec and the inputs that it got by hand, and raises `UsageError` for what the run would refuse."""

_HINT = "give texts, numbers, lists and mappings: of a date its isoformat(), of data the place where it lies"


def at_once(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run spec without what could keep a run that somebody asks for from starting: it is late on purpose."""
    return {key: value for key, value in spec.items() if key != "after"} | {"start_deadline": None}


def run_spec_text(spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """Return a run spec with *inputs* laid over its own, as it lies in Redis.

    Raises `UsageError` for inputs that JSON does not hold, or holds as something else.
    """
    check_inputs(inputs)
    if inputs:
        spec = {**spec, "spec": {**spec["spec"], "inputs": {**spec["spec"].get("inputs", {}), **inputs}}}
    try:
        return canonical(spec)
    except (TypeError, ValueError) as error:
        raise _refused(str(error)) from None


def look_with(root: Path, folders: Sequence[str]) -> Look:
    """Return what looks with the code in a project's folder, as far as it is the code that was applied."""

    def look(run_spec: str, inputs: Mapping[str, Any]) -> None:
        spec = json.loads(run_spec)
        if (inputs or spec.get("manual")) and spec.get("folders") == [*folders]:
            from flowerpower.jobs.workers.code import files_on_disk
            from flowerpower.specs.by_hand import wrong_inputs

            findings = wrong_inputs(spec, inputs, files_on_disk(root, folders))
            if findings:
                raise _wrong(findings)

    return look


def look_not(run_spec: str, inputs: Mapping[str, Any]) -> None:
    """Leave it to the run, where there is no code to look with."""


def _wrong(findings: Iterable[Finding]) -> UsageError:
    told = [(finding.what, finding.hint or "give it with --set NAME=VALUE") for finding in findings]
    if len(told) == 1:
        return UsageError(told[0][0], hint=told[0][1])
    return UsageError("\n".join(f"{what} ({hint})" for what, hint in told), hint="nothing is run with them")


def check_inputs(inputs: Mapping[str, Any]) -> None:
    """Raise `UsageError` for inputs that JSON does not hold, or holds as something else."""
    by_name(inputs, "`inputs`")
    try:
        fault = _fault_of_names(inputs, "`inputs`") or _first(_fault(repr(one), inputs[one]) for one in inputs)
    except RecursionError:
        fault = "a value holds itself, or too many others within each other"
    if fault:
        raise _refused(fault)


def _refused(why: str) -> UsageError:
    return UsageError(f"the inputs cannot be written as JSON: {why}", hint=_HINT)


def _fault(where: str, value: object) -> str:
    """Return what of a value JSON does not hold, in words; nothing if it holds all of it."""
    match value:
        case None | int():
            return ""
        case float():
            return "" if math.isfinite(value) else f"{where} is {value}"
        case str():
            return _fault_of_text(where, value)
        case list() | tuple():
            return _first(_fault(f"{where}[{index}]", item) for index, item in enumerate(value))
        case dict():
            faults = (_fault(f"{where}[{key!r}]", item) for key, item in value.items())
            return _fault_of_names(value, where) or _first(faults)
    return f"{where} is of the type {type(value).__name__}"


def _fault_of_names(values: Mapping[Any, object], where: str) -> str:
    """Return what is wrong with the names in a mapping: JSON would make texts of the number 1, of None and True."""
    wrong = [name for name in values if not isinstance(name, str)]
    if wrong:
        return f"{where} has the key {wrong[0]!r}, and keys are texts"
    return _first(_fault_of_text(f"a key of {where}", name) for name in values)


def _fault_of_text(where: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{where} is no text that UTF-8 can hold"
    return ""


def _first(faults: Iterable[str]) -> str:
    return next(filter(None, faults), "")
