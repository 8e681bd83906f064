"""Hints are written for the command line, once; for a caller of the Python API they name calls and arguments.

A process that is a command says so once: what it raises and logs then names its own flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

_LOAD = "FlowerPowerProject.load"
_ALLOWED = "project.plan(Allowed({}))"  # flowerpower.planning.guards.Allowed
_OVERRIDES = ("empty", "takeover", "older-commit", "dirty", "cancel", "long-commit", "damaged", "twin")
# Other words than those of a flag or a command read better here.
_PHRASES = {
    "run the command again": "call again",
    "To give the command again": "To call again",
    "or name one with --project": f"or pass its folder to {_LOAD}",
    "or leave --ref away": f"or give {_LOAD} no ref",
    "plan without --against": "plan with project.plan()",
    "plan without --target and --exclude": "apply the whole plan, not what only() left of it",
}
_CALLS = {  # the name of the command, what stands behind it
    ("validate", ""): "project.validate()",
    ("plan", " --out FILE"): "project.plan().to_file()",
    ("plan", ""): "project.plan()",
    ("apply", ""): "project.apply(project.plan())",
    ("history", ""): "project.history()",
    ("status", ""): "project.jobs.status()",
    ("runs", r" --job ([\w.-]+)"): r'project.jobs.run("\1")',
    ("runs", r" ([\w.-]+)(?=`)"): r'project.jobs.runs("\1")',
    ("runs", ""): "project.jobs.runs()",
    ("trigger", r" ([\w.-]+)"): r'project.jobs.enqueue("\1")',
    ("pause", r' ([\w.-]+) --reason "\.\.\."'): r'project.jobs.pause("\1", reason="...")',
    ("cancel", r" ([\w.-]+) --all"): r'project.jobs.cancel for each of project.jobs.runs("\1").runs',
    ("run", r" ([A-Z]\w*)"): r'project.pipelines.run("\1")',
}
_ARGUMENTS = {
    r"--redis": f"{_LOAD}(redis=...)",
    r"with --env (\S+)": r'with env="\1"',
    r"--env": f"{_LOAD}(env=...)",
    r"--ref HEAD": f'{_LOAD}(ref="HEAD")',
    r"--reason (\".*?\")": r"reason=\1",
    r"--set NAME=VALUE": 'inputs={"NAME": VALUE}',
    r"--until (\d\w*)": r'until="\1"',
    r"--until": "until",
    r"--since": "since",
    r"--from": "start",
    r"--to": "end",
    r"--again": "again=True",
    r"--allow-ticks (\S+)": r"most=\1",
    r"--processes (\d+)": r"processes=\1",
    r"--queue ([A-Z]+)": r'queues=["\1"]',
    r"--allow-function": "allowed=[...]",
    r"--grace": "grace=...",
    r"--require-commit": "require_commit=True",
    r"--branch (main)": r'branch="\1"',
    r"--branch": "branch=...",
    r"--format mermaid": 'format="mermaid"',
    r"--metrics ([\d.:]+)": r'metrics="\1"',
    r"--metrics": "metrics",
    r"--allow-deletes (\S+)": _ALLOWED.format(r'deletes="\1"'),
    r"--allow-check (\S+)": _ALLOWED.format(r'checks=("\1",)'),
    r"--accept-cutover": _ALLOWED.format("cutover=True"),
    **{f"--allow-{name}": _ALLOWED.format(f"{name.replace('-', '_')}=True") for name in _OVERRIDES},
}
# A command with flags that is no call is one to be typed, and left as it is.
_TYPED = re.compile(r"((?:flowerpower|git|redis-cli|pip) [a-z-]+(?: --?[a-z][\w-]*(?: \w[\w.:/-]*)?)+)")

_is_command = False


@contextmanager
def speaking_as_command() -> Iterator[None]:
    """Let this process name flags of the command line in a block, where it would name arguments of the Python API."""
    global _is_command  # noqa: PLW0603 - it is what the process is, for all that it raises and logs
    before, _is_command = _is_command, True
    try:
        yield
    finally:
        _is_command = before


def called(flag: str, argument: str) -> str:
    """Return what the caller knows something by: the flag in a command, else the argument."""
    return flag if _is_command else f"`{argument}`"


def in_traceback(hint: str) -> str:
    """Return a hint as a traceback and a log of this process show it."""
    return hint if _is_command else in_python(hint)


def in_python(hint: str) -> str:
    """Return a hint with calls for its commands and arguments for its flags, as far as there are any."""
    if "--" not in hint and "command" not in hint and "flowerpower " not in hint:
        return hint
    for phrase, said in _PHRASES.items():
        hint = hint.replace(phrase, said)
    for (command, more), call in _CALLS.items():
        hint = re.sub(rf"\bflowerpower {command}(?: --env [\w-]+)?{more}(?![\w-]| -)", call, hint)
    pieces = _TYPED.split(hint)
    pieces[::2] = map(_with_arguments, pieces[::2])
    return "".join(pieces).replace("run `project.", "call `project.")


def _with_arguments(text: str) -> str:
    for flag, argument in _ARGUMENTS.items():
        text = re.sub(rf"(?<![\w-]){flag}(?![\w-])", argument, text)
    return text
