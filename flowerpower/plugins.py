"""Plug-ins, found by entry point and loaded by name, one at a time, when they are used."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import Any

IO_GROUP = "flowerpower.io"
SECRETS_GROUP = "flowerpower.secrets"
MESSAGING_GROUP = "flowerpower.messaging"
ADAPTERS_GROUP = "flowerpower.adapters"


class PluginWarning(UserWarning):
    """A plug-in is installed and does not work."""


def plugin_names(group: str, *, distributions: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the names that installed distributions offer in *group*, sorted, without loading any."""
    return tuple(sorted({point.name for point in _points(group, distributions)}))


def load_plugin(group: str, name: str, *, distributions: Collection[str] | None = None) -> Any | None:
    """Return what the plug-in *name* of *group* offers, or None.

    Only plug-ins of the named *distributions* are looked at, of all when it is None. One that cannot be loaded
    is a PluginWarning that names its distribution, not an error.
    """
    for point in _points(group, distributions):
        if point.name == name:
            try:
                return point.load()
            except Exception as error:  # noqa: BLE001  foreign code; a broken one must not stop the rest
                owner = point.dist.name if point.dist else "an unknown distribution"
                warnings.warn(
                    f"the plug-in {name!r} of {owner} could not be loaded: {type(error).__name__}: {error}",
                    PluginWarning,
                    stacklevel=2,
                )
    return None


def is_installed(distribution: str) -> bool:
    """Tell whether a distribution is installed."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        return bool(metadata(distribution))
    except (PackageNotFoundError, ValueError):
        return False


def broken_plugins(group: str) -> tuple[str, ...]:
    """Load every plug-in of *group* and return what is wrong with those that cannot be, in the words of the warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in plugin_names(group):
            load_plugin(group, name)
    return tuple(str(warning.message) for warning in caught if warning.category is PluginWarning)


def _points(group: str, distributions: Collection[str] | None) -> list[Any]:
    from importlib.metadata import entry_points

    wanted = None if distributions is None else {_normal(name) for name in distributions}
    found = sorted(entry_points(group=group), key=lambda point: (point.name, point.value))
    return [point for point in found if wanted is None or (point.dist and _normal(point.dist.name) in wanted)]


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
