"""What is checked once the specs are read: against the project's code, and against the clock."""

from __future__ import annotations

from dataclasses import replace

from flowerpower.dataflow.modules import Files
from flowerpower.errors import Problem
from flowerpower.specs.dataflow_graphs import RealGraphs
from flowerpower.specs.dataflow_rules import check_dataflow
from flowerpower.specs.loader import Loaded
from flowerpower.specs.project import Project
from flowerpower.specs.rules import check_future, check_modules
from flowerpower.specs.silence import silence


def check_code(loaded: Loaded, texts: Files, modules: Files, now: int, real: RealGraphs | None = None) -> list[Problem]:
    """Return what is wrong beyond the specs themselves; a spec in a file that has errors is left out.

    *now* is epoch seconds. *real* are graphs that Hamilton built, see `check_dataflow`.
    """
    project = sound_part(loaded)
    if project is None:
        return []
    found = check_modules(project, modules) + check_dataflow(project, modules, real)
    if project.places["project"].file not in _wrong_files(loaded):  # its time zone is that of many schedules
        found += check_future(project, now)
    return silence(found, {**modules, **texts})


def sound_part(loaded: Loaded) -> Project | None:
    """Return the project without the specs whose files have errors; None when its own file cannot be read."""
    project = loaded.readable
    wrong = _wrong_files(loaded)
    if project is None or not wrong:
        return project
    return replace(
        project,
        pipelines={
            name: spec for name, spec in project.pipelines.items() if _file(project, "pipeline", name) not in wrong
        },
        schedules={
            name: spec for name, spec in project.schedules.items() if _file(project, "schedule", name) not in wrong
        },
    )


def _wrong_files(loaded: Loaded) -> set[str]:
    return {problem.place.file for problem in loaded.problems if problem.severity == "error"}


def _file(project: Project, kind: str, name: str) -> str:
    return project.places[f"{kind}.{name}"].file
