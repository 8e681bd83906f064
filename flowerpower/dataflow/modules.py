"""What a Hamilton module says, as plain values: small enough to keep, and to store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Import(NamedTuple):
    """One module that a file asks for: `level` dots, a dotted `module`, and the `names` taken from it."""

    level: int
    module: str
    names: tuple[str, ...] = ()


class Imports(NamedTuple):
    """Everything a file imports; not `decided` when some import is only known at run time."""

    found: tuple[Import, ...] = ()
    decided: bool = True


class Spot(NamedTuple):
    """A point in a file; line and column count from 1."""

    line: int = 1
    column: int = 1


class Marker:
    """What stands for an argument that is no literal; equal to one that says the same. It is no tuple: that is one."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((type(self), *self._parts()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._parts()))})"

    def _parts(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)


class Source(Marker):
    """An argument that stands for a node: `source("orders")`."""

    __slots__ = ("node",)

    def __init__(self, node: str) -> None:
        self.node = node


class Bound(Marker):
    """An argument that is some value and never a node, whatever the value is."""

    __slots__ = ()


class Group(Marker):
    """An argument made of several: `group(source("a"), value(1))`."""

    __slots__ = ("members",)

    def __init__(self, members: tuple[object, ...]) -> None:
        self.members = members


class Extract(Marker):
    """One `ParameterizedExtract`: columns, and what the parameters of the function are."""

    __slots__ = ("columns", "mapping")

    def __init__(self, columns: object, mapping: object) -> None:
        self.columns = columns
        self.mapping = mapping


class Unread(Marker):
    """An argument that only running the code would tell; `text` is how it is written."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Decorator(NamedTuple):
    """One of Hamilton's decorators with its arguments: literals, or the values above.

    `name` is its name below `hamilton.function_modifiers`; empty for one that is not Hamilton's, written `text`.
    An argument that spreads something unknown is `Unread` under the name `**`.
    """

    name: str
    text: str
    spot: Spot
    called: bool = True
    arguments: tuple[object, ...] = ()
    keywords: tuple[tuple[str, object], ...] = ()


class Parameter(NamedTuple):
    """One parameter of a function; `annotation` is None when it has no type."""

    name: str
    annotation: str | None
    has_default: bool
    spot: Spot


class Function(NamedTuple):
    """One function of a module that Hamilton would look at; decorators in the order they are applied."""

    name: str
    spot: Spot
    parameters: tuple[Parameter, ...]
    returns: str | None
    decorators: tuple[Decorator, ...]


class Doubt(NamedTuple):
    """Why something of a module is only known by running it."""

    why: str
    spot: Spot


class SyntaxMistake(NamedTuple):
    """Why Python cannot read a file, in its own words."""

    message: str
    spot: Spot


class Taken(NamedTuple):
    """What an import that runs with the module takes, for the package that re-exports its parts."""

    source: Import
    spot: Spot
    sure: bool = True  # False: under a condition, or where what goes wrong is caught


class Names(NamedTuple):
    """What names of a module mean: those certainly imported by their full name, and every one that has a meaning."""

    imported: Mapping[str, str] = {}
    bound: frozenset[str] = frozenset()


class Module(NamedTuple):
    """Everything known of a module without running it.

    `functions` are complete unless there are `doubts`: those concern the module as a whole.
    """

    functions: tuple[Function, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    mistake: SyntaxMistake | None = None
    imports: Imports = Imports()
    taken: tuple[Taken, ...] = ()
    names: Names = Names()


Files = Mapping[str, bytes]  # path in the project folder -> content


class ModuleFile(NamedTuple):
    """A module of a pipeline: its dotted name, its file, and what the file says."""

    name: str
    path: str
    module: Module
