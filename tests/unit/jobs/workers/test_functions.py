"""Whether there is a function, told by its path alone: nothing of it is imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flowerpower.errors import UsageError
from flowerpower.jobs.workers.functions import doubt_of

_STOCK = """
from os.path import join as joined
class Shelf:
    def fill(self): ...
def count(): ...
if count:
    later = count
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that may not be imported."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('imported')\n")
    (folder / "stock.py").write_text(_STOCK)
    (folder / "open.py").write_text("def __getattr__(name): ...\n")
    (folder / "broken.py").write_text("def (\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop.stock.count", ""),
        ("shop.stock.Shelf.fill", ""),
        ("shop.stock.later", ""),
        ("shop.stock.joined", ""),
        ("shop.open.anything", ""),
        ("shop.broken.anything", ""),
        ("print", ""),
        ("os.path.join", ""),
        ("time.sleep", ""),
        ("sys.nothing", ""),  # in no file that could be read
        ("shop.stock.cuont", "the module 'shop.stock' has no 'cuont' (did you mean 'count'?)"),
        ("shop.stok.count", "the module 'shop' has no 'stok'"),
        ("shop.count", "the module 'shop' has no 'count'"),
        ("nope.count", "there is no module 'nope' here"),
    ],
)
def test_a_function_that_is_not_there_is_doubted(name: str, said: str) -> None:
    assert doubt_of(name) == said
    assert "shop" not in sys.modules


@pytest.mark.parametrize("name", ["nope", "shop stock.count", "shop.stock.", ".count", "shop:count", ""])
def test_what_can_be_no_function_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"^{name!r} "):
        doubt_of(name)
