"""Which file a module's name means, as far as file names can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flowerpower.dataflow.graph import Reason
from flowerpower.dataflow.modules import Files, ModuleFile
from flowerpower.dataflow.parse import read_module
from flowerpower.errors import Place


def locate(module: str, files: Files, folders: Sequence[str]) -> ModuleFile | Reason | None:
    """Return the module, why it is not certain which file it is, or None when there is none."""
    found = list(_candidates(module, files, folders))
    if not found:
        return None
    if len(found) > 1:
        return Reason(f"the module '{module}' may be {found[0]} or {found[1]}", Place(found[0]))
    path = found[0]
    parent = module.rpartition(".")[0]
    while parent:
        for other in _candidates(parent, files, folders):
            if not path.startswith(other.removesuffix("__init__.py")):
                return Reason(f"the package '{parent}' is in {other}, its module '{module}' in {path}", Place(path))
        parent = parent.rpartition(".")[0]
    return ModuleFile(module, path, read_module(files[path]))


def plain_folder(folder: str) -> str:
    """Return what paths below a folder start with: `flows/`, or nothing for the project folder."""
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    return "".join(f"{part}/" for part in parts)


def package_of(path: str, folders: Sequence[str]) -> str:
    """Return the dotted package that relative imports in a file start from; of nested folders the inner one counts."""
    roots = [root for root in map(plain_folder, folders) if path.startswith(root)]
    inner = path.removeprefix(max(roots, key=len, default=""))
    return inner.rpartition("/")[0].replace("/", ".")


def _candidates(module: str, files: Files, folders: Sequence[str]) -> Iterator[str]:
    inner = module.replace(".", "/")
    for folder in dict.fromkeys(map(plain_folder, folders)):
        for path in (f"{folder}{inner}/__init__.py", f"{folder}{inner}.py"):
            if path in files:
                yield path
