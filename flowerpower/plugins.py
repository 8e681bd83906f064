"""Plug-ins, found by entry point and loaded by name, one at a time, when they are used.

A project names the distributions whose plug-ins it uses; no other is loaded, whatever is installed.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from flowerpower.settings import complete_core, plugins_are_off

IO_GROUP = "flowerpower.io"
SECRETS_GROUP = "flowerpower.secrets"
MESSAGING_GROUP = "flowerpower.messaging"
ADAPTERS_GROUP = "flowerpower.adapters"
EXECUTORS_GROUP = "flowerpower.executors"
CHECKS_GROUP = "flowerpower.checks"
_EACH = (SECRETS_GROUP, CHECKS_GROUP)  # all of them are asked, whatever their names
GROUPS = (IO_GROUP, ADAPTERS_GROUP, EXECUTORS_GROUP, SECRETS_GROUP, MESSAGING_GROUP, CHECKS_GROUP)
OWN = {
    IO_GROUP: ("csv", "json", "ndjson", "parquet", "feather", "excel", "text", "yaml", "pickle", "sql", "duckdb"),
    ADAPTERS_GROUP: ("progress", "opentelemetry", "openlineage", "mlflow", "tracker"),
    MESSAGING_GROUP: ("http", "https"),
}
"""Names that flowerpower has itself: it never looks for a plug-in of one."""
OFF = "plug-ins are switched off here by FLOWERPOWER_DISABLE_PLUGINS"


class PluginWarning(UserWarning):
    """A plug-in is installed and does not work."""


class Plugin(NamedTuple):
    """One that is installed: where it comes from, and why it cannot be loaded, once somebody has tried."""

    group: str
    name: str
    value: str  # module:attribute
    distribution: str
    version: str
    allowed: bool | None = None  # whether the project names its distribution; None: there is no project
    wrong: str = ""
    loaded: bool = False
    hidden: str = ""  # what is used instead of it, since that has its name


def plugin_names(group: str, *, distributions: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the names that installed distributions offer in *group*, sorted, without loading any."""
    return tuple(sorted({point.name for point in _points(group, distributions)}))


def load_plugin(group: str, name: str, *, distributions: Collection[str] | None = None) -> Any | None:
    """Return what the plug-in *name* of *group* offers, or None.

    Only plug-ins of the named *distributions* are looked at, of all when it is None. One that cannot be loaded
    is a PluginWarning that names its distribution, not an error.
    """
    for point in _points(group, distributions):
        if point.name == name and (found := _load(point, stacklevel=3)) is not None:
            return found
    return None


def load_plugins(group: str, distributions: Sequence[str]) -> Iterator[tuple[Plugin, Any]]:
    """Yield every plug-in of *group* that these distributions have, in their order, with what it offers.

    One that cannot be loaded is a PluginWarning that names its distribution, and does not stop the others.
    """
    for distribution in distributions:
        for point in _points(group, [distribution]):
            if (found := _load(point, stacklevel=3)) is not None:
                yield _described(group, point), found


def is_installed(distribution: str) -> bool:
    """Tell whether a distribution is installed."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        return bool(metadata(distribution))
    except (PackageNotFoundError, ValueError):
        return False


def why_missing(group: str, name: str, distributions: Sequence[str]) -> str:
    """Return why a project that names these distributions has no plug-in of that name; empty: nobody has it."""
    if plugins_are_off():
        return OFF
    if name in plugin_names(group, distributions=distributions):
        return "its plug-in cannot be loaded: see flowerpower plugins list"
    if missing := [one for one in distributions if not is_installed(one)]:
        return f"the plug-in {missing[0]!r} is not installed here: pip install {missing[0]}"
    if name in plugin_names(group):
        return "an installed plug-in has it; name its distribution under `plugins:` in flowerpower.yaml"
    return ""


def installed_plugins(named: Sequence[str] | None) -> list[Plugin]:
    """Return every plug-in that is installed, by group and name; those that a project names are tried.

    Others are not loaded: that would run code that nobody asked for. *named* is None where there is no project.
    """
    found: list[Plugin] = []
    for group in GROUPS:
        for point in _points(group, None):
            plugin = _described(group, point, None if named is None else _is_named(point, named))
            found.append(_tried(plugin, point)._replace(hidden=_hiding(plugin, found)) if plugin.allowed else plugin)
    return found


def _hiding(plugin: Plugin, before: Sequence[Plugin]) -> str:
    """Return what is used instead of a plug-in that a project names, if anything is."""
    if plugin.name in OWN.get(plugin.group, ()):
        return "flowerpower's own"
    by_name = {(other.group, other.name): other for other in reversed(before) if other.loaded}
    first = None if plugin.group in _EACH else by_name.get((plugin.group, plugin.name))
    return f"that of {first.distribution}" if first else ""


def _tried(plugin: Plugin, point: Any) -> Plugin:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = _load(point) is not None
    said = [str(one.message) for one in caught if one.category is PluginWarning]
    return plugin._replace(loaded=loaded, wrong="".join(said[:1]))


def _load(point: Any, stacklevel: int = 2) -> Any | None:
    try:
        complete_core()
        if (found := point.load()) is None:
            raise TypeError("it is None")
        return found
    except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code; a broken one must not stop the rest
        said = str(error).strip().partition("\n")[0]
        warnings.warn(
            f"the plug-in {point.name!r} of {_owner(point)} could not be loaded: {type(error).__name__}: {said}",
            PluginWarning,
            stacklevel=stacklevel + 1,
        )
    return None


def _described(group: str, point: Any, allowed: bool | None = True) -> Plugin:
    return Plugin(group, point.name, point.value, _owner(point), point.dist.version if point.dist else "", allowed)


def _owner(point: Any) -> str:
    return point.dist.name if point.dist else "an unknown distribution"


def _points(group: str, distributions: Collection[str] | None) -> list[Any]:
    from importlib.metadata import entry_points

    if plugins_are_off():
        return []
    found = sorted(entry_points(group=group), key=lambda point: (point.name, point.value))
    return [point for point in found if distributions is None or _is_named(point, distributions)]


def _is_named(point: Any, distributions: Collection[str]) -> bool:
    return bool(point.dist) and _normal(point.dist.name) in {_normal(name) for name in distributions}


@cache
def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
