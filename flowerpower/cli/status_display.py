"""How a status is shown: what of it, in which form, and where."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from flowerpower.cli.options import flag
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.jobs.monitoring.status import Status
    from flowerpower.planning.sync import Wanted
    from flowerpower.project import FlowerPowerProject

StatusFormat = Literal["text", "json", "html"]
_RECENT = 20  # outcomes of one schedule in a document


@dataclass(frozen=True)
class Display:
    """How the status is shown."""

    format: Annotated[
        StatusFormat, flag("--format", env="FLOWERPOWER_STATUS_FORMAT", help="How the status is shown.")
    ] = "text"
    out: Annotated[
        Path | None, flag("--out", env="", metavar="FILE", help="Write it to a file, in one step, instead of stdout.")
    ] = None
    watch: Annotated[
        bool, flag("--watch", env="", help="Look again and again: on a terminal in place, until Ctrl-C.")
    ] = False
    interval: Annotated[
        str, flag("--interval", env="FLOWERPOWER_STATUS_INTERVAL", metavar="TIME", help="With --watch, how often.")
    ] = "2s"
    live: Annotated[
        bool, flag("--live", env="", help="Look at what is live alone; do not compare it with the specs here.")
    ] = False


def wanted_by(project: FlowerPowerProject, display: Display) -> Wanted:
    """Return what the specs of the project ask for, if they are to be looked at."""
    from flowerpower.planner import wanted_of
    from flowerpower.planning.sync import Wanted

    return Wanted() if display.live else wanted_of(project)


def most_recent(display: Display) -> int:
    """Return how many outcomes of each schedule are shown at most."""
    return 1 if display.format == "text" else _RECENT


def chosen(found: Status, names: list[str] | tuple[str, ...]) -> Status:
    """Return the status of some schedules; raise `UsageError` for a name that is not live."""
    from flowerpower.specs.messages import did_you_mean

    if not names:
        return found
    live = {schedule.name for schedule in found.schedules}
    for name in names:
        if name not in live:
            hint = did_you_mean(name, live) or "`flowerpower status` shows all"
            raise UsageError(f"no schedule {name!r} is live", hint=hint)
    return replace(found, schedules=tuple(one for one in found.schedules if one.name in names))


def to_paste(session: Session, display: Display, found: Status) -> Status:
    """Return a status whose hints name what the flags of this command named, as far as its readers have that.

    A page is read on other machines: it names the Redis that it is about, and no folder of this one.
    """
    if display.format == "html":
        given = {flag: value for flag, value in session.given.items() if flag != "--project"}
        session = session._replace(given=given)
    damaged = {address: replace(one, hint=session.proposing(one.hint)) for address, one in found.damaged.items()}
    return replace(found, damaged=damaged, troubles=tuple(map(session.proposing, found.troubles)))


def show(session: Session, display: Display, found: Status) -> None:
    """Print a status, or write it to the file that is named."""
    if display.out is None and display.format != "html":
        from flowerpower.render.status import status_text
        from flowerpower.render.status_json import status_dict

        if session.json:
            session.document(status_dict(found))
            return
        session.result(status_text(found, width=session.table_width, style=session.style))
    elif display.out is None:
        session.result(text_of(display, found).rstrip("\n"))
    else:
        write(display.out, text_of(display, found))
        session.talk(f"Written to {display.out}")


def text_of(display: Display, found: Status, refresh: int = 0) -> str:
    """Return a status as the text of a file."""
    from flowerpower.render.status import status_text
    from flowerpower.render.status_json import status_dict
    from flowerpower.render.table import UNCUT

    if display.format == "html":
        from flowerpower.render.status_html import status_html

        return status_html(found, refresh=refresh)
    if display.format == "json":
        return json.dumps(status_dict(found), indent=2, ensure_ascii=False) + "\n"
    return status_text(found, width=UNCUT) + "\n"


def write(file: Path, text: str) -> None:
    """Write a file whole, or leave what stood there; raise `UsageError` when that cannot be done."""
    from flowerpower.cli.planfiles import write_whole

    try:
        write_whole(file, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", hint="name another file with --out") from None
