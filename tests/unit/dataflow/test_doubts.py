"""What a module may do to its functions while it is imported: seen, or harmless, and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.dataflow import differences, needs_of, real_graph, static_graph

BEFORE = """
import functools, sys, types
from collections import namedtuple
from typing import Any
from hamilton.function_modifiers import config, extract_fields, inject, parameterize, source, tag, value

def first(path: str) -> int:
    return 1

def _helper(amount: int) -> int:
    return amount

def _maker():
    def made(amount: int) -> int:
        return amount
    return made

def _passed(function):
    return function

def _swap(function):
    def swapped(amount: int) -> int:
        return 1
    return swapped

class Thing:
    size = 1
    def method(self, other): return lambda: other

class Plain:
    def method(self, amount: int) -> int: return amount
    @staticmethod
    def still(amount: int) -> int: return amount
    @classmethod
    def kind(cls) -> int: return 1
    @property
    def width(self) -> int: return 1
"""
FIELDS = "\ndef second(path: str) -> dict[str, int]: return {}"
TRICKS = [
    "second = first",
    "first = 3",
    "del first",
    "second, third = first, 2",
    "second = [first][0]",
    "second = first if sys else _helper",
    "second = _maker()",
    "second = _passed(_maker())",
    "second = (lambda: _maker())()",
    "second = {'a': _maker()}['a']",
    "table = {'a': _maker()}\nsecond = table['a']",
    "second = functools.partial(first, 'x')",
    "second = functools.wraps(_helper)(_maker())",
    "second = Thing().method(1)",
    "second: Any = _maker()",
    "(second := _maker())",
    "for second in [_maker()]: pass",
    "with open(__file__) as first: pass",
    "try:\n    import nothing_like_this\nexcept ImportError as first:\n    pass",
    "import math as first",
    "from math import floor as first",
    "class first: pass",
    "if True:\n    def second(path: str) -> int: return 1",
    "try:\n    def second(path: str) -> int: return 1\nfinally:\n    pass",
    "match 1:\n    case first: pass",
    "while True:\n    def second(path: str) -> int: return 1\n    break",
    "exec('def second(path: str) -> int: return 1')",
    "globals()['second'] = _maker()",
    "vars()['second'] = _maker()",
    "setattr(sys.modules[__name__], 'second', _maker())",
    "sys.modules[__name__].second = _maker()",
    "sys.modules[__name__].__dict__.update(second=_maker())",
    "def _set():\n    global second\n    second = _maker()\n_set()",
    "def _set():\n    globals()['second'] = _maker()\n_set()",
    "first.__name__ = 'third'",
    "def _rename():\n    first.__name__ = 'third'\n_rename()",
    "first.__module__ = 'elsewhere'",
    "tag(a='b')(first)",
    "parameterize(second={'path': value('x')})(first)",
    "@_passed\ndef second(path: str) -> int: return 1",
    "@functools.wraps(first)\ndef second(path: str) -> int: return 1",
    "@functools.wraps(first)\ndef _second(amount: int) -> int: return 1",
    "@staticmethod\ndef second(path: str) -> int: return 1",
    "@functools.singledispatch\ndef second(path: str) -> int: return 1",
    "@property\ndef second(path: str) -> int: return 1",
    "@_swap\ndef _second(): ...",
    "config = Thing\ndef second(path: str) -> int: return 1",
    "class config:\n    def when(**_): return lambda function: None\n@config.when(a=1)\ndef second(path: str): ...",
    "value = str\n@inject(path=value('x'))\ndef second(path: str) -> int: return 1",
    "COLUMNS = ['a', 'b']\nCOLUMNS += ['c']\n@extract_fields(COLUMNS)" + FIELDS,
    "COLUMNS = ['a']\nfor name in 'bc': COLUMNS.append(name)\n@extract_fields(*COLUMNS)" + FIELDS,
    "COLUMNS = ['a']\n_passed(COLUMNS).append('b')\n@extract_fields(*COLUMNS)" + FIELDS,
    "COLUMNS = ['a']\nother = COLUMNS\nother.append('b')\n@extract_fields(*COLUMNS)" + FIELDS,
    "FIELDS = {'a': int}\nFIELDS['b'] = int\n@extract_fields(FIELDS)\ndef second(path: str) -> dict: return {}",
    "NAME = 'a'\nNAME = 'b'\n@extract_fields(NAME)\ndef second(path: str) -> dict[str, int]: return {}",
    "NAME = 'a'\n@extract_fields(NAME)\ndef second(path: str) -> dict[str, int]: return {}\nNAME = 'b'",
    "@inject(path=[value(value) for value in 'x'][0])\ndef second(path: str) -> int: return 1",
    "@extract_fields(*[source('x') for source in (str,)])" + FIELDS,
    "@extract_fields((name for name in ['a', 'b']))" + FIELDS,
    "@extract_fields([name for name in {'a': 1}.keys()])" + FIELDS,
    "range = 'ab'.__getitem__\n@extract_fields(*[f'{n}' for n in range(1)])" + FIELDS,
    "@extract_fields(*[name for name in 'ab'])" + FIELDS,
    "@extract_fields(*[f'{a}{b}' for a in 'ab' for b in 'cd'])" + FIELDS,
    "@extract_fields(*[f'{n:03d}' for n in range(2)])" + FIELDS,
    "@extract_fields(*[f'{n!r}' for n in 'ab'])" + FIELDS,
    "@extract_fields(*[[f'a{n}' for n in range(2)] for m in range(1)][0])" + FIELDS,
    "NAMES = [f'a{n}' for n in range(2)]\nNAMES.append('b')\n@extract_fields(NAMES)" + FIELDS,
    "def __dir__(): return ['first']",
    "__name__ = 'elsewhere'\ndef second(path: str) -> int: return 1",
    "@tag\ndef second(path: str) -> int: return 1",
    "@config.when(name=3, a=1)\ndef second(path: str) -> int: return 1",
    "@config.when(a=1)\n@config.when_not(b=2)\ndef second__x__y(path: str) -> int: return 1",
    "second = types.FunctionType(first.__code__, globals(), 'second')",
    "second = Thing.method",
    "Thing.method.__name__ = 'second'",
    "from os.path import *",
    "[first for first in ()]",
    "second = min([_maker()], key=id)",
    "def second(path: str = _maker()) -> int: return 1",
    "second = getattr(sys.modules[__name__], 'first')",
    "import m as me\nme.third = _maker()",
    "second = Plain.still",
    "second = Plain().still",
    "second, third = Plain.still, 1",
    "for second in [Plain.still]: pass",
    "second = getattr(Plain, 'still')",
    "table = {'a': Plain.still}\nsecond = table['a']",
    "second = Plain.still if sys else 1",
    "_helper.__name__ = 'second'",
    "second = types.FunctionType(_helper.__code__, {'__name__': 'm'}, 'second')",
    "TYPE_CHECKING = True\nif TYPE_CHECKING:\n    def second(path: str) -> int: return 1",
    "class typing: TYPE_CHECKING = True\nif typing.TYPE_CHECKING:\n    def second(path: str) -> int: return 1",
    *(
        f"COLUMNS = ['a']\n{change}\n@extract_fields(*COLUMNS){FIELDS}"
        for change in (
            "list.append(COLUMNS, 'b')",
            "other, more = COLUMNS, 1\nother.append('b')",
            "table = {'a': COLUMNS}\ntable['a'].append('b')",
            "(other := COLUMNS).append('b')",
            "other: Any = COLUMNS\nother.append('b')",
            "for other in (COLUMNS,): other.append('b')",
            "def _change(other=COLUMNS): other.append('b')\n_change()",
            "def _change(other): other.append('b')\n_change(other=COLUMNS)",
            "def _change():\n    other = COLUMNS\n    other.append('b')\n_change()",
            "COLUMNS.__iadd__(['b'])",
            "import m as me\nme.COLUMNS.append('b')",
        )
    ),
    "TABLE = {'a': ['b']}\nfor names in TABLE.values(): names.append('c')\n@extract_fields(*TABLE['a'])" + FIELDS,
]
REFUSED = [
    "second = Plain.method",
    "table = {'a': lambda: 1}\nsecond = table['a']",
    "table = dict(a=lambda: 1)\nsecond = table['a']",
    "table = [lambda: 1]\nfor second in table: pass",
]
HARMLESS = [
    "WIDTH = Plain().width; KIND = Plain.kind; SIZE = Plain().method(1)",
    "TABLE = {'a': lambda: 1}",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    def second() -> int: ...",
    "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    def second() -> int: ...",
    *(
        f"NAMES = ['a', 'b']\n{use}\n@extract_fields(*NAMES)\ndef second(path: str) -> dict[str, int]: return {{}}"
        for use in (
            "COUNT = len(NAMES); FIRST = NAMES[0]; BOTH = NAMES + ['c']; TITLE = ', '.join(NAMES); LINE = f'{NAMES}'",
            "assert NAMES\nassert 'a' in NAMES\nLENGTHS = {name: len(name) for name in NAMES}",
            "def third(path: str, columns: list = NAMES) -> list: return columns",
            "def _later(): return sorted(NAMES)",
        )
    ),
    "LIMIT = 3; NAMES = ['a', 'b']; TABLE = {name: len(name) for name in NAMES}",
    "Point = namedtuple('Point', 'x y')\nORIGIN = Point(0, 0)",
    "ORIGIN = Thing\nOTHER: int = 3\nUNSET: int",
    "import logging\nlog = logging.getLogger(__name__)\nlog.setLevel('INFO')",
    "Alias = dict[str, list[int]]\nOptional = int | None",
    "if sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    tomllib = None",
    "if __name__ == '__main__':\n    print(first('x'))",
    "VALUE = 'x' if sys else 'y'",
    "def _later():\n    globals()['x'] = 1",
    "with open(__file__) as _file:\n    TEXT = _file.read()",
    "for _number in range(3):\n    LAST = _number",
    "@functools.lru_cache\ndef cached(anything): return anything",
    "@functools.wraps(_helper)\ndef _other(amount): return amount",
    "assert sys, 'no system'",
    "PAIRS = sorted([(2, 'b'), (1, 'a')], key=lambda pair: pair[0])",
    "def second(first: int, path: 'str' = 'x') -> 'int': return 1",
    "NAMES = ('a', 'b')\n@extract_fields(*NAMES)\ndef second(path: str) -> dict[str, int]: return {}",
    "ARGUMENTS = {'second': {'path': source('other')}}\n@parameterize(**ARGUMENTS)\ndef some(path: str) -> int: ...",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_is_seen_or_changes_nothing(trick: str, tmp_path: Path) -> None:
    files = {"m.py": f"{BEFORE}\n{trick}\n"}
    config = {"a": 1}
    graph = static_graph(files, ["m"], config)

    real = real_graph(tmp_path, files, ["m"], config)

    if graph.decided and not isinstance(real, Exception):
        assert differences(needs_of(graph), real) == {}


@pytest.mark.parametrize("text", REFUSED)
def test_what_hamilton_refuses_is_never_called_right(text: str, tmp_path: Path) -> None:
    files = {"m.py": f"{BEFORE}\n{text}\n"}

    assert isinstance(real_graph(tmp_path, files, ["m"], {}), Exception)
    assert not static_graph(files, ["m"], {}).decided


@pytest.mark.parametrize("text", HARMLESS)
def test_what_modules_usually_do_leaves_no_doubt(text: str, tmp_path: Path) -> None:
    files = {"m.py": f"{BEFORE}\n{text}\n"}

    graph = static_graph(files, ["m"], {})

    assert graph.reasons == ()
    assert differences(needs_of(graph), dict(real_graph(tmp_path, files, ["m"], {}))) == {}  # type: ignore[arg-type]


def test_a_package_is_one_with_the_parts_that_it_takes_functions_from(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from .core import total\nfrom pkg.other import rest\ndef own(total: int) -> int: ...\n",
        "pkg/core.py": "def total(path: str) -> int: return 1\n",
        "pkg/other.py": "def rest(path: str) -> int: return 1\n",
    }

    real = real_graph(tmp_path, files, ["pkg"], {})

    assert set(real) == {"own", "total", "rest", "path"}  # type: ignore[arg-type]
    assert not static_graph(files, ["pkg"], {}).decided


@pytest.mark.parametrize("taken", ["from ..inner.core import total", "import pkg.inner.core as c\ntotal = c.total"])
def test_a_package_may_take_its_parts_by_any_name(taken: str, tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/inner/__init__.py": f"{taken}\ndef own(total: int) -> int: ...\n",
        "pkg/inner/core.py": "def total(path: str) -> int: return 1\n",
    }

    assert set(real_graph(tmp_path, files, ["pkg.inner"], {})) == {"own", "total", "path"}  # type: ignore[arg-type]
    assert not static_graph(files, ["pkg.inner"], {}).decided


def test_functions_that_a_module_imports_from_elsewhere_are_not_its_own(tmp_path: Path) -> None:
    files = {
        "a.py": "from b import total\nfrom pkg.core import rest\n\ndef own(total: int) -> int: return 1\n",
        "b.py": "def total(path: str) -> int: return 1\n",
        "pkg/core.py": "def rest(path: str) -> int: return 1\n",
    }
    graph = static_graph(files, ["a"], {})

    assert graph.decided
    assert differences(needs_of(graph), dict(real_graph(tmp_path, files, ["a"], {}))) == {}  # type: ignore[arg-type]
