"""`history`: which applies changed something, by whom and from which commit; and what one of them changed."""

from __future__ import annotations

from typing import Annotated

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "history", "Show what was applied, newest first.", "flowerpower history -n 5 --env prod")(history)


def history(
    session: Session,
    apply_id: Annotated[
        str | None, typer.Argument(help="Show what this apply changed; the first characters of its id are enough.")
    ] = None,
    number: Annotated[int, flag("-n", "--number", min=1, help="Show so many applies, the newest ones.")] = 20,
) -> None:
    """Show the applies that changed something, newest first, or field by field what one of them changed."""
    from flowerpower.render.history import history_dict, history_text, past_document, past_text

    with session.project() as project:
        namespace, timezone = project.store.keys.namespace, project.home.timezone
        if apply_id is not None:
            view = project.past_apply(apply_id)
            session.document(past_document(view, namespace=namespace))
            session.result(past_text(view, timezone=timezone, width=session.width, style=session.style))
            return
        found = project.history(number)
    session.document(history_dict(found, namespace=namespace))
    session.result(history_text(found, namespace=namespace, timezone=timezone, style=session.style))
