"""The environments of a project, and what is wrong in several of them as one list in which each mistake is told once.

What is wrong in `default` is told as if there were no other; what is wrong only in others says in which.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from flowerpower.errors import Problem
from flowerpower.specs.codes import CODES
from flowerpower.specs.files.kinds import PROJECT_FILES, may_declare
from flowerpower.specs.text.documents import MAX_PROBLEMS
from flowerpower.specs.text.yaml import Parse, parse
from flowerpower.specs.verdict import Ending, Verdict, in_order

DEFAULT = "default"
_MOST = 1_000  # environments that are checked in one run; of several thousand fewer, since each knows of all others
_ELSEWHERE = re.compile(
    r", as the schedule '[^']*'(?: and \d+ more)? runs it$|(?<=pipeline )'[^']*'(?: and \d+ more)?(?=:)"
)
_GIVEN_LATER = "{}; without it that environment cannot be planned"


def declared(texts: Mapping[str, bytes], parse: Parse = parse) -> tuple[str, ...]:
    """Return the environments of a project, `default` first, the others as its file has them."""
    names = [name for name in patches_of(texts, parse) if isinstance(name, str)]
    return tuple(dict.fromkeys((DEFAULT, *names)))


def looked_at(environments: Sequence[str]) -> Sequence[str]:
    """Return those of the declared environments that are checked in one run."""
    return environments[: min(_MOST, _MOST * _MOST // len(environments))]


def patches_of(texts: Mapping[str, bytes], parse: Parse = parse) -> Mapping[str, Any]:
    """Return what the project file lays over itself in each environment; nothing where it cannot be told."""
    files = [file for file in PROJECT_FILES if file in texts]
    if len(files) != 1 or not may_declare(texts[files[0]]):
        return {}
    documents = parse(files[0], texts[files[0]]).documents
    data = documents[0].data if len(documents) == 1 else None
    environments = data.get("environments") if isinstance(data, dict) else None
    return environments if isinstance(environments, dict) else {}


def touched(texts: Mapping[str, bytes], parse: Parse = parse) -> Mapping[str, Collection[str]]:
    """Return by environment the spec files that have a patch for it; one without any has no key."""
    found: dict[str, dict[str, None]] = {}
    for path, text in texts.items():
        if path in PROJECT_FILES or not may_declare(text):
            continue
        for document in parse(path, text).documents:
            patches = document.data.get("environments") if isinstance(document.data, dict) else None
            for env, patch in patches.items() if isinstance(patches, dict) else ():
                if patch != {}:
                    found.setdefault(env, {})[path] = None
    return {env: paths.keys() for env, paths in found.items()}


def verdict_everywhere(verdicts: Sequence[tuple[str, Verdict]], declared: int = 0) -> Verdict:
    """Return one verdict of those on every environment, `default` first; perhaps more are *declared*."""
    first = verdicts[0][1]
    return first._replace(
        pipelines=max(verdict.pipelines for _, verdict in verdicts),
        schedules=max(verdict.schedules for _, verdict in verdicts),
        problems=told_once([(env, verdict.problems) for env, verdict in verdicts]),
        endings=tuple(_once(end for _, verdict in verdicts for end in verdict.endings)),
        environments=tuple(env for env, _ in verdicts),
        left_out=max(0, declared - len(verdicts)),
    )


def told_once(found: Sequence[tuple[str, Sequence[Problem]]]) -> tuple[Problem, ...]:
    """Return what was found in each environment, `default` first, as one list, sorted by place."""
    (_, first), *others = found
    known = {_key(problem, DEFAULT) for problem in first}
    only: dict[object, tuple[Problem, list[str]]] = {}
    for env, problems in others:
        if problems is first:
            continue
        for problem in problems:
            key = _key(problem, env)
            if key not in known:
                only.setdefault(key, (problem, []))[1].append(env)
    if not only:
        return tuple(first)
    more = (_as_elsewhere(problem)._replace(environments=tuple(envs)) for problem, envs in only.values())
    full = {problem.place.file for problem in first if problem.code == "FP020"}
    return in_order([*first, *_capped(more, full)])


def _once(endings: Iterable[Ending]) -> Iterable[Ending]:
    return {(*end.trigger.values(), end.next_tick): end for end in endings}.values()


def _key(problem: Problem, env: str) -> object:
    """Return what is the same when a mistake is the same in two environments."""
    what = _ELSEWHERE.sub("", problem.what) if problem.code.startswith(("FP32", "FP33")) else problem.what
    if problem.code == "FP301":
        what = what.replace(f"the environment '{env}'", "the environment")
    place = problem.place.file if problem.code == "FP020" else problem.place
    return problem.code, place, problem.severity, what


def _as_elsewhere(problem: Problem) -> Problem:
    """Return a mistake of another environment than `default`: variables are given to who plans and applies there."""
    if problem.code != "FP202":
        return problem
    return problem._replace(severity="note", hint=_GIVEN_LATER.format(problem.hint))


def _capped(problems: Iterator[Problem], full: Collection[str]) -> Iterator[Problem]:
    """Yield no more problems of a file than one environment alone may have; *full* are those that have as many."""
    told: Counter[str] = Counter(dict.fromkeys(full, MAX_PROBLEMS + 1))
    for problem in problems:
        file = problem.place.file
        told[file] += 1
        if told[file] <= MAX_PROBLEMS:
            yield problem
        elif told[file] == MAX_PROBLEMS + 1:
            what = f"the file has {MAX_PROBLEMS} problems or more"
            yield problem._replace(code="FP020", what=what, hint=CODES["FP020"].advice, severity="error")
