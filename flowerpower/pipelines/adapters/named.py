"""Makes the adapters that a spec names.

Those that only watch must not fail a run at 2 a.m. because their server is away: what they raise is logged, once, and
they are left out of the rest of the run. No secret that the run was given reaches them.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flowerpower.errors import MissingExtraError, PipelineError
from flowerpower.pipelines.adapters.setting import Ending, Setting
from flowerpower.pipelines.failures import describe, is_time_limit
from flowerpower.pipelines.graph import suggest
from flowerpower.plugins import ADAPTERS_GROUP, load_plugin, plugin_names, why_missing
from flowerpower.settings import default_environment

logger = logging.getLogger("flowerpower.run")


def _progress(setting: Setting) -> Any:
    from flowerpower.pipelines.adapters.progress import ProgressHook

    return ProgressHook()


def _opentelemetry(setting: Setting) -> Any:
    from flowerpower.pipelines.adapters.spans import span_hook

    return span_hook(setting)


def _openlineage(setting: Setting) -> Any:
    from flowerpower.pipelines.adapters.lineage import lineage

    return lineage(setting)


def _mlflow(setting: Setting) -> Any:
    with default_environment(_WHILE_IMPORTED):
        from flowerpower.pipelines.adapters.mlflow_runs import mlflow_tracker

    return mlflow_tracker(setting)


def _tracker(setting: Setting) -> Any:
    from flowerpower.pipelines.adapters.tracking import tracker

    return tracker(setting)


_WHILE_IMPORTED = {"MLFLOW_DISABLE_TELEMETRY": "true"}  # MLflow reads it once

_MODULES = {"opentelemetry": "spans", "openlineage": "lineage", "mlflow": "mlflow_runs", "tracker": "tracking"}

_SHOW_RUNNING = ("openlineage", "mlflow", "tracker")  # until they are told of an end; each has an `end_killed`

BUILT_IN: Mapping[str, Callable[[Setting], Any]] = {
    "progress": _progress,
    "opentelemetry": _opentelemetry,
    "openlineage": _openlineage,
    "mlflow": _mlflow,
    "tracker": _tracker,
}


def import_adapters(names: Iterable[str]) -> None:
    """Import what built-in adapters of those names need, so that no run has to; what fails is left to the runs."""
    for name in set(names) & set(_MODULES):
        try:
            with default_environment(_WHILE_IMPORTED):
                importlib.import_module(f"flowerpower.pipelines.adapters.{_MODULES[name]}")
        except Exception as error:  # noqa: BLE001  large libraries may fail in any way
            logger.debug("the adapter %r cannot be imported first: %s", name, describe(error))


def named_adapters(names: Sequence[str], setting: Setting, plugins: Sequence[str]) -> list[Any]:
    """Return the adapters of those names; `module:name` is one of the project's own, and is handed on as it is.

    Call it where the project's modules can be imported. Raises PipelineError for one that there is not, or that cannot
    be made.
    """
    return [_own(name) if ":" in name else _watcher(name, setting, plugins) for name in names]


def tell_of_data(adapters: Sequence[Any], loads: Sequence[Any], saves: Sequence[Any]) -> None:
    """Tell those of the adapters that want to know what was loaded and saved, which Hamilton does not see."""
    for adapter in adapters:
        if hasattr(adapter, "data_moved"):
            adapter.data_moved(loads=loads, saves=saves)


def told_of_ends(names: Iterable[str]) -> list[str]:
    """Return those of the adapters that have to be told when the process of a run was killed."""
    return [name for name in names if name in _SHOW_RUNNING]


def tell_of_end(name: str, setting: Setting, ending: Ending) -> None:
    """Tell an adapter that an attempt, which can no longer do so, has ended; where that fails it is logged."""
    try:
        with default_environment(_WHILE_IMPORTED):
            module = importlib.import_module(f"flowerpower.pipelines.adapters.{_MODULES[name]}")
        module.end_killed(setting, ending)
    except Exception as error:  # noqa: BLE001  its server may be away, or its library
        said = setting.secrets.mask(describe(error))
        logger.warning("the adapter %r was not told that %s has ended: %s", name, setting.context.run_id, said)


def _own(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)()
    except (Exception, SystemExit) as error:
        raise PipelineError(f"the adapter {name!r} cannot be made: {describe(error)}") from error


def _watcher(name: str, setting: Setting, plugins: Sequence[str]) -> Any:
    from flowerpower.pipelines.adapters.guarded import EVENTS, Guarded

    make = BUILT_IN.get(name) or (load_plugin(ADAPTERS_GROUP, name, distributions=plugins) if plugins else None)
    if make is None:
        known = {*BUILT_IN, *plugin_names(ADAPTERS_GROUP, distributions=plugins)}
        hint = why_missing(ADAPTERS_GROUP, name, plugins) or suggest(name, known)
        raise PipelineError(f"there is no adapter {name!r}", hint=hint)
    try:
        made = make(setting)
        if name not in BUILT_IN and not any(hasattr(made, event) for event in EVENTS):
            kind = type(made).__name__
            logger.warning("the adapter %r hears nothing: a %s has no method named as an event of Hamilton", name, kind)
        return Guarded(made, name, setting.secrets)
    except ImportError as error:
        if name in BUILT_IN:
            raise MissingExtraError(f"the adapter {name!r}", name) from error
        raise PipelineError(f"the adapter {name!r} needs a library: {error}") from error
    except PipelineError:
        raise
    except Exception as error:  # its server may be away, and libraries raise many kinds of error
        if is_time_limit(error):
            raise
        logger.warning("the adapter %r cannot be made and is left out: %s", name, setting.secrets.mask(describe(error)))
        return Guarded(None, name, setting.secrets)
