"""What `validate` does: check the projects that are named, and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.cli.projects import name_of
from flowerpower.cli.report import Checked, ProblemFormat, show
from flowerpower.cli.session import Session
from flowerpower.cli.targets import every_named_project, named_projects
from flowerpower.errors import FlowerPowerError
from flowerpower.settings import look_for_no_cycles

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject
    from flowerpower.specs.verdict import Verdict

_MANY = 1_000  # files that take longer than a blink


def check_projects(
    session: Session,
    files: Sequence[Path],
    format: ProblemFormat = "text",
    out: Path | None = None,
    *,
    every: bool,
    imports: bool = False,
) -> int:
    """Check the projects of *files*, or every one below them, report to *out* or stdout, and return the exit code."""
    if format == "json" and out is None:  # a failure is a document too
        session = session._replace(json=True)
    try:
        projects = every_named_project(session, files) if every else named_projects(session, files)
        checked = [_checked(session, project, imports=imports) for project in projects]
        show(session, checked, format, out)
    except FlowerPowerError as error:
        return session.fail(error)
    return int(any(each.failed for each in checked))


def _checked(session: Session, project: FlowerPowerProject, *, imports: bool) -> Checked:
    """Check a project; whoever watches is told of a large one, since that takes a moment."""
    if imports:
        project.written.refuse_imports()
    written = project.written.everywhere
    if written.recalled is not None and not imports:
        return _with_house_problems(project, written.recalled)
    session.prepare(short=False)
    look_for_no_cycles()
    if imports:
        if session.shows_progress:
            session.talk("Importing the modules, which runs their code ...")
        return _with_house_problems(project, written.imported)
    with session.progress("validate") as bar:
        files = len(project.sources.texts)
        if files >= _MANY:
            bar.say(f"Checking {name_of(project.place)}: {files:,} files ...")
        return _with_house_problems(project, written.verdict)


def _with_house_problems(project: FlowerPowerProject, verdict: Verdict) -> Checked:
    """Return the verdict with what the checks of plug-ins find, which nobody remembers: their code may change."""
    from flowerpower.checking import house_problems_everywhere
    from flowerpower.specs.verdict import in_order

    found = house_problems_everywhere(project)
    return Checked(project, verdict._replace(problems=in_order([*verdict.problems, *found])) if found else verdict)
