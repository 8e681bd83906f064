"""The comments at the top of an adopted schedule: what it is, and how it is handed over, no fire lost or twice."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flowerpower.adoption.found import Found
from flowerpower.render.words import iso, safe, wrap

_WIDTH = 96
SCHEDULER_KEY = "rq:scheduler:scheduled_jobs"


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the steps speak of: the files, what to know, and the names in Redis."""

    schedule: str
    files: tuple[str, ...]  # of its pipeline and module
    notes: tuple[str, ...]
    rq_prefix: str = "rq"


def comments(found: Found, over: HandOver) -> str:
    """Return the comments, each line with its `#`."""
    lines = [*_paragraph(f"Adopted from {_source(found, over.rq_prefix)}."), "#"]
    lines += [line for note in over.notes for line in _paragraph(note, "Note: ")]
    lines += ["#"] if over.notes else []
    lines += _paragraph(f"It is paused: until it is handed over, {_old(found)} runs it.{_next_fire(found)}")
    for number, (text, commands) in enumerate(_steps(found, over), start=1):
        lines += _paragraph(text, f"  {number}. ")
        lines += [f"#        {safe(command)}" for command in commands]
    return "".join(f"{line}\n" for line in [*lines, "#"])


def stop_commands(found: Found, rq_prefix: str) -> tuple[str, ...]:
    """Return the commands that stop the old one; none where a file has to be changed."""
    if found.tool == "rq-cron" or found.id.startswith("hex-"):
        return ()
    key = SCHEDULER_KEY if found.tool == "rq-scheduler" else f"{rq_prefix}:scheduled:{found.queue}"
    return (f"redis-cli ZREM {shlex.quote(key)} {shlex.quote(found.id)}",)


def _source(found: Found, rq_prefix: str) -> str:
    if found.tool == "rq-cron":
        return f"RQ's cron: {found.call.function} in {found.config_file or 'a cron file that it does not name'}"
    if found.tool == "rq-scheduler":
        return f"rq-scheduler: its job {found.id}, which calls {found.call.function}"
    return f"RQ: the job {found.id} in {rq_prefix}:scheduled:{found.queue}, which calls {found.call.function}"


def _old(found: Found) -> str:
    return {"rq": "RQ's scheduler", "rq-cron": "`rq cron`", "rq-scheduler": "rq-scheduler"}[found.tool]


def _next_fire(found: Found) -> str:
    if found.due is None:
        return ""
    return f" Its next fire there, when this was written, was to be at {iso(found.due)}."


def _steps(found: Found, over: HandOver) -> Iterator[tuple[str, Sequence[str]]]:
    fill_in = " Write what says FILL IN." if found.call.to_fill_in else ""
    yield f"Review this file, {' and '.join(over.files)}.{fill_in} Then commit, and `flowerpower apply`.", ()
    yield _stop(found), stop_commands(found, over.rq_prefix)
    again = found.cron is not None or found.every is not None
    trigger = f"`flowerpower trigger {over.schedule}` runs it by hand"
    lost = f" What should have fired since step 2 is lost: {trigger}." if again else f" If that is past: {trigger}."
    yield f"Write `paused: false` below, and apply: the plan shows the first fire.{lost}", ()
    clean = "Remove these comments."
    if found.tool != "rq-cron" and not found.id.startswith("hex-"):
        yield (
            f"{clean} The old job itself can go too:",
            (f"redis-cli DEL {shlex.quote(f'{over.rq_prefix}:job:{found.id}')}",),
        )
    else:
        yield clean, ()


def _stop(found: Found) -> str:
    when = "Between two fires" if found.cron is not None or found.every is not None else _before(found)
    if found.tool == "rq-cron":
        file = found.config_file or "its cron file"
        where = "; ".join(dict.fromkeys(found.runners[:5]))
        return f"{when} stop the old one: take {found.call.function} out of {file}, restart `rq cron` ({where})."
    odd = found.id.removeprefix("hex-")
    if odd != found.id:
        return f"{when} stop the old one: cancel the job whose id has these bytes, in hexadecimal: {odd}."
    return f"{when} stop the old one. This must answer 1; if it answers 0, it fired meanwhile:"


def _before(found: Found) -> str:
    return "Before that moment" if found.due is not None else "First"


def _paragraph(text: str, head: str = "") -> list[str]:
    return [f"# {line}" for line in wrap(f"{head}{safe(text)}", _WIDTH, " " * len(head))]
