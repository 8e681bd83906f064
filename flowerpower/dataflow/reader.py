"""Which first-party files a pipeline's code is made of, read from syntax trees.

No user code runs here and no file is opened: the files arrive as bytes. Where a syntax tree cannot say what will
be imported, every file of the module folders counts: a digest that changes too often costs a line in a plan, one
that changes too seldom hides what was deployed.
"""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_IMPORT_CALLS = frozenset({"import_module", "__import__"})
_UNDECIDABLE_ATTRIBUTES = frozenset(
    {"reload", "find_spec", "spec_from_file_location", "exec_module", "load_module", "__path__"}
)
_UNDECIDABLE_NAMES = _UNDECIDABLE_ATTRIBUTES | {"exec", "eval"}  # `frame.eval(...)` is a method of data, so only bare
_UNDECIDABLE_SYS = frozenset({"path", "modules", "meta_path", "path_hooks"})
_UNDECIDABLE_MODULES = frozenset({"importlib.util", "importlib.machinery", "runpy", "pkgutil", "imp", "zipimport"})


@dataclass(frozen=True, slots=True)
class Import:
    """One module that a file asks for: `level` dots, a dotted `module`, and the `names` taken from it."""

    level: int
    module: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Imports:
    """Everything a file imports; not `decided` when some import is only known at run time."""

    found: tuple[Import, ...] = ()
    decided: bool = True


def module_closure(modules: Sequence[str], files: Mapping[str, bytes], folders: Sequence[str]) -> tuple[str, ...]:
    """Return the paths, sorted, of *modules* and of every first-party module that they import, directly or not.

    *files* maps paths relative to the project folder to their bytes, *folders* are the project's module folders.
    A module without a file is left out; a file with a syntax error counts, its imports do not.
    """
    roots = [_prefix(folder) for folder in folders]
    waiting = [part for module in modules for part in _with_parents(module)]
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


@lru_cache(maxsize=16_384)
def read_imports(source: bytes) -> Imports:
    """Return what the file asks to import, in any form and at any depth; nothing when it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a user's file is not ours to report
            tree = ast.parse(source)
        nodes = list(ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Imports()
    static = [found for node in nodes for found in _static_imports(node)]
    literal, rest = _literal_calls(nodes)
    decided = not any(_asks_for_undecidable(found) for found in static)
    decided = decided and not any(_is_undecidable(node, rest) for node in nodes)
    return Imports(tuple(dict.fromkeys([*static, *literal])), decided)


def _static_imports(node: ast.AST) -> Iterator[Import]:
    match node:
        case ast.Import(names=names):
            yield from (Import(0, alias.name) for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            yield Import(level, module or "", tuple(alias.name for alias in names))


def _literal_calls(nodes: Sequence[ast.AST]) -> tuple[list[Import], frozenset[int]]:
    """Return the imports by call whose module is written out, and the ids of the nodes that made them."""
    found: list[Import] = []
    decided: set[int] = set()
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Name() | ast.Attribute() as function, args=[ast.Constant(value=str(name))], keywords=[]
            ) if _last_name(function) in _IMPORT_CALLS and not name.startswith("."):
                found.append(Import(0, name))
                decided.add(id(function))
    return found, frozenset(decided)


def _asks_for_undecidable(found: Import) -> bool:
    if found.level:
        return False
    asked = {found.module, *(f"{found.module}.{name}" for name in found.names)}
    return any(name in _UNDECIDABLE_MODULES for name in asked) or bool(
        found.module == "sys" and _UNDECIDABLE_SYS.intersection(found.names)
    )


def _is_undecidable(node: ast.AST, decided: frozenset[int]) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="sys"), attr=name) if name in _UNDECIDABLE_SYS:
            return True
        case ast.Name(id=name):
            return name in _UNDECIDABLE_NAMES or (name in _IMPORT_CALLS and id(node) not in decided)
        case ast.Attribute(attr=name):
            return name in _UNDECIDABLE_ATTRIBUTES or (name in _IMPORT_CALLS and id(node) not in decided)
        case ast.alias(name=name, asname=str(given)):
            return name in _IMPORT_CALLS and given != name
        case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id="importlib"), *_]):
            return True
    return False


def _last_name(function: ast.Name | ast.Attribute) -> str:
    return function.id if isinstance(function, ast.Name) else function.attr


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
