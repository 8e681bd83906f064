"""`PipelineManager`: everything about a project's pipelines in one place. It only calls."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

from flowerpower import arguments
from flowerpower.errors import UsageError
from flowerpower.filesystem import Filesystem
from flowerpower.moments import read_moment
from flowerpower.pipelines.context import RunContext, no_secrets
from flowerpower.pipelines.drawing import Drawn, GraphFormat, as_read, built, draw
from flowerpower.pipelines.driver import Parts, build
from flowerpower.pipelines.edits import forget_edited
from flowerpower.pipelines.extensions import load_hamilton
from flowerpower.pipelines.graph import suggest
from flowerpower.pipelines.graphviz import picture
from flowerpower.pipelines.modules import import_modules, importable, preload
from flowerpower.pipelines.results import RunResult
from flowerpower.pipelines.run import run_pipeline
from flowerpower.pipelines.storage import Access
from flowerpower.pipelines.watch import Observer
from flowerpower.specs.dataflow_graphs import Graphs
from flowerpower.specs.models import PipelineSpec
from flowerpower.specs.parts import ExecutorSpec
from flowerpower.told_in_python import called

__all__ = ["PipelineManager", "preload"]

NO_ACCESS = Access()
_NAMED = 5  # pipelines in a repr


class PipelineManager:
    """The pipelines of a project: look them up, run them here and now, build their drivers, draw them.

    *root* is the project's folder, or a URL. *folders* hold its Hamilton modules, *timezone* is the IANA zone of ticks
    that are not given. *access* is what the project allows beyond its folder, *secrets* gives a secret's value by name.
    *ref* is the git revision of the specs, if they are not those in the folder. Only modules in a folder are imported.
    *look* raises for the name of a pipeline in whose way mistakes stand. *schedules* are named with the pipelines that
    they run, to tell who takes one for a pipeline.
    """

    def __init__(  # noqa: PLR0913  what a project says of its pipelines
        self,
        pipelines: Mapping[str, PipelineSpec],
        root: Path | Filesystem,
        folders: Sequence[str],
        timezone: str = "UTC",
        *,
        access: Access = NO_ACCESS,
        secrets: Callable[[str], str] = no_secrets,
        ref: str | None = None,
        look: Callable[[str], object] = lambda name: None,
        schedules: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._pipelines = dict(pipelines)
        self._root = root
        self._folders = tuple(folders)
        self._timezone = ZoneInfo(timezone)
        self._access = access
        self._secrets = secrets
        self._ref = ref
        self._look = look
        self._schedules = schedules

    def __repr__(self) -> str:
        names = self.names()
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f"<PipelineManager of {self._root}: {', '.join(names[:_NAMED]) or 'no pipelines'}{more}>"

    def __reduce__(self) -> str:
        arguments.refuse_pickle("a manager of pipelines")

    def names(self) -> tuple[str, ...]:
        """Return the names of all pipelines, sorted."""
        return tuple(sorted(self._pipelines))

    def get(self, name: str) -> PipelineSpec:
        """Return the spec of the pipeline *name*; raises UsageError when there is none, SpecError if it is wrong."""
        self._look(arguments.text(name, "a name"))
        if name not in self._pipelines:
            runs = self._schedules.get(name, "")
            meant = f"it is a schedule, which runs the pipeline {runs!r}" if runs else suggest(name, self._pipelines)
            raise UsageError(f"there is no pipeline {name!r}", hint=meant)
        return self._pipelines[name]

    def run(  # noqa: PLR0913  each is something a caller may want to change about a run
        self,
        name: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        outputs: Sequence[str] | None = None,
        tick: datetime | str | None = None,
        executor: str | None = None,
        observer: Observer | None = None,
    ) -> RunResult:
        """Run the pipeline *name* in this process, without Redis.

        *inputs*, *config* and *overrides* are laid over the spec's; they may hold any Python object. *tick* is
        an aware datetime or ISO 8601, as `2026-11-22`; without it, it is now in whole seconds. Raises PipelineError.
        """
        spec = changed(self.get(name), inputs, config, overrides, outputs, executor)
        context = self._context(name, tick)
        root = self._importable()
        return run_pipeline(spec, context, root=root, folders=self._folders, observer=observer, access=self._access)

    def build(self, name: str) -> Any:
        """Return the Hamilton driver of the pipeline *name*, with its config as written; raises PipelineError."""
        spec = self.get(name)
        root = self._importable()
        load_hamilton(spec.modules, root, self._folders)
        with importable(root, self._folders):
            return build(Parts(import_modules(spec.modules, root, self._folders), spec.config))

    def visualize(self, name: str, format: GraphFormat | Literal["svg"] = "mermaid", most: int | None = None) -> str:
        """Return the graph of the pipeline *name* as the text of Mermaid, DOT or SVG; raises PipelineError.

        With *most* a larger graph has that many boxes, each of several nodes. SVG needs the program of Graphviz.
        """
        if format not in ("mermaid", "dot", "svg"):
            hint = "there are: mermaid, dot, svg; `flowerpower dag` draws png too"
            raise UsageError(f"there is no graph format {format!r}", hint=hint)
        if most is not None and arguments.whole(most, "`most`") < 1:
            raise UsageError(f"a drawing has at least one box, not {most}")
        if format == "svg":
            return picture(draw(self.graph(name), "dot", most), "svg").decode(errors="replace")
        return draw(self.graph(name), format, most)

    def graph(self, name: str) -> Drawn:
        """Return the graph of the pipeline *name* to draw, as Hamilton builds it of the imported modules."""
        spec = self.get(name)
        return built(self.build(name).graph.nodes, wanted(spec), (*spec.load, *spec.overrides))

    def graph_as_read(self, name: str, files: Mapping[str, bytes]) -> Drawn | str:
        """Return the same without importing anything, or why only running the code would tell."""
        spec = self.get(name)
        found = Graphs(files, self._folders).read(tuple(spec.modules), spec.config)
        if not found.decided:
            return found.reasons[0].why
        if found.faults or not found.nodes:
            return "its modules cannot be read"
        return as_read(found, wanted(spec), (*spec.load, *spec.overrides))

    def _importable(self) -> Path:
        """Return the folder of the modules, which the next import finds as they are now.

        Raises UsageError where the specs are of other modules than those in a folder.
        """
        if self._ref is not None:
            raise UsageError("modules of another revision cannot be imported", hint="check it out, or load the folder")
        if not isinstance(self._root, Path):
            raise UsageError(f"modules at {self._root} cannot be imported", hint="copy the project into a folder")
        forget_edited(self._root, self._folders)
        return self._root

    def _moment(self, tick: datetime | str) -> datetime:
        """Return a tick; a text is ISO 8601 and without an offset one on the clocks of the project."""
        if not isinstance(tick, str):
            arguments.moment(tick, "`tick`", "give an aware datetime, or a text such as '2026-11-22'")
            return tick
        try:
            moment = read_moment(tick)
        except ValueError:
            what = called("--tick", "tick")
            raise UsageError(
                f"{what} is no ISO 8601 time: {tick[:80]!r}", hint="for example 2026-11-22T02:00"
            ) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=self._timezone)

    def _context(self, name: str, tick: datetime | str | None) -> RunContext:
        moment = self._moment(tick) if tick is not None else datetime.now(self._timezone).replace(microsecond=0)
        return RunContext(
            tick=moment,
            tick_start=moment,
            run_id=f"local-{uuid.uuid4().hex}",
            schedule="",
            pipeline=name,
            secrets=self._secrets,
        )


def wanted(spec: PipelineSpec) -> list[str]:
    """Return the nodes that a pipeline is run for: its outputs and what it saves."""
    return list(dict.fromkeys([*spec.outputs, *(name for save in spec.save for name in save.outputs)]))


def changed(
    spec: PipelineSpec,
    inputs: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    outputs: Sequence[str] | None = None,
    executor: str | None = None,
) -> PipelineSpec:
    """Return *spec* with values laid over its own, key by key; *outputs* and *executor* replace."""
    changes: dict[str, Any] = {
        "inputs": {**spec.inputs, **arguments.by_name(inputs or {}, "`inputs`")},
        "config": {**spec.config, **arguments.by_name(config or {}, "`config`")},
        "overrides": {**spec.overrides, **arguments.by_name(overrides or {}, "`overrides`")},
    }
    if outputs is not None:
        changes["outputs"] = arguments.texts(outputs, "`outputs`")
        if not changes["outputs"]:
            raise UsageError("`outputs` wants a list with at least one name")
    if executor is not None:
        changes["executor"] = _executor(executor, spec.executor)
    return spec.model_copy(update=changes)


def _executor(name: str, before: ExecutorSpec) -> ExecutorSpec:
    executors = ("local", "threads", "processes", "dask", "ray")
    if arguments.text(name, "`executor`") not in executors:
        raise UsageError(f"there is no executor {name!r}", hint=suggest(name, executors))
    return before.model_copy(update={"type": name, "plugin": None, "options": None})
