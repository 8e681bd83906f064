"""Every command there is, and a call of each that does something, made from what the command itself says it takes."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal

import typer.main

from flowerpower.cli.commands import build

Words = tuple[str, ...]
# What a required argument or flag is given, by its name or that of a type of value; in a project of `command_line`.
_VALUES: Mapping[str, str] = {
    "pipeline": "report",
    "file": "plan.json",
    "runs": "acme--default--nightly--1795658400",
    "name": "nightly",
    "names": "nightly",
    "apply_id": "nothing",
    "out": "made.txt",
    "end": "2026-01-02",
}
# What a call needs to end by itself, to change nothing that matters, or to have something to say.
_MORE: Mapping[str, Words] = {
    "worker": ("--burst",),
    "new pipeline": (),
    "pause": ("--reason", "why"),
    "backfill": ("--from", "2026-01-01", "--dry-run"),
    "run": ("--set", "number=4"),
    "apply": ("--auto-approve",),
}
_OTHER: Mapping[str, Words] = {
    "new pipeline": ("another",),
    "new schedule": ("another",),
    "rollback": ("nothing", "--plan"),
    "init": ("elsewhere", "--no-git"),
}
ENDLESS = ("scheduler", "dev")  # until somebody stops them; `worker` ends in a burst


@cache
def commands() -> Mapping[str, Any]:
    """Return every command by its words, those of groups included."""
    return dict(_commands(typer.main.get_command(build()), ""))


def _commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def groups() -> Sequence[str]:
    """Return the groups of commands."""
    built: Any = typer.main.get_command(build())
    return [name for name, command in built.commands.items() if hasattr(command, "commands")]


def call(name: str) -> Words:
    """Return the words of a call that does something."""
    words = name.split()
    if name in _OTHER:
        return (*words, *_OTHER[name])
    given = [part for parameter in commands()[name].params if parameter.required for part in _given(name, parameter)]
    return (*words, *given, *_MORE.get(name, ()))


def _given(name: str, parameter: Any) -> Words:
    value = _VALUES.get(parameter.name) or _first_choice(name, parameter.name)
    return (value,) if parameter.param_type_name == "argument" else (parameter.opts[0], value)


def _first_choice(name: str, parameter: str) -> str:
    kind = typing.get_args(_annotations(name)[parameter])[0]
    if isinstance(kind, UnionType) or typing.get_origin(kind) is typing.Union:
        kind = next(each for each in typing.get_args(kind) if each is not NoneType)
    if typing.get_origin(kind) is Literal:
        return str(typing.get_args(kind)[0])
    return {int: "1", Path: "plan.json"}.get(kind, "nightly")


def _annotations(name: str) -> Mapping[str, Any]:
    *group, last = name.split()
    app = build()
    for word in group:
        app = next(each.typer_instance for each in app.registered_groups if each.name == word and each.typer_instance)
    function = next(each.callback for each in app.registered_commands if each.name == last)
    assert function is not None
    return {each.name: each.annotation for each in inspect.signature(function).parameters.values()}
