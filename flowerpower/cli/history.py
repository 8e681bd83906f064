"""`history`: which applies changed something, by whom and from which commit; and what one of them changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject


@command(
    "history",
    "Show what was applied, newest first.",
    "flowerpower history -n 5 --env prod; flowerpower history nightly_sales",
)
def history(
    session: Session,
    what: Annotated[
        str | None,
        typer.Argument(
            help="Show what this apply changed (the first characters of its id are enough, or its number), or who "
            "changed this schedule or pipeline, and how.",
            autocompletion=completion.both,
        ),
    ] = None,
    number: Annotated[int, flag("-n", "--number", min=1, help="Show so many applies, the newest ones.")] = 20,
) -> None:
    """Show the applies that changed something, newest first; field by field what one of them changed; or all that
    changed one schedule or pipeline.
    """
    from flowerpower.render.history import history_dict, history_text

    with session.project() as project:
        if what is not None:
            _show_past(session, project, what, number)
            return
        namespace, timezone = project.store.keys.namespace, project.home.timezone
        found = project.history(number)
    session.document(history_dict(found, namespace=namespace))
    told = history_text(found, namespace=namespace, timezone=timezone, width=session.table_width, style=session.style)
    session.result(told)


def _show_past(session: Session, project: FlowerPowerProject, what: str, number: int) -> None:
    """Show one apply or, for what is no id of one, the applies that changed the object of that name."""
    from flowerpower.render.history import object_document, object_text, past_document, past_text

    namespace, timezone = project.store.keys.namespace, project.home.timezone
    try:
        view = project.past_apply(what)
    except UsageError as error:
        views = project.history_of(what)
        if not views:
            raise UsageError(f"{error}; and none changed a schedule or pipeline {what!r}", hint=error.hint) from error
        session.document(object_document(views[:number], namespace=namespace, name=what))
        session.result(object_text(views[:number], timezone=timezone, width=session.width, style=session.style))
        return
    session.document(past_document(view, namespace=namespace))
    session.result(past_text(view, timezone=timezone, width=session.width, style=session.style))
