"""Try a case: run its commands for real, each in a process of its own, and say what must not have happened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise

from support.command_line import quiet_environment
from support.fork_server import Ended, Limits, run_watched
from support.fuzz.arguments import WAITING
from support.fuzz.case import Case, Finding
from support.fuzz.records import SCHEDULER, SCHEDULER_CODE
from support.fuzz.world import World

MOST_SECONDS = 5.0  # of a processor, children included: what a busy machine takes away does not count
MOST_MEMORY = 200 << 20
DOCUMENTED = frozenset((0, 1, 2, 3, 4, 6, 130, 141))
HANGS = Limits(interrupt=60, kill=80)
WAITS = Limits(interrupt=2, kill=40)
BUG = "something went wrong inside flowerpower"
TRACEBACK = re.compile(
    r"^Traceback \(most recent call last\):\n((?:[ \t].*\n|\n)*)(\w.*)((?:\n\n(?:The above|During handling).*)?)", re.M
)
PLANNED = ("RuntimeError: as planned",)
ON_PURPOSE = re.compile(r"flowerpower\.errors\.|(flowerpower|rq)\.[\w.]*(Error|Exception|Refused)\b")


def findings(case: Case, world: World) -> list[Finding]:
    """Run a case in its world and return what is wrong, the first of each command."""
    world.prepare(case)
    found = []
    for command in case.commands:
        words = world.filled(command)
        may_wait = case.kind == "arguments" and bool(words) and words[0] in WAITING
        ended = _run(words, world, limits=WAITS if may_wait else HANGS)
        wrong = next(_wrong(words, ended, world), None)
        if wrong is None and ended.interrupted and not may_wait:
            wrong = Finding(f"{words[0]} hangs", tuple(words), (ended.out + ended.err)[-6_000:])
        if wrong is not None:
            found.append(wrong)
    if touched := world.touched():
        found.append(Finding(f"touched {touched[0]}", case.commands[-1], f"keys of others: {touched}"))
    return found


def _run(words: list[str], world: World, *more: str, limits: Limits = HANGS) -> Ended:
    environment = {**quiet_environment(), **world.line.environment, "FLOWERPOWER_VAR_WRONG": "~wrong~"}
    arguments = ["-c", SCHEDULER_CODE] if words[:1] == [SCHEDULER] else [*words, *more]
    return run_watched(arguments, world.line.folder, environment, 120, limits)


def _wrong(words: list[str], ended: Ended, world: World) -> Iterator[Finding]:
    told = (ended.out + ended.err)[-6_000:]
    command = tuple(words)
    name = words[0] if words else ""
    for last in tracebacks(ended.out if "--debug" in words else ended.err + ended.out):
        yield Finding(last, command, told)
    if BUG in ended.err or BUG in ended.out:
        yield Finding(_inside(words, world) or f"{name}: {BUG}", command, told)
    if ended.code not in DOCUMENTED:
        yield Finding(f"{name} exits with {ended.code}", command, told)
    if ended.cpu > MOST_SECONDS:
        yield Finding(f"{name} takes {ended.cpu:.0f} s", command, told)
    if ended.memory > MOST_MEMORY:
        yield Finding(f"{name} takes {ended.memory >> 20} MB", command, told)
    if _asks_for_json(words) and ended.code not in (130, 141) and not _is_document(ended.out):
        yield Finding(f"{name} --json prints no JSON document", command, told)


def tracebacks(text: str) -> list[str]:
    """Return where each traceback ends that is not meant to be there: its last frame in our code, and the error."""
    found = []
    for frames, last, goes_on in TRACEBACK.findall(text):
        if not goes_on and not last.startswith(PLANNED) and not ON_PURPOSE.match(last):
            places = re.findall(r'flowerpower/([\w/]+\.py)", line (\d+), in (\w+)', frames)
            found.append(f"{':'.join(places[-1]) if places else '?'} {last.partition(':')[0]}")
    return found


def _inside(words: list[str], world: World) -> str:
    """Ask once more where the bug is that the command hid from its user."""
    ended = _run(words, world, "--debug")
    return next(iter(tracebacks(ended.err)), "")


def _asks_for_json(words: list[str]) -> bool:
    before = words[: words.index("--")] if "--" in words else words
    return any(word == "--json" and not last.startswith("-") for last, word in pairwise(before))


def _is_document(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
