"""Imports Hamilton with those of its extensions that a pipeline can need.

By default Hamilton imports every library it has an extension for and finds installed, which takes longer than all the
rest of a short run. Whenever a pipeline's imports leave a doubt, all are loaded, as Hamilton would.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from flowerpower.dataflow.reader import Import, module_closure, read_imports

_ALWAYS = ("pandas", "numpy")  # Hamilton imports both libraries anyway
_OF_LIBRARY: Mapping[str, tuple[str, ...]] = {"polars": ("polars", "polars_lazyframe"), "pandas": (), "numpy": ()}
_HARMLESS = frozenset({"hamilton.function_modifiers", "hamilton.htypes"})
_NEEDS_ALL = frozenset({"*", "load_from", "save_to", "dataloader", "datasaver"})
_KNOWN = sys.stdlib_module_names | {"typing_extensions"}


@lru_cache(maxsize=1024)
def load_hamilton(modules: tuple[str, ...], root: Path, folders: tuple[str, ...]) -> None:
    """Import Hamilton, and the extensions for *modules* and what they import; call it before importing them."""
    from hamilton import registry

    if not registry.INITIALIZED:
        registry.INITIALIZED = True  # or the next import would load every extension
    import hamilton.driver  # noqa: F401

    wanted = _extensions(modules, SourceFiles(root, folders), folders)
    if wanted is None:
        registry.initialize()
        return
    for name in wanted:
        if f"hamilton.plugins.{name}_extensions" not in sys.modules:
            registry.load_extension(name)


def _extensions(modules: Sequence[str], files: Mapping[str, bytes], folders: Sequence[str]) -> tuple[str, ...] | None:
    """Return the names of the extensions to load, or None for all of them."""
    closure = module_closure(modules, files, folders)
    wanted = dict.fromkeys(_ALWAYS)
    for path in closure:
        imports = read_imports(files[path])
        if not imports.decided:
            return None
        for found in imports.found:
            names = _extensions_for(found, closure)
            if names is None:
                return None
            wanted.update(dict.fromkeys(names))
    return tuple(wanted)


def _extensions_for(found: Import, closure: Iterable[str]) -> tuple[str, ...] | None:
    library = found.module.partition(".")[0]
    if found.level or library in _KNOWN or any(f"/{library}." in path or f"/{library}/" in path for path in closure):
        return ()
    if library == "hamilton":
        return () if found.module in _HARMLESS and not _NEEDS_ALL.intersection(found.names) else None
    return _OF_LIBRARY.get(library)


class SourceFiles(Mapping[str, bytes]):
    """The Python files of a project's folders, each read when it is asked for."""

    def __init__(self, root: Path, folders: Sequence[str]) -> None:
        self._root = root
        self._folders = folders

    def __getitem__(self, path: str) -> bytes:
        file = self._root / path
        if not _is_readable(file):
            raise KeyError(path)
        return file.read_bytes()

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and _is_readable(self._root / path)

    def __iter__(self) -> Iterator[str]:
        for folder in self._folders:
            for file in (self._root / folder).rglob("*.py"):
                yield file.relative_to(self._root).as_posix()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _is_readable(file: Path) -> bool:
    """Tell whether a file can be read; one that cannot is left to its import, which says why."""
    try:
        return file.is_file() and os.access(file, os.R_OK)
    except OSError:
        return False
