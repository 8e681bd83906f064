"""`pause` and `resume`: hold live schedules at once, and let them go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject

_FEW = 3  # proposals at once
LiveSchedules = Annotated[
    list[str],
    typer.Argument(
        help="Live schedules; a pattern in quotes, as 'sales_*', means many.", autocompletion=completion.schedules
    ),
]


@command("pause", "Hold live schedules at once.", 'flowerpower pause nightly_sales --reason "vendor outage" --until 2d')
def pause(
    session: Session,
    names: LiveSchedules,
    reason: Annotated[
        str | None, flag("--reason", help="Why, for whoever finds it held at 2 a.m.", metavar="TEXT")
    ] = None,
    until: Annotated[
        str | None,
        flag(
            "--until",
            help="When it ends by itself: 2d, 2026-12-01T09:00 or 09:00, on the clocks of the schedule's zone.",
            metavar="TIME",
        ),
    ] = None,
    replace: Annotated[bool, flag("--replace", help="Take over a hold that is there already.")] = False,
) -> None:
    """Hold live schedules at once: nothing of theirs fires until `resume`. Runs that are queued or running go on.

    Apply never lifts a hold. All of the names are held, or none.
    """
    from flowerpower.render.holds import paused_dict, paused_text
    from flowerpower.render.words import safe, typed

    with session.project() as project:
        if reason is None:
            reason = _ask_why(session, project, names)
        done = project.jobs.pause(*names, reason=reason, until=until, replace=replace)
        namespace = project.store.keys.namespace
    session.document(paused_dict(done, namespace))
    session.result(paused_text(done, style=session.style))
    busy = [f"{safe(one.name)}{' --all' if one.active > 1 else ''}" for one in done.held if one.active]
    for name in busy[:_FEW]:
        session.talk(f"To stop what is under way: {typed(f'flowerpower cancel {name}', namespace)}")


@command("resume", "Let held schedules go on, from now.", "flowerpower resume nightly_sales")
def resume(
    session: Session,
    names: Annotated[
        list[str],
        typer.Argument(
            help="Held schedules; a pattern in quotes, as '*', means many.", autocompletion=completion.schedules
        ),
    ],
) -> None:
    """Let held schedules go on, from now: what they skipped is recorded and never run late.

    One that is not held is no error: it is as you want it. `paused: true` in a spec is not undone.
    """
    from flowerpower.render.holds import resumed_dict, resumed_text

    with session.project() as project:
        done = project.jobs.resume(*names)
        namespace = project.store.keys.namespace
    session.document(resumed_dict(done, namespace))
    session.result(resumed_text(done, style=session.style))


def _ask_why(session: Session, project: FlowerPowerProject, names: Sequence[str]) -> str:
    from flowerpower.jobs.by_hand.naming import named_schedules

    named_schedules(project.store, names)  # nobody wants to say why, and then hear that there is no such schedule
    if not session.can_ask:
        raise UsageError("a hold needs a reason", hint='say why: --reason "vendor outage"')
    return str(typer.prompt("Reason", err=True))
