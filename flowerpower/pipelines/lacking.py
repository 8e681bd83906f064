"""What a pipeline needs and this machine has not: libraries, drivers and plug-ins. No node runs, nothing is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from flowerpower.errors import FlowerPowerError, MissingExtraError
from flowerpower.filesystem import is_url, refuse_without_library
from flowerpower.pipelines.adapters.named import BUILT_IN
from flowerpower.pipelines.formats import find_format
from flowerpower.pipelines.formats.databases import refuse_without_driver
from flowerpower.pipelines.formats.format import is_installed, lacks_library
from flowerpower.plugins import ADAPTERS_GROUP, EXECUTORS_GROUP, load_plugin, why_missing
from flowerpower.specs.models import PipelineSpec
from flowerpower.specs.parts import LoadSpec, SaveSpec

_EXECUTORS = {"dask": ("distributed",), "ray": ("ray",)}
_ADAPTERS: Mapping[str, Sequence[str]] = {
    "opentelemetry": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "openlineage": ("openlineage.client",),
    "mlflow": ("mlflow",),
    "tracker": ("hamilton_sdk",),
}


class Lack(NamedTuple):
    """Something that a run would fail for here: where the spec asks for it, what is missing, and what to do."""

    path: tuple[str | int, ...]
    what: str
    hint: str


def lacking(spec: PipelineSpec, plugins: Sequence[str]) -> Iterator[Lack]:
    """Yield what runs of the pipeline would miss here; what only a placeholder decides is left to them."""
    yield from _of_executor(spec, plugins)
    for position, name in enumerate(spec.adapters):
        yield from _of_adapter(name, ("adapters", position), plugins)
    for node, load in spec.load.items():
        yield from _of_transfer(load, ("load", node), plugins)
    for position, save in enumerate(spec.save):
        yield from _of_transfer(save, ("save", position), plugins)


def _of_executor(spec: PipelineSpec, plugins: Sequence[str]) -> Iterator[Lack]:
    executor = spec.executor
    if executor.plugin is not None:
        if load_plugin(EXECUTORS_GROUP, executor.plugin, distributions=plugins) is None:
            hint = why_missing(EXECUTORS_GROUP, executor.plugin, plugins)
            yield Lack(("executor", "plugin"), f"there is no executor '{executor.plugin}' here", hint)
    elif not all(map(is_installed, _EXECUTORS.get(executor.type, ()))):
        yield _of_extra(("executor", "type"), f"the executor '{executor.type}'", executor.type)


def _of_adapter(name: str, path: tuple[str | int, ...], plugins: Sequence[str]) -> Iterator[Lack]:
    if ":" in name:
        return
    if name not in BUILT_IN:
        if load_plugin(ADAPTERS_GROUP, name, distributions=plugins) is None:
            yield Lack(path, f"there is no adapter '{name}' here", why_missing(ADAPTERS_GROUP, name, plugins))
    elif not all(map(is_installed, _ADAPTERS.get(name, ()))):
        yield _of_extra(path, f"the adapter '{name}'", name)


def _of_transfer(spec: LoadSpec | SaveSpec, path: tuple[str | int, ...], plugins: Sequence[str]) -> Iterator[Lack]:
    try:
        found = find_format(spec.format, plugins)
    except FlowerPowerError as error:
        yield Lack((*path, "format"), str(error), str(error.hint))
        return
    if lack := lacks_library(f"format '{spec.format}'", found):
        yield Lack((*path, "format"), str(lack), str(lack.hint))
    elif spec.path is not None and not spec.path.startswith("${") and is_url(spec.path):
        yield from _of_place(spec.path, (*path, "path"), refuse_without_driver if spec.format == "sql" else None)


def _of_place(url: str, path: tuple[str | int, ...], check: Callable[[str], None] | None) -> Iterator[Lack]:
    try:
        (check or refuse_without_library)(url)
    except FlowerPowerError as error:
        yield Lack(path, str(error), str(error.hint))


def _of_extra(path: tuple[str | int, ...], what: str, extra: str) -> Lack:
    error = MissingExtraError(what, extra)
    return Lack(path, str(error), str(error.hint))
