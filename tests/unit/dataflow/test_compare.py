"""What a change of code does to a graph."""

from __future__ import annotations

import pytest
from support.dataflow import static_graph

from flowerpower.dataflow.compare import Difference, Version, code_of_functions, compare

BEFORE = '''\
import pandas as pd

RATE = 1.1
OTHER = 2


def orders(path: str) -> list:
    """Read them."""
    return _read(path)


def total(orders: list) -> float:
    return sum(orders) * RATE


def _read(path):
    return _lines(path)


def _lines(path):
    return [1, 2]
'''


def version(text: str, **config: object) -> Version:
    return Version(static_graph({"m.py": text}, ["m"], config), {"flows/m.py": text.encode()})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", Difference()),
        ('    """Read them."""\n', '    """Read all of them."""\n', Difference()),
        ('    """Read them."""\n', "    # no docstring\n", Difference()),
        ("OTHER = 2\n", "OTHER = 3\n\n\n# comment\n", Difference()),
        ("sum(orders) * RATE", "(sum(orders)  *  RATE)", Difference()),
        ("sum(orders) * RATE", "sum(orders) / RATE", Difference(changed=("total",))),
        ("RATE = 1.1", "RATE = 1.2", Difference(changed=("total",))),
        ("[1, 2]", "[1, 2, 3]", Difference(changed=("orders",))),
        ("orders(path: str)", "orders(path: str, limit: int = 3)", Difference(changed=("orders",))),
        ("def total(", "def sum_total(", Difference(added=("sum_total",), removed=("total",))),
        ("def total(", "def _total(", Difference(removed=("total",))),
        ("import pandas as pd", "import polars as pd", Difference()),
    ],
)
def test_only_what_changes_a_node_counts(old: str, new: str, expected: Difference) -> None:
    assert old in BEFORE

    found = compare(version(BEFORE), version(BEFORE.replace(old, new, 1)))

    assert found == expected
    assert bool(found) == (expected != Difference())


def test_another_config_may_change_what_makes_a_node() -> None:
    text = (
        "from hamilton.function_modifiers import config\n\n"
        "@config.when(engine='a')\ndef total__a(x: int) -> int:\n    return 1\n\n"
        "@config.when(engine='b')\ndef total__b(x: int) -> int:\n    return 2\n"
    )

    assert compare(version(text, engine="a"), version(text, engine="b")) == Difference(changed=("total",))


def test_a_file_that_python_cannot_read_has_no_functions() -> None:
    assert code_of_functions(b"def f(:\n") == {}
