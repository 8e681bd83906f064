"""What functions want of the nodes that fill their parameters: the types of inputs, and types that do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from flowerpower.dataflow.conditions import target_name
from flowerpower.dataflow.expand import conditions_of, keeps_types
from flowerpower.dataflow.fits import Classes, classes_of, fits, items_of
from flowerpower.dataflow.kinds import kind_of
from flowerpower.dataflow.modules import Function, ModuleFile, Names, Parameter

T = TypeVar("T")
Makers = Mapping[str, tuple[ModuleFile, Function]]
"""The function that makes each node, with its module."""


class Want(NamedTuple):
    """A parameter of a function that takes what fills it as it is."""

    file: ModuleFile
    function: Function
    parameter: Parameter


class Unfit(NamedTuple):
    """A parameter whose type does not fit what fills it, and in what way."""

    want: Want
    why: str


class Edges:
    """Which parameters are filled by which nodes and inputs; each type is read once."""

    def __init__(self, makers: Makers, inputs: Mapping[str, Sequence[str]]) -> None:
        self._makers = makers
        self._kinds = _Read[Any](kind_of)
        self._classes, self._items = _Read[Classes](classes_of), _Read[Classes](items_of)
        self._known: dict[str, tuple[Classes, Classes]] = {}  # what nodes are made as, and what is in them
        self._wants: dict[str, list[Want]] = {}
        for file, function in {id(maker[1]): maker for maker in makers.values()}.values():
            if keeps_types(function):
                for parameter in function.parameters:
                    self._wants.setdefault(parameter.name, []).append(Want(file, function, parameter))
        known = (name for name, users in inputs.items() if self._are_known(name, users))
        self._inputs = {name: self._wants[name] for name in known}

    def _are_known(self, name: str, users: Sequence[str]) -> bool:
        """Tell whether all that use an input take it as it is."""
        known = {id(want.function) for want in self._wants.get(name, ())}
        return known.issuperset([id(self._makers[user][1]) for user in users])

    @cached_property
    def kinds(self) -> Mapping[str, Any]:
        """The inputs whose type is certain, with it: Hamilton merges types that differ in ways of its own."""
        return dict(self._certain_kinds())

    def _certain_kinds(self) -> Iterator[tuple[str, Any]]:
        for name, wants in self._inputs.items():
            kind, *others = [self._kinds.of(want.parameter.annotation, want.file) for want in wants]
            if kind is not None and all(other == kind for other in others):
                yield name, kind

    def made(self, name: str) -> Classes:
        """Return the classes one of which a computed node is; none if that is not certain."""
        return self._made(name)[0]

    def items_made(self, name: str) -> Classes:
        """Return the classes one of which everything in the collection is that a node computes; none if unknown."""
        return self._made(name)[1]

    def _made(self, name: str) -> tuple[Classes, Classes]:
        found = self._known.get(name)  # many runs ask
        if found is None:
            found = self._known[name] = self._read(name)
        return found

    def _read(self, name: str) -> tuple[Classes, Classes]:
        if name not in self._makers:
            return frozenset(), frozenset()
        file, maker = self._makers[name]
        own = keeps_types(maker) and name == _node_of(maker)
        read = self._classes.of(maker.returns, file), self._items.of(maker.returns, file)
        return read if own else (frozenset(), frozenset())

    def wanted(self, name: str) -> Classes:
        """Return the classes of which an input has to be one; none if that is not certain."""
        return self._wanted(name, self._classes)

    def items_wanted(self, name: str) -> Classes:
        """Return the classes one of which everything in the collection has to be that an input is; none if unknown."""
        return self._wanted(name, self._items)

    def _wanted(self, name: str, read: _Read[Classes]) -> Classes:
        found = [read.of(want.parameter.annotation, want.file) for want in self._inputs.get(name, ())]
        return frozenset().union(*found) if all(found) else frozenset()

    def written(self, name: str) -> str:
        """Return the type of a node as its author wrote it."""
        if name in self._makers:
            return self._makers[name][1].returns or ""
        return self._inputs[name][0].parameter.annotation or ""

    def unfit(self) -> Iterator[Unfit]:
        """Yield the parameters whose type does not fit the node that fills them."""
        for name, (file, maker) in self._makers.items():
            for want in self._wants.get(name, ()):
                if want.parameter.annotation == maker.returns and want.file is file:
                    continue
                if not fits(self.made(name), self._of(want)):
                    yield Unfit(want, f"it is made as `{maker.returns}` ({_place(file, maker)})")

    def unlike(self) -> Iterator[Unfit]:
        """Yield the parameters for which an input would have to be of two types: one must be a kind of the other."""
        for wants in self._inputs.values():
            first, *others = wants
            classes = self._of(first)
            if others and all(len(self._of(want)) == 1 for want in wants):
                for want in others:
                    if not fits(classes, self._of(want)) and not fits(self._of(want), classes):
                        place = _place(first.file, first.function)
                        why = f"`{first.function.name}` wants it as `{first.parameter.annotation}` ({place})"
                        yield Unfit(want, why)

    def _of(self, want: Want) -> Classes:
        return self._classes.of(want.parameter.annotation, want.file)


class _Read(Generic[T]):
    """What annotations mean, by what reads them and the module they are of."""

    def __init__(self, read: Callable[[str, Names], T]) -> None:
        self.read = read
        self._known: dict[tuple[str, str], T] = {}

    def of(self, annotation: str | None, file: ModuleFile) -> T:
        key = annotation or "", file.path
        if key not in self._known:
            self._known[key] = self.read(key[0], file.module.names)
        return self._known[key]


def _place(file: ModuleFile, function: Function) -> str:
    return f"{file.path}:{function.spot.line}"


def _node_of(function: Function) -> str:
    conditions = conditions_of(function)
    return target_name(function, conditions) if conditions else function.name
