"""Which file a module is, as Python would find it; and no answer where that is not certain."""

from __future__ import annotations

import pytest

from flowerpower.dataflow.graph import Reason
from flowerpower.dataflow.locate import locate
from flowerpower.dataflow.modules import ModuleFile


def located(module: str, *paths: str, folders: tuple[str, ...] = ("flows", "more")) -> str:
    found = locate(module, dict.fromkeys(paths, b""), folders)
    match found:
        case ModuleFile(path=path):
            return path
        case Reason():
            return "?"
    return ""


@pytest.mark.parametrize(
    ("module", "paths", "expected"),
    [
        ("sales", ["flows/sales.py"], "flows/sales.py"),
        ("sales", ["more/sales/__init__.py"], "more/sales/__init__.py"),
        ("pkg.sales", ["flows/pkg/sales.py"], "flows/pkg/sales.py"),
        ("pkg.sales", ["flows/pkg/__init__.py", "flows/pkg/sales.py"], "flows/pkg/sales.py"),
        ("sales", ["flows/other.py"], ""),
        ("sales", ["elsewhere/sales.py"], ""),
        ("sales", ["flows/sales.py", "more/sales.py"], "?"),
        ("sales", ["flows/sales.py", "flows/sales/__init__.py"], "?"),
        ("pkg.sales", ["flows/pkg/sales.py", "more/pkg/__init__.py"], "?"),
        ("pkg.sales", ["flows/pkg.py", "flows/pkg/sales.py"], "?"),
    ],
)
def test_a_module_is_found_where_there_is_one_file_for_it(module: str, paths: list[str], expected: str) -> None:
    assert located(module, *paths) == expected


@pytest.mark.parametrize("folder", [".", "./", "flows/..", "a//b/"])
def test_folders_may_be_written_in_any_way(folder: str) -> None:
    plain = {".": "", "./": "", "flows/..": "flows/../", "a//b/": "a/b/"}[folder]

    assert located("sales", f"{plain}sales.py", folders=(folder, folder)) == f"{plain}sales.py"
