"""What a command leaves for a GitHub job: the plan in its summary, counts in the outputs of the step.

A file that cannot be written is told and stops nothing: the plan itself is no less right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.cli.session import Session
from flowerpower.errors import Problem, SpecError
from flowerpower.git import repository_of
from flowerpower.render.github import LARGEST_SUMMARY, step_outputs

if TYPE_CHECKING:
    from flowerpower.filesystem import Filesystem
    from flowerpower.planned import PlannedChanges


def publish(session: Session, planned: PlannedChanges) -> None:
    """Append the plan to the summary of a GitHub job, and its counts to the outputs of the step, if there are any."""
    if summary := summary_of(session):
        append_summary(session, summary, planned.to_markdown())
    if outputs := session.settings.environment.get("GITHUB_OUTPUT"):
        _append(session, Path(outputs), step_outputs(_outputs(planned)), "the outputs of this step")


@contextmanager
def mistakes_beside_lines(session: Session, place: Path | Filesystem, *, wanted: bool) -> Iterator[None]:
    """Tell mistakes in the specs of a project also as annotations, and in the summary of the job, where *wanted*."""
    try:
        yield
    except SpecError as error:
        if wanted and error.problems:
            _annotate(session, folder_in_repository(place), error.problems)
        raise


def _annotate(session: Session, folder: str, problems: Sequence[Problem]) -> None:
    from flowerpower.render.problems_github import problems_github, problems_summary

    found = [one._replace(place=one.place._replace(file=f"{folder}{one.place.file}")) for one in problems]
    summary = summary_of(session)
    where = "the summary of this job" if summary else "`flowerpower validate`"
    session.result(problems_github(found, all_in=where))
    if summary:
        append_summary(session, summary, problems_summary(found))


def folder_in_repository(folder: Path | Filesystem) -> str:
    """Return how paths in a project begin for a reader at the root of its repository."""
    if not isinstance(folder, Path):
        return ""
    root = repository_of(folder)
    inside = folder.relative_to(root).as_posix() if root and folder.is_relative_to(root) else "."
    return "" if inside == "." else f"{inside}/"


def summary_of(session: Session) -> Path | None:
    """Return the file that holds the summary of this job, if it is one of GitHub."""
    name = session.settings.environment.get("GITHUB_STEP_SUMMARY")
    return Path(name) if name else None


def append_summary(session: Session, file: Path, text: str) -> None:
    """Append Markdown to the summary of a job, of which GitHub takes all or nothing."""
    _append(session, file, text, "the summary of this job", LARGEST_SUMMARY)


def _append(session: Session, file: Path, text: str, what: str, most: int | None = None) -> None:
    """Append a text, on a line of its own; nothing when the file would grow past *most* bytes."""
    try:
        there = file.read_bytes() if file.exists() else b""
        added = (b"\n" if there and not there.endswith(b"\n") else b"") + text.encode("utf-8", "backslashreplace")
        if most is not None and len(there) + len(added) > most:
            session.talk(f"Note: {what} is full: not all is in it")
            return
        with file.open("ab") as stream:
            stream.write(added)
    except OSError as error:
        session.talk(f"Note: {what} could not be written: {file}: {error.strerror or error}")


def _outputs(planned: PlannedChanges) -> dict[str, object]:
    from flowerpower.cli.process import PENDING
    from flowerpower.render.notes import summary

    plan = planned.plan
    return {
        "exitcode": PENDING if planned else 0,
        "add": plan.count("create"),
        "change": plan.changed,
        "destroy": plan.count("delete"),
        "refused": ",".join(check.name for check in plan.refused),
        "namespace": plan.namespace,
        "plan_hash": planned.hash,
        "summary": summary(plan),
    }
