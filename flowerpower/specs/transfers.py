"""What is known to be wrong with `load:`, `save:`, `cache:` and `adapters:` before a run meets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flowerpower.nearest import nearest
from flowerpower.specs.messages import did_you_mean
from flowerpower.specs.values import FORMAT_OF_ENDING, FORMATS

if TYPE_CHECKING:
    from flowerpower.specs.models import PipelineSpec
    from flowerpower.specs.parts import LoadSpec, SaveSpec
    from flowerpower.specs.project_spec import ProjectSpec

_ADAPTERS = ("progress", "opentelemetry", "openlineage", "mlflow", "tracker")
_SEVERAL = ("json", "yaml")  # formats that hold several outputs in one file
_DATABASES = ("sql", "duckdb")
_CALLED: Mapping[str, str] = {
    **FORMAT_OF_ENDING,
    **dict.fromkeys(("database", "db", "mysql", "postgres", "postgresql", "sqlite"), "sql"),
}
_IF_EXISTS = ("append", "replace", "fail")

Found = tuple[str, tuple[str | int, ...], str, str]  # code, path in the spec, what, hint


def check_transfers(project: ProjectSpec, spec: PipelineSpec) -> Iterator[Found]:
    """Yield each mistake that a run of the pipeline would be refused for."""
    for node, load in spec.load.items():
        yield from _check(project, load, ("load", node))
        if load.format == "pickle" and not project.allow.pickle:
            what = "to read a pickle file is to run whatever is in it"
            yield "FP352", ("load", node, "format"), what, "use parquet or json, or set `allow: {pickle: true}`"
        if load.format in _DATABASES and ("query" in load.options) == ("table" in load.options):
            yield "FP352", ("load", node), f"format {load.format} needs one of the options `query` and `table`", ""
    for position, save in enumerate(spec.save):
        yield from _check(project, save, ("save", position))
        yield from _check_save(save, position)
    if spec.cache is not False and spec.executor.type in ("dask", "ray"):
        what = f"`cache` does not go with the executor `{spec.executor.type}`"
        yield "FP352", ("cache",), what, "use local, threads or processes"
    for position, name in enumerate(spec.adapters):
        if name not in _ADAPTERS and ":" not in name and not project.plugins:
            hint = did_you_mean(name, _ADAPTERS) or f"there are {', '.join(_ADAPTERS)}, and `module:name` of your own"
            yield "FP351", ("adapters", position), f"there is no adapter '{name}'", hint


def _check(project: ProjectSpec, spec: LoadSpec | SaveSpec, at: tuple[str | int, ...]) -> Iterator[Found]:
    meant: str | None = spec.format
    if spec.format not in FORMATS:
        if project.plugins:  # it may be a format of theirs
            return
        meant = _CALLED.get(spec.format.lower()) or nearest(spec.format.lower(), FORMATS)
        hint = f"did you mean '{meant}'?" if meant else f"there are {', '.join(FORMATS)}, and those of `plugins:`"
        yield "FP351", (*at, "format"), f"there is no format '{spec.format}'", hint
    if spec.path is None:
        if meant:
            yield "FP352", at, f"format {meant} needs a `path`", ""
    elif meant != "sql" and _leaves(spec.path) and not project.allow.paths:
        what = f"'{spec.path}' lies outside of the project"
        yield "FP352", (*at, "path"), what, "use a path inside of it, or list its folder or URL under `allow: paths`"


def _check_save(save: SaveSpec, position: int) -> Iterator[Found]:
    at = ("save", position)
    if save.format not in FORMATS:
        return
    if save.format in _DATABASES:
        if not save.options.get("table") or save.options.get("if_exists") not in _IF_EXISTS:
            what = f"format {save.format} needs the options `table` and `if_exists`"
            yield "FP352", at, what, f"if_exists is {', '.join(_IF_EXISTS[:-1])} or {_IF_EXISTS[-1]}"
    elif save.path is not None and "*" in save.path:
        yield "FP352", (*at, "path"), "`*` in a path finds files, it cannot name one", ""
    if len(save.outputs) > 1 and save.format not in _SEVERAL:
        what = f"format {save.format} holds one output, not {len(save.outputs)}"
        yield "FP352", (*at, "outputs"), what, "write an entry for each, or use json or yaml"


def _leaves(path: str) -> bool:
    """Tell whether a path leaves the project for certain, whatever its placeholders are filled with."""
    return path.startswith(("/", "~")) or ".." in path.split("/") or ("://" in path and not path.startswith("${"))
