"""The graphs of a project's pipelines, each read once however many pipelines and schedules share it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowerpower.dataflow.conditions import Config
from flowerpower.dataflow.graph import Build, Graph, Reason, Unbuilt, build_graph, condition_keys
from flowerpower.dataflow.locate import locate
from flowerpower.dataflow.modules import Files, ModuleFile, SyntaxMistake
from flowerpower.dataflow.parse import read_module
from flowerpower.dataflow.reader import module_closure
from flowerpower.errors import Place

Modules = tuple[str, ...]
Located = Sequence[ModuleFile | Reason | None]
_NONE = Config({})
RealGraphs = Mapping[tuple[Modules, str], Graph | Unbuilt]


class Graphs:
    """Reads modules and graphs; with *real* graphs, those count, and `asked` are the ones that would be needed."""

    def __init__(self, files: Files, folders: Sequence[str], real: RealGraphs | None = None) -> None:
        self.files = files
        self.folders = folders
        self.real = real
        self.asked: dict[tuple[Modules, str], Build] = {}
        self._located: dict[str, ModuleFile | Reason | None] = {}
        self._keys: dict[Modules, tuple[str, ...]] = {}
        self._graphs: dict[tuple[Modules, str], Graph] = {}
        self._mistakes: dict[Modules, tuple[tuple[str, SyntaxMistake], ...]] = {}

    def locate(self, modules: Modules) -> Located:
        """Return the files of modules: None for one that is not there, a reason where it may be several."""
        for module in modules:
            if module not in self._located:
                self._located[module] = locate(module, self.files, self.folders)
        return [self._located[module] for module in modules]

    def mistakes(self, modules: Modules) -> tuple[tuple[str, SyntaxMistake], ...]:
        """Return the files that modules are made of and Python cannot read, with why."""
        if modules not in self._mistakes:
            self._mistakes[modules] = tuple(self._unreadable(modules))
        return self._mistakes[modules]

    def of(self, modules: Modules, config: Mapping[str, Any]) -> Graph | Unbuilt:
        """Return the graph of modules under a config."""
        whole = _known(config)
        read = self._read(modules, whole)
        if read.faults:
            return read
        build = Build(modules, read.config if read.decided else whole)
        key = build.key
        self.asked[key] = build
        if self.real is None:
            return read
        found = self.real[key]
        return found if isinstance(found, Unbuilt) else _decided(found, read, whole)

    def build(self, modules: Modules, config: Mapping[str, Any]) -> Build:
        """Return what Hamilton would have to build for modules under a config."""
        whole = _known(config)
        read = self._read(modules, whole)
        return Build(modules, read.config if read.decided else whole)

    def read(self, modules: Modules, config: Mapping[str, Any]) -> Graph:
        """Return the graph as it is read, whatever Hamilton may have built; equal graphs are one object."""
        return self._read(modules, _known(config))

    def _read(self, modules: Modules, config: Config) -> Graph:
        """Return the graph as it is read, for the part of the config that shapes it."""
        if modules not in self._keys:
            self._keys[modules] = condition_keys(self._certain(modules))
        graph = self._graph(modules, _part(config, self._keys[modules]))
        replaced = [key for key in config.values if key in graph.nodes]
        if replaced:  # a value of the config takes the place of a node
            graph = self._graph(modules, _part(config, (*self._keys[modules], *replaced)))
        return graph

    def _graph(self, modules: Modules, config: Config) -> Graph:
        key = Build(modules, config).key
        if key not in self._graphs:
            graph = build_graph(self._certain(modules), config)
            uncertain = tuple(reason for reason in self.locate(modules) if isinstance(reason, Reason))
            self._graphs[key] = graph._replace(reasons=(*uncertain, *graph.reasons))
        return self._graphs[key]

    def _certain(self, modules: Modules) -> list[ModuleFile]:
        return [file for file in self.locate(modules) if isinstance(file, ModuleFile)]

    def _unreadable(self, modules: Modules) -> Iterator[tuple[str, SyntaxMistake]]:
        closure = module_closure(modules, self.files, self.folders)
        if not all(read_module(self.files[path]).imports.decided for path in closure):
            closure = tuple(file.path for file in self._certain(modules))  # else every file of the folders counts
        for path in closure:
            mistake = read_module(self.files[path]).mistake
            if mistake is not None:
                yield path, mistake


def _known(config: Mapping[str, Any]) -> Config:
    """Return the config with the keys set apart whose values hold a placeholder: those are known when a run starts."""
    if not config or "${" not in str(config):
        return Config(config)
    return Config(config, frozenset(key for key, value in config.items() if "${" in str(value)))


def _part(config: Config, keys: Sequence[str]) -> Config:
    if not keys:
        return _NONE
    return Config({key: config.values[key] for key in keys if key in config.values}, config.later.intersection(keys))


def _decided(real: Graph, read: Graph, config: Config) -> Graph:
    """Return the graph that Hamilton built, in doubt only where a config value is not known before a run."""
    variants = {name: read.variants.get(name, found) for name, found in real.variants.items()}
    late = next((key for found in variants.values() for key in found.keys if key in config.later), None)
    reasons = () if late is None else (Reason(f"the config '{late}' is only known when a run starts", Place(""), late),)
    found = real._replace(variants=variants, reasons=reasons)
    return found._replace(edges=read.edges, used=read.used) if read.decided else found
