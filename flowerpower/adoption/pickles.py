"""The plain values in a pickle, read without running anything.

Nothing is ever unpickled: the instructions are walked one by one, and only those that make texts, numbers, tuples,
lists and dicts have an effect. Whatever names a class or a function leaves an `Unreadable` in its place.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_STEPS = 200_000
_BROKEN = (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, EOFError, struct.error)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a value that only running code could make: what it is, as far as its bytes tell."""

    what: str


class _Mark:
    """Where a collection begins on the stack."""


_MARK = _Mark()


def read_pickle(data: bytes) -> Any:
    """Return the value of a pickle with every part that is not plain as an `Unreadable`.

    Raises ValueError for bytes that are no pickle; never anything else, and never runs anything of what is in them.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in somebody else's text
            return _value(data)
    except _BROKEN as error:
        raise ValueError(f"not a readable pickle: {error}") from None


def _value(data: bytes) -> Any:
    machine = _Machine()
    for step, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if step >= _MOST_STEPS:
            raise ValueError("too many instructions")
        if opcode.name == "STOP":
            return machine.pop()
        machine.do(opcode.name, argument)
    raise ValueError("it has no end")


class _Machine:
    """A stack and a memo, as unpickling has them, but with values only."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[Any, Any] = {}

    def do(self, name: str, argument: Any) -> None:
        """Follow one instruction."""
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _STEPS:
            _STEPS[name](self, argument)
        elif name not in _IGNORED:
            raise ValueError(f"the instruction {name}")

    def pop(self) -> Any:
        """Take the topmost value."""
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a mark where a value should be")
        return value

    def pop_to_mark(self) -> list[Any]:
        """Take the values above the last mark, and the mark."""
        items: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            items.append(value)
        return items[::-1]

    def put(self, number: Any) -> None:
        """Remember the topmost value."""
        if self.stack[-1] is _MARK:
            raise ValueError("a mark where a value should be")
        self.memo[number] = self.stack[-1]

    def tuple_of(self, size: int) -> None:
        """Push a tuple of the topmost values."""
        self.stack.append(tuple([self.pop() for _ in range(size)][::-1]))

    def dict_from_mark(self, _: Any) -> None:
        """Push a dict of the pairs above the mark."""
        items = self.pop_to_mark()
        self.stack.append({})
        self.set_items(items)

    def set_item(self, _: Any) -> None:
        """Put the topmost key and value into the dict below them."""
        value = self.pop()
        self.set_items([self.pop(), value])

    def name(self, argument: Any) -> None:
        """Push a stand-in for a class or function that is named."""
        self.stack.append(Unreadable(str(argument).replace(" ", ".")))

    def name_from_stack(self, _: Any) -> None:
        """Push a stand-in for a class or function whose module and name are on the stack."""
        name, module = self.pop(), self.pop()
        named = isinstance(name, str) and isinstance(module, str)
        self.stack.append(Unreadable(f"{module}.{name}" if named else "something"))

    def make(self, size: int) -> None:
        """Push a stand-in for what would be made of the topmost values, the lowest of which says of which kind."""
        self.stack.append(_made_of([self.pop() for _ in range(size)][-1]))

    def make_from_mark(self, argument: Any) -> None:
        """Push a stand-in for what would be made of the values above the mark."""
        items = self.pop_to_mark()
        if argument is not None:
            self.name(argument)
        else:
            self.stack.append(_made_of(items[0]))

    def frozenset_from_mark(self, _: Any) -> None:
        """Push a stand-in for a frozenset of the values above the mark."""
        self.pop_to_mark()
        self.stack.append(Unreadable("a frozenset"))

    def build(self, _: Any) -> None:
        """Drop the state of the object below it."""
        self.pop()
        if not isinstance(self.stack[-1], Unreadable):
            self.stack[-1] = Unreadable("an object")

    def extend(self, items: list[Any]) -> None:
        """Put items into the list below them."""
        below = self.stack[-1]
        if isinstance(below, list):
            below.extend(items)
        elif not isinstance(below, Unreadable):
            raise TypeError("items for what is no list")

    def set_items(self, items: list[Any]) -> None:
        """Put keys and values, one after the other, into the dict below them."""
        below = self.stack[-1]
        if isinstance(below, Unreadable):
            return
        if not isinstance(below, dict) or len(items) % 2:
            raise TypeError("pairs for what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            plain = key is None or isinstance(key, str | int | float | bytes)
            below[key if plain else Unreadable("a key")] = value


def _made_of(kind: Any) -> Unreadable:
    return kind if isinstance(kind, Unreadable) else Unreadable("an object")


_PUSHES = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    )
)
_IGNORED = frozenset({"PROTO", "FRAME", "READONLY_BUFFER"})
_CONSTANTS: Mapping[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": lambda: Unreadable("a set"),
    "NEXT_BUFFER": lambda: Unreadable("a buffer"),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4", "PERSID"), lambda: Unreadable("an object kept elsewhere")),
    "BYTEARRAY8": lambda: Unreadable("a bytearray"),
}
_STEPS: Mapping[str, Callable[[_Machine, Any], object]] = {
    "MARK": lambda machine, _: machine.stack.append(_MARK),
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine.pop_to_mark(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"), lambda machine, number: machine.stack.append(machine.memo[number])
    ),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_to_mark()),
    "DICT": _Machine.dict_from_mark,
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "SETITEM": _Machine.set_item,
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_from_stack,
    "REDUCE": lambda machine, _: machine.make(2),
    "NEWOBJ": lambda machine, _: machine.make(2),
    "NEWOBJ_EX": lambda machine, _: machine.make(3),
    "BINPERSID": lambda machine, _: machine.make(1),
    "INST": _Machine.make_from_mark,
    "OBJ": _Machine.make_from_mark,
    "FROZENSET": _Machine.frozenset_from_mark,
    "BUILD": _Machine.build,
}
