"""Runs one pipeline: import, build, check, load, execute, save, and say what happened."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from flowerpower.errors import FlowerPowerError
from flowerpower.filesystem import Filesystem
from flowerpower.pipelines.adapters.named import named_adapters, tell_of_data
from flowerpower.pipelines.adapters.setting import Setting
from flowerpower.pipelines.arrange import Given, Graph, arrange, check_cache
from flowerpower.pipelines.context import RunContext, Secrets
from flowerpower.pipelines.driver import Parts, hook, ready
from flowerpower.pipelines.extensions import load_hamilton
from flowerpower.pipelines.failures import UserCodeError, describe, is_time_limit, user_place, user_traceback, way_out
from flowerpower.pipelines.graph import Nodes, count_computed, users_of
from flowerpower.pipelines.modules import import_modules, importable, own_modules
from flowerpower.pipelines.placeholders import fill
from flowerpower.pipelines.quiet import quiet
from flowerpower.pipelines.results import RunResult
from flowerpower.pipelines.reuse import built
from flowerpower.pipelines.storage import (
    Access,
    LoadRecord,
    SaveRecord,
    Transfer,
    prepare_loads,
    prepare_saves,
    read,
    read_out,
    write,
)
from flowerpower.pipelines.watch import NodeWatch, Observer
from flowerpower.specs.models import PipelineSpec

__all__ = ["Access", "Observer", "RunContext", "RunResult", "run_pipeline"]


def run_pipeline(
    spec: PipelineSpec,
    context: RunContext,
    *,
    root: Path,
    folders: Sequence[str],
    observer: Observer | None = None,
    access: Access = Access(),  # noqa: B008  frozen
) -> RunResult:
    """Run *spec* in this process with the modules in *folders* of the project at *root*, and return what came of it.

    *access* is what the project allows beyond its folder. Raises PipelineError when the run cannot start or is
    refused, UserCodeError (a PipelineError) when the project's code fails; neither ever shows a secret.
    """
    secrets = context.secrets if isinstance(context.secrets, Secrets) else Secrets(context.secrets)
    run = _Run(spec, replace(context, secrets=secrets), root, access)
    try:
        with _this_process(), importable(run.code, folders), quiet():
            return run.go(folders, NodeWatch(observer), secrets)
    except FlowerPowerError as error:
        _raise_masked(error, secrets)


class _Run:
    """One run on its way; it holds what every step needs and how long each took."""

    def __init__(self, spec: PipelineSpec, context: RunContext, root: Path, access: Access) -> None:
        self.spec = spec
        self.context = context
        self.root = root
        self.code = context.code or root
        self.access = access
        self.phases: dict[str, float] = {}
        self.loads: list[LoadRecord] = []

    def go(self, folders: Sequence[str], watch: NodeWatch, secrets: Secrets) -> RunResult:
        """Do all steps; nothing is written before every node is computed."""
        began = time.perf_counter()
        spec, context = self.spec, self.context
        loads = prepare_loads(spec, context, self.root, self.access)
        saves = prepare_saves(spec, context, self.root, self.access)
        setting = Setting(replace(context, code=self.code), secrets)
        with setting.closing:
            parts = self.parts(folders, watch, setting)
            with self.phase("build"):
                driver = setting.closing.enter_context(built(parts))
            outputs = list(dict.fromkeys([*spec.outputs, *(name for save in saves for name in save.nodes)]))
            check_cache(spec.cache, driver.graph.nodes)
            given = arrange(Graph(driver.graph.nodes, parts.modules, parts.config), outputs, self.given(loads))
            with self.phase("load"):
                given = self.loaded(given, loads, driver.graph.nodes)
            watch.expect(lambda: count_computed(driver.graph.nodes, outputs, given.overrides))
            with self.phase("execute"), self.ready(driver, parts, watch, folders) as usable:
                values = self.execute(usable, outputs, given, watch)
            with self.phase("save"):
                computed = [time.node for time in watch.times]
                values = read_out(values, saves, lambda name: users_of(name, computed, driver.graph.nodes))
                records = tuple(write(save, [values[name] for name in save.nodes]) for save in saves)
            tell_of_data(parts.adapters, self.loads, records)
        return self.result(values, records, watch, secrets.mask, time.perf_counter() - began)

    def parts(self, folders: Sequence[str], watch: NodeWatch, setting: Setting) -> Parts:
        """Import the modules, and return what the driver is built of."""
        config = fill(self.spec.config, self.context, "config")
        with self.phase("import"):
            load_hamilton(self.spec.modules, self.code, tuple(folders))
            modules = import_modules(self.spec.modules, self.code, folders)
        named = named_adapters(self.spec.adapters, setting, self.access.plugins)
        return Parts(modules, config, [hook(watch), *named, *self.cache(config, folders, watch)])

    def result(
        self,
        values: Mapping[str, Any],
        saves: tuple[SaveRecord, ...],
        watch: NodeWatch,
        mask: Callable[[str], str],
        seconds: float,
    ) -> RunResult:
        """Return the finished run."""
        context = self.context
        return RunResult(
            pipeline=self.spec.name,
            run_id=context.run_id,
            schedule=context.schedule,
            tick=context.tick,
            commit=context.commit,
            attempt=context.attempt,
            seconds=seconds,
            values={name: values[name] for name in self.spec.outputs},
            nodes=tuple(watch.times),
            saves=saves,
            loads=tuple(self.loads),
            phases=self.phases,
            mask=mask,
        )

    @contextmanager
    def ready(self, driver: Any, parts: Parts, watch: NodeWatch, folders: Sequence[str]) -> Iterator[Any]:
        """Yield a driver that runs on the executor of the spec, and close what that opened."""
        usable = ready(
            driver, parts, self.spec.executor, watch, partial(own_modules, self.code, folders), self.access.plugins
        )
        wait = False
        try:
            yield usable.driver
            wait = True
        except FlowerPowerError as error:
            wait = not is_time_limit(error)  # a run out of time must not wait for a thread that hangs
            raise
        finally:
            usable.close(wait)

    def cache(self, config: Mapping[str, Any], folders: Sequence[str], watch: NodeWatch) -> list[Any]:
        """Return the cache of the spec, if it wants one, as a list of adapters."""
        if self.spec.cache is False:
            return []
        from flowerpower.pipelines.cache import open_cache

        cache = open_cache(self.spec, config, Filesystem(str(self.root), self.access.paths), folders)
        cache.watch = watch
        return [cache]

    def given(self, loads: Sequence[Transfer]) -> Given:
        """Return inputs and overrides with their placeholders filled in."""
        return Given(
            fill(self.spec.inputs, self.context, "inputs"),
            fill(self.spec.overrides, self.context, "overrides"),
            tuple(name for load in loads for name in load.nodes),
        )

    def execute(self, driver: Any, outputs: Sequence[str], given: Given, watch: NodeWatch) -> Mapping[str, Any]:
        """Let Hamilton compute *outputs*; raises UserCodeError when a node fails."""
        try:
            found: Mapping[str, Any] = driver.execute(
                list(outputs), inputs=dict(given.inputs), overrides=dict(given.overrides)
            )
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # nodes are user code, and may leave Python or raise what is no Exception
            node = watch.failed
            place = user_place(error, self.code)
            what = f"node {node!r} failed" if node else "the run failed"
            raise UserCodeError(
                f"{what}{f' at {place}' if place else ''}: {describe(error)}",
                node=node,
                details=user_traceback(error, self.code),
                hint=way_out(error),
            ) from error
        return found

    def loaded(self, given: Given, loads: Sequence[Transfer], nodes: Nodes) -> Given:
        """Return *given* with the values of its loads among the inputs, or the overrides where a node would compute."""
        inputs, overrides = dict(given.inputs), dict(given.overrides)
        for load in loads:
            (name,) = load.nodes
            if name in given.loads:
                node = nodes[name]
                value, record = read(load, node.type)
                (inputs if node.user_defined else overrides)[name] = value
                self.loads.append(record)
        return Given(inputs, overrides)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time of the block to the phase *name*."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.phases[name] = time.perf_counter() - began


@contextmanager
def _this_process() -> Iterator[None]:
    """End a process that a node has forked where it leaves the run: it would go on as its worker, beside the worker."""
    mine = os.getpid()
    code: object = 0
    try:
        yield
    except BaseException as error:
        cause = error.__cause__ if isinstance(error, UserCodeError) else error
        code = (cause.code or 0) if isinstance(cause, SystemExit) else 1
        if os.getpid() == mine:
            raise
        if not isinstance(cause, SystemExit):
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        if os.getpid() != mine:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):  # the run may have closed it, or put something in its place
                    stream.flush()
            os._exit(code if isinstance(code, int) else 1)


def _raise_masked(error: FlowerPowerError, secrets: Secrets) -> NoReturn:
    """Raise *error* again without any secret in its texts, and without the errors that led to it, if one was used."""
    if not secrets.used:
        raise error
    error.args = (secrets.mask(str(error)),)
    error.hint = secrets.mask(error.hint)
    if isinstance(error, UserCodeError):
        error.details = secrets.mask(error.details)
    # What reports errors prints their causes too, and those are not ours to mask.
    raise error from None
