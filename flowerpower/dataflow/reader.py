"""Which first-party files a pipeline's code is made of, read from syntax trees.

No user code runs here and no file is opened: the files arrive as bytes. Where a syntax tree cannot say what will
be imported, every file of the module folders counts: a digest that changes too often costs a line in a plan, one
that changes too seldom hides what was deployed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from flowerpower.dataflow.modules import Import, Imports
from flowerpower.dataflow.parse import read_module

__all__ = ["Import", "Imports", "code_digest", "import_closure", "module_closure", "read_imports"]


def module_closure(modules: Sequence[str], files: Mapping[str, bytes], folders: Sequence[str]) -> tuple[str, ...]:
    """Return the paths, sorted, of *modules* and of every first-party module that they import, directly or not.

    *files* maps paths relative to the project folder to their bytes, *folders* are the project's module folders.
    A module without a file is left out; a file with a syntax error counts, its imports do not.
    """
    return _closure([part for module in modules for part in _with_parents(module)], files, folders)


def import_closure(
    imports: Sequence[Import], package: str, files: Mapping[str, bytes], folders: Sequence[str]
) -> tuple[str, ...]:
    """Return the same for what a module of *package* imports."""
    roots = [_prefix(folder) for folder in folders]
    return _closure(list(_names_of(Imports(tuple(imports)), package, files, roots)), files, folders)


def _closure(waiting: list[str], files: Mapping[str, bytes], folders: Sequence[str]) -> tuple[str, ...]:
    roots = [_prefix(folder) for folder in folders]
    seen = set(waiting)
    closure: set[str] = set()
    while waiting:
        name = waiting.pop()
        for path in _paths_of(name, files, roots):
            imports = read_imports(files[path])
            if not imports.decided:
                return _every_file(files, roots)
            closure.add(path)
            package = name if path.endswith("/__init__.py") else name.rpartition(".")[0]
            for wanted in _names_of(imports, package, files, roots):
                if wanted not in seen:
                    seen.add(wanted)
                    waiting.append(wanted)
    return tuple(sorted(closure))


def code_digest(modules: Sequence[str], files: Mapping[str, bytes], folders: Sequence[str]) -> str:
    """Return 64 hexadecimal digits that change with any byte or path of the closure, and with nothing else."""
    digest = hashlib.sha256()
    for path in module_closure(modules, files, folders):
        digest.update(hashlib.sha256(path.encode()).digest())
        digest.update(hashlib.sha256(files[path]).digest())
    return digest.hexdigest()


def read_imports(source: bytes) -> Imports:
    """Return what the file asks to import, in any form and at any depth; nothing when it does not parse."""
    return read_module(source).imports


def _names_of(imports: Imports, package: str, files: Mapping[str, bytes], roots: Sequence[str]) -> Iterator[str]:
    """Yield the absolute dotted names behind *imports* of a module that lives in *package*."""
    for found in imports.found:
        base = _absolute(found, package)
        if base is None:
            continue
        yield from _with_parents(base)
        for name in found.names:
            if name == "*":
                yield from _children(base, files, roots)  # `__all__` of a package may name its modules
            else:
                yield f"{base}.{name}"


def _with_parents(name: str) -> Iterator[str]:
    """Yield `a`, `a.b` and `a.b.c` for `a.b.c`: Python runs the packages around a module first."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


def _absolute(found: Import, package: str) -> str | None:
    if not found.level:
        return found.module
    parts = package.split(".") if package else []
    if found.level > len(parts):
        return None  # Python would refuse it too: beyond the top-level package
    return ".".join([*parts[: len(parts) - found.level + 1], *([found.module] if found.module else [])])


def _children(package: str, files: Mapping[str, bytes], roots: Sequence[str]) -> Iterator[str]:
    for root in roots:
        prefix = root + package.replace(".", "/") + "/"
        for path in files:
            if path.startswith(prefix) and path.endswith(".py"):
                child = path.removeprefix(prefix).removesuffix("/__init__.py").removesuffix(".py")
                if "/" not in child:
                    yield f"{package}.{child}"


def _paths_of(name: str, files: Mapping[str, bytes], roots: Sequence[str]) -> Iterator[str]:
    """Yield every file the dotted *name* may mean.

    All folders are asked, although Python stops at the first: which folder wins depends on what else lies there.
    """
    inner = name.replace(".", "/")
    for root in roots:
        for path in (f"{root}{inner}/__init__.py", f"{root}{inner}.py"):
            if path in files:
                yield path


def _every_file(files: Mapping[str, bytes], roots: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(path for path in files if any(path.startswith(root) for root in roots)))


def _prefix(folder: str) -> str:
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    return "".join(f"{part}/" for part in parts)
