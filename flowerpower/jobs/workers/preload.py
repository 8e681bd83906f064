"""What a worker imports once, so that no run has to: Hamilton and the modules of the applied pipelines."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flowerpower.errors import FlowerPowerError, StoreError
from flowerpower.jobs.run import Home
from flowerpower.jobs.workers.code import code_on_disk
from flowerpower.state.store import Store

logger = logging.getLogger("flowerpower.worker")


class GraphRecipe(NamedTuple):
    """What a graph is built of: Hamilton modules by name, the config, and the names of adapters that watch its runs."""

    modules: Sequence[str]
    config: Mapping[str, Any]
    adapters: Sequence[str] = ()


class AppliedCommit:
    """The commit that is applied, as it was when Redis could last be asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = ""

    def now(self) -> str:
        """Return it."""
        try:
            self._known = self._store.head().commit
        except StoreError as error:
            logger.warning("%s", error)
        return self._known


def preload(root: Path, recipes: Sequence[GraphRecipe], folders: Sequence[str]) -> None:
    """Import what runs need from the module folders below *root*, and build graphs; what fails is left to the runs."""
    import pydantic.type_adapter  # noqa: F401

    import flowerpower.pipelines.hook
    import flowerpower.pipelines.run
    import flowerpower.pipelines.secrets
    import flowerpower.specs.models  # noqa: F401 - so that no fork has to import it
    from flowerpower.pipelines.adapters.named import import_adapters
    from flowerpower.pipelines.edits import forget_edited
    from flowerpower.pipelines.manager import preload as import_modules
    from flowerpower.pipelines.reuse import build_first

    modules = list(dict.fromkeys(module for recipe in recipes for module in recipe.modules))
    forget_edited(root, folders)
    import_modules(modules, root, list(folders))
    code_on_disk(root, modules, folders)  # read, parsed and kept for the forks
    import_adapters(name for recipe in recipes for name in recipe.adapters)
    build_first([(recipe.modules, recipe.config) for recipe in recipes], root, folders)


def preload_commit(home: Home, recipes: Sequence[GraphRecipe], folders: Sequence[str], commit: str) -> None:
    """Import the code of a commit; one that cannot be had is left to the runs, which say why."""
    assert home.checkouts is not None  # noqa: S101
    try:
        root = home.checkouts.at(commit, folders) if commit else home.root
    except FlowerPowerError as error:
        logger.warning("nothing is imported before forking: %s", error)
        return
    preload(root, recipes if commit else (), folders)
