"""`adopt`: specs for what other tools have scheduled in this Redis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from flowerpower.cli import completion
from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session

if TYPE_CHECKING:
    from flowerpower.adopt import AdoptReport
    from flowerpower.jobs.foreign import Wanted

AdoptSource = Literal["all", "rq", "rq-cron", "rq-scheduler"]


@dataclass(frozen=True)
class Search:
    """The flags that say what is looked for."""

    source: Annotated[
        AdoptSource,
        flag("--from", env="FLOWERPOWER_ADOPT_FROM", help="Look for what this tool has scheduled, alone."),
    ] = "all"
    queue: Annotated[
        list[str] | None,
        flag("--queue", env="", help="Only what goes into this queue; may be repeated.", metavar="NAME"),
    ] = None
    limit: Annotated[
        int,
        flag("--limit", env="FLOWERPOWER_ADOPT_LIMIT", help="Adopt no more than so many at once.", min=1, metavar="N"),
    ] = 1000


@command(
    "adopt",
    "Write specs for what RQ and rq-scheduler run.",
    "flowerpower adopt --redis redis://jobs.example:6379/0 --dry-run",
)
def adopt(
    session: Session,
    search: Search,
    dry_run: Annotated[bool, flag("--dry-run", env="", help="Show what would be written, and write nothing.")] = False,
    no_arguments: Annotated[
        bool, flag("--no-arguments", help="Leave out the values of arguments, which may hold secrets.")
    ] = False,
    timezone: Annotated[
        str | None,
        flag(
            "--timezone",
            env="FLOWERPOWER_ADOPT_TIMEZONE",
            help="Time zone of the hosts that run the old cron jobs.",
            autocompletion=completion.zones,
            metavar="NAME",
        ),
    ] = None,
) -> None:
    """Write specs, paused, for what RQ, its cron and rq-scheduler have scheduled. Redis is only read."""
    from flowerpower.adopt import Taste
    from flowerpower.adopt import adopt as adopt_specs
    from flowerpower.render.adopted import adopted_dict, adopted_text

    with session.project() as project:
        taste = Taste(timezone, with_arguments=not no_arguments)
        report = adopt_specs(project, _wanted(search, project.sources.texts), taste, write=not dry_run)
        embedded = project.settings.redis is None and project.home.redis == "embedded"
    session.document(adopted_dict(report))
    session.result(adopted_text(report, width=session.table_width, style=session.style, written=not dry_run))
    _talk(session, report, embedded=embedded, with_arguments=not no_arguments)


def _wanted(search: Search, texts: Mapping[str, bytes]) -> Wanted:
    from flowerpower.adopt import known_marks
    from flowerpower.adoption.found import TOOLS
    from flowerpower.jobs.foreign import Wanted

    tools = TOOLS if search.source == "all" else (search.source,)
    return Wanted(tools, frozenset(search.queue or ()), known_marks(texts), search.limit)


def _talk(session: Session, report: AdoptReport, *, embedded: bool, with_arguments: bool) -> None:
    from flowerpower.render.words import count, safe

    for problem in report.problems:
        session.talk(f"This project does not take it as it is: {safe(str(problem))}")
    if not report.adoption.files:
        if embedded and not report.foreign.known:
            session.talk("\nThis is the project's own, embedded Redis: --redis URL names the one where they run.")
        return
    if report.files:
        to_fill_in = sum(bool(one.found.call.to_fill_in) for one in report.adoption.adopted)
        if with_arguments and any(one.found.call.args or one.found.call.kwargs for one in report.adoption.adopted):
            session.talk("\nThe schedules hold the arguments of the jobs: look for secrets before you commit them.")
        if to_fill_in:
            session.talk(f"FILL IN stands for an argument that nobody could read, in {count(to_fill_in, 'schedule')}.")
        if report.environments:
            names = safe(", ".join(report.environments))
            session.talk(
                f"They are in every environment (default, {names}); `environments: {{NAME: null}}` leaves out one."
            )
        session.talk("Everything is paused; each schedule says at its top how it is handed over.")
        session.talk("\nNext: flowerpower validate && flowerpower plan")
