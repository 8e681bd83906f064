"""What can be said of nodes when other modules change, and of graphs that are known only in part."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from flowerpower.dataflow.compare import Version
from flowerpower.dataflow.partial import new_nodes, unsure_functions
from flowerpower.dataflow.touched import users_of
from flowerpower.specs.dataflow_graphs import Graphs

SALES = """\
import lib.text, far
from lib import left, right
from common import clean, other
from . import beside


def plain(path: str) -> str:
    return path


def cleaned(plain: str) -> str:
    return clean(plain)


def by_helper(plain: str) -> str:
    return _help(plain)


def _help(text):
    return lib.text.upper(text)


def inside(plain: str) -> str:
    from pack.deep import deeper
    return deeper(plain)


def leftmost(plain: str) -> str:
    return left.x


def relative(plain: str) -> str:
    return beside.x


def hidden(clean: str) -> str:
    return clean
"""
FILES = {
    "flows/pack/sales.py": SALES,
    "flows/pack/__init__.py": "",
    "flows/pack/beside.py": "x = 1",
    "flows/pack/deep.py": "from far import deeper",
    "flows/far.py": "def deeper(x): return x",
    "flows/common.py": "def clean(x): return x\ndef other(x): return x",
    "flows/lib/__init__.py": "",
    "flows/lib/left.py": "x = 1",
    "flows/lib/right.py": "x = 1",
    "flows/lib/text.py": "import codecs",
}


def version(files: Mapping[str, str], module: str = "pack.sales") -> Version:
    contents = {path: text.encode() for path, text in files.items()}
    return Version(Graphs(contents, ["flows"]).read((module,), {}), contents)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("flows/common.py", {"cleaned"}),
        ("flows/lib/text.py", {"by_helper"}),
        ("flows/lib/left.py", {"leftmost"}),
        ("flows/lib/right.py", set()),
        ("flows/far.py", {"inside"}),
        ("flows/pack/deep.py", {"inside"}),
        ("flows/pack/beside.py", {"relative"}),
        ("flows/elsewhere.py", set()),
    ],
)
def test_nodes_use_what_their_code_imports_however_far(changed: str, expected: set[str]) -> None:
    found = version(FILES)

    assert set(users_of(found, [changed], ["flows"])) == expected


UNKNOWN = """\
from elsewhere import timed


@timed
def slow() -> int:
    return 1


def end(slow: int) -> int:
    return slow
"""
NEW = "\n\ndef new() -> int:\n    return 1\n"


def module(text: str) -> Version:
    return version({"flows/m.py": text}, "m")


def test_a_function_whose_nodes_are_not_known_is_told_by_its_code() -> None:
    assert unsure_functions(module(UNKNOWN), module(UNKNOWN)) == ()
    assert unsure_functions(module(UNKNOWN), module(UNKNOWN.replace("return 1", "return 2"))) == ("slow",)
    assert unsure_functions(module(UNKNOWN), module(UNKNOWN.replace("return slow", "return 2"))) == ()
    assert unsure_functions(module(UNKNOWN.replace("@timed\n", "")), module(UNKNOWN)) == ("slow",)
    assert unsure_functions(module("def a() -> int:\n    return 1\n"), module("")) == ()


def test_of_a_module_in_doubt_every_function_counts() -> None:
    doubtful = "if True:\n    def a() -> int:\n        return 1\n\n\ndef b() -> int:\n    return 1\n"

    assert unsure_functions(module(doubtful), module(doubtful.replace("1\n\n\ndef b", "2\n\n\ndef b"))) == ()
    assert unsure_functions(module(doubtful), module(doubtful + NEW)) == ("new",)
    assert new_nodes(module(doubtful), module("def c() -> int:\n    return 1\n")) == set()


def test_a_node_is_new_when_nothing_before_can_have_made_it() -> None:
    assert new_nodes(module(""), module(NEW)) == {"new"}
    assert new_nodes(module(UNKNOWN), module(UNKNOWN + NEW)) == {"new"}
    assert new_nodes(module(UNKNOWN), module(UNKNOWN.replace("@timed\n", ""))) == set(), "timed may have made it"
    assert new_nodes(module(NEW), module(UNKNOWN)) == {"end"}


def test_a_function_that_was_there_may_make_a_new_node_in_a_graph_that_is_decided() -> None:
    one = "from hamilton.function_modifiers import extract_fields\n\n\n"
    one += "@extract_fields({'a': int})\ndef fields() -> dict:\n    return {}\n"
    two = one.replace("'a': int", "'a': int, 'b': int")

    assert new_nodes(module(one), module(two)) == {"b"}
    assert new_nodes(module(one + UNKNOWN), module(two + UNKNOWN)) == set()
