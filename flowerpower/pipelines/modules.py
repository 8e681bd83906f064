"""Imports a project's Hamilton modules from its folders, and says clearly what is wrong with one.

Modules are never reloaded in place. Two projects in one process may use the same module name; each gets its own, but
not at the same time.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from types import ModuleType

from flowerpower.errors import PipelineError
from flowerpower.nearest import nearest
from flowerpower.pipelines.extensions import load_hamilton
from flowerpower.pipelines.failures import UserCodeError, describe, user_place, user_traceback

_OWNER = "__flowerpower_folder__"
_owners: dict[str, str] = {}  # modules that were marked with it; looking at all modules would cost a fork its memory
_inside: list[tuple[int, tuple[str, ...]]] = []  # threads that are in `importable`, and the folders they look into
_LOCK = threading.RLock()


@contextmanager
def importable(root: Path, folders: Sequence[str]) -> Iterator[None]:
    """Let the project's *folders* be found first by imports, while modules load and while their functions run.

    Raises PipelineError while another thread runs a project that has modules of the same names.
    """
    entries = [str((root / folder).resolve()) for folder in folders]
    me = threading.get_ident(), tuple(entries)
    with _LOCK:
        _refuse_beside(*me)
        _inside.append(me)
        _look_anew(entries)
        _forget_other_projects(entries)
        last = next(reversed(sys.modules))
        sys.path[:0] = entries
    try:
        yield
    finally:
        with _LOCK:
            _inside.remove(me)
            for entry in entries:
                with suppress(ValueError):
                    sys.path.remove(entry)
            _mark(entries, _loaded_after(last))


def import_modules(names: Sequence[str], root: Path, folders: Sequence[str]) -> list[ModuleType]:
    """Return the modules *names*; call it inside `importable`.

    Raises PipelineError for a module that is not there, UserCodeError for one whose import fails.
    """
    return [_import(name, root, folders) for name in names]


def own_modules(root: Path, folders: Sequence[str]) -> list[ModuleType]:
    """Return all modules that were imported from the project's folders so far."""
    entries = [str((root / folder).resolve()) for folder in folders]
    with _LOCK:
        modules = list(sys.modules.values())
    places = [(module, _place_of(module)) for module in modules if isinstance(module, ModuleType)]
    return [module for module, place in places if any(_lies_in(place, entry) for entry in entries)]


def forget_modules(root: Path, folders: Sequence[str]) -> None:
    """Drop the project's modules from this process, so that the next import reads what is on disk now."""
    with _LOCK:
        ours = {id(module) for module in own_modules(root, folders)}
        for name, module in list(sys.modules.items()):
            if id(module) in ours and name != "__main__":
                del sys.modules[name]


def preload(modules: Sequence[str], root: Path, folders: Sequence[str]) -> Mapping[str, str]:
    """Import Hamilton and *modules* once, in a worker before it forks; return the errors of those that failed."""
    load_hamilton(tuple(modules), root, tuple(folders))
    failed: dict[str, str] = {}
    with importable(root, folders):
        for name in modules:
            try:
                _import(name, root, folders)
            except PipelineError as error:
                failed[name] = str(error)
    return failed


def _import(name: str, root: Path, folders: Sequence[str]) -> ModuleType:
    try:
        with _LOCK:
            module = importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise _not_there(name, root, folders) from None
        place = user_place(error, root)
        raise UserCodeError(
            f"module {name!r} cannot be imported: {f'{place}: ' if place else ''}{describe(error)}",
            details=user_traceback(error, root),
        ) from error
    _refuse_namesake(module, name, root, folders)
    return module


def _not_there(name: str, root: Path, folders: Sequence[str]) -> PipelineError:
    there = sorted({found for folder in folders for found in _names_in(root / folder)})
    close = nearest(name, there)
    hint = f"did you mean {close!r}?" if close else f"there are: {', '.join(there[:20]) or 'none'}"
    return PipelineError(f"there is no module {name!r} in {', '.join(folders) or 'any folder'}", hint=hint)


def _refuse_namesake(module: ModuleType, name: str, root: Path, folders: Sequence[str]) -> None:
    """Refuse a module of the project that another of the same name, already imported, stands in front of."""
    entries = [str((root / folder).resolve()) for folder in folders]
    inner = name.replace(".", "/")
    mine = [entry for entry in entries if _is_module(Path(entry), inner)]
    found = _place_of(module)
    if mine and found and not any(_lies_in(found, entry) for entry in entries):
        raise PipelineError(
            f"module {name!r} is hidden by another of the same name: {found}",
            hint="give the project's module another name",
        )


def _is_module(entry: Path, inner: str) -> bool:
    return (entry / f"{inner}.py").is_file() or (entry / inner / "__init__.py").is_file()


def _names_in(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py") if folder.is_dir() else ():
        parts = path.relative_to(folder).with_suffix("").parts
        if not any(part.startswith(".") or part == "__pycache__" for part in parts):
            yield ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _look_anew(entries: Sequence[str]) -> None:
    """Let imports see files that are younger than what Python remembers of the project's folders.

    `importlib.invalidate_caches` would do so for each folder of the path, which a fork pays for with copies of memory.
    """
    starts = tuple(f"{entry}/" for entry in entries)
    for path in [path for path in sys.path_importer_cache if f"{path}/".startswith(starts)]:
        finder = sys.path_importer_cache[path]
        if finder is None:  # there was no such folder
            del sys.path_importer_cache[path]
        elif hasattr(finder, "invalidate_caches"):
            finder.invalidate_caches()


def _refuse_beside(thread: int, entries: tuple[str, ...]) -> None:
    """Refuse what other threads run now, if it has names of ours: each would import modules of the other."""
    for other, theirs in _inside:
        same = _names_at(set(entries) - set(theirs)) & _names_at(set(theirs) - set(entries)) if other != thread else ()
        if same:
            raise PipelineError(
                f"another thread runs a project that has modules of the same names: {', '.join(sorted(same)[:5])}",
                hint="run one after the other, or each in a process of its own",
            )


def _names_at(entries: Iterable[str]) -> set[str]:
    """Return the names that imports find first in folders."""
    names = {path.stem for entry in entries for path in Path(entry).glob("*") if path.suffix in ("", ".py")}
    return {name for name in names if not name.startswith("__")}


def _forget_other_projects(entries: Sequence[str]) -> None:
    """Drop modules that another project loaded under a name that this one has too."""
    ours = _names_at(entries)
    for name, owner in list(_owners.items()):
        if name.partition(".")[0] in ours and owner not in entries:
            del _owners[name]
            if getattr(sys.modules.get(name), "__dict__", {}).get(_OWNER) == owner:
                del sys.modules[name]


def _loaded_after(last: str) -> list[str]:
    """Return the names of the modules that were loaded after this one, the youngest first.

    A copy of all names would be simpler, but a fork pays for it with copies of memory.
    """
    while True:
        try:
            return list(takewhile(lambda name: name != last, reversed(sys.modules)))
        except RuntimeError:  # another thread imported something meanwhile
            continue


def _mark(entries: Sequence[str], names: Iterable[str]) -> None:
    """Write into each new module of the project which folder it came from."""
    for name in names:
        module = sys.modules.get(name)  # another thread may have taken it away
        values = getattr(module, "__dict__", None)
        if module is not None and values is not None and (found := _place_of(module)):
            for entry in entries:
                if _lies_in(found, entry):
                    values[_OWNER] = _owners[name] = entry
                    break


def _place_of(module: ModuleType) -> str:
    """Return the file of a module, or the first folder of a package without one."""
    values = getattr(module, "__dict__", {})
    if isinstance(file := values.get("__file__"), str):
        return file
    with suppress(Exception):  # `__path__` of a namespace package is computed, and may fail
        return next(iter(values.get("__path__") or ()), "")
    return ""


def _lies_in(path: str, entry: str) -> bool:
    return path.startswith(f"{entry}/") and "/site-packages/" not in path.removeprefix(entry)
