"""Arguments of decorators as values, as far as they are written out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flowerpower.dataflow.modules import Bound, Decorator, Extract, Group, Marker, Source, Spot, Unread

_HAMILTON = "hamilton.function_modifiers."
_MOST_PARTS = 10_000
_MOST_ITEMS = 10_000
_EXTRACT_KEYWORDS: tuple[list[str], ...] = ([], ["input_mapping"], ["outputs", "input_mapping"])
_CACHES = frozenset({"functools.cache", "functools.lru_cache"})  # what they make is no function, so never a node


class Budget:
    """How many more items comprehensions of a module may go over, so that none can keep us busy."""

    def __init__(self, left: int = _MOST_ITEMS) -> None:
        self.left = left

    def take(self, items: int) -> bool:
        """Return whether so many are allowed, and count them."""
        self.left -= items
        return self.left >= 0


class Scope(NamedTuple):
    """What names of a module mean: those that were imported, by their full name, and constants."""

    imported: Mapping[str, str]
    constants: Mapping[str, object]
    bound: frozenset[str]  # every name of the module, for those of Python itself that it hides
    budget: Budget
    loop: Mapping[str, object] = {}  # what a comprehension binds, which hides all else

    def dotted(self, node: ast.expr) -> str:
        """Return the full name of what an expression names, as far as imports say; empty if they do not."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        start = None if node.id in self.loop else self.imported.get(node.id)
        return ".".join([start, *reversed(parts)]) if start else ""

    def hides(self, name: str) -> bool:
        """Return whether a name of Python itself means something else here."""
        return name in self.bound or name in self.loop


def read_decorator(node: ast.expr, scope: Scope) -> Decorator:
    """Return a decorator with its arguments as values."""
    call = node if isinstance(node, ast.Call) else None
    dotted = scope.dotted(call.func if call else node)
    name = dotted.removeprefix(_HAMILTON) if dotted.startswith(_HAMILTON) else ""
    text, spot = _text(call.func if call else node), Spot(node.lineno, node.col_offset + 1)
    if not name or call is None:
        return Decorator(dotted if dotted in _CACHES else name, text, spot, called=call is not None)
    return Decorator(name, text, spot, True, _arguments(call, scope), tuple(_keywords(call, scope)))


def read(node: ast.expr, scope: Scope) -> object:
    """Return the value of an expression: a literal, a value of `modules`, or `Unread`."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in scope.loop:
            return scope.loop[name]
        case ast.Name(id=name) if name in scope.constants:
            return scope.constants[name]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
    reader = _READERS.get(type(node))
    return reader(node, scope) if reader else _unread(node)


def is_large(value: object) -> bool:
    """Return whether a value is larger than anybody writes out; values of values can grow without bound."""
    waiting, count = [value], 0
    while waiting and count <= _MOST_PARTS:
        part = waiting.pop()
        count += 1 + (len(part) if isinstance(part, str | bytes) else 0)
        if isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, tuple | list | set | frozenset):
            waiting += part
        elif isinstance(part, Group | Extract):
            waiting += part.members if isinstance(part, Group) else (part.columns, part.mapping)
    return count > _MOST_PARTS


def has_unread(value: object) -> bool:
    """Return whether a part of *value* is unknown."""
    if isinstance(value, dict):
        return any(has_unread(part) for part in (*value.keys(), *value.values()))
    if isinstance(value, tuple | list | set | frozenset):
        return any(has_unread(part) for part in value)
    return isinstance(value, Marker)


def _unread(node: ast.AST) -> Unread:
    return Unread(_text(node))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_text(node.value)}.{node.attr}"
    try:
        text = ast.unparse(node)
    except (ValueError, RecursionError):
        text = type(node).__name__
    return text if len(text) <= 40 else f"{text[:39]}…"


def _sequence(node: ast.Tuple | ast.List | ast.Set, scope: Scope) -> object:
    items: list[object] = []
    for element in node.elts:
        if isinstance(element, ast.Starred):
            inner = _spread(element.value, scope)
            if not isinstance(inner, tuple | list) or len(items) + len(inner) > _MOST_PARTS:
                return _unread(node)
            items.extend(inner)
        else:
            items.append(read(element, scope))
    if isinstance(node, ast.Set):
        return _set(items, node)
    return tuple(items) if isinstance(node, ast.Tuple) else items


def _spread(node: ast.expr, scope: Scope) -> object:
    """Return what stands behind a `*`, where a generator is as good as a list."""
    return _comprehension(node, scope) if isinstance(node, ast.GeneratorExp) else read(node, scope)


def _set(items: Sequence[object], node: ast.AST) -> object:
    try:
        return set(items)
    except TypeError:
        return _unread(node)


def _mapping(node: ast.Dict, scope: Scope) -> object:
    found: dict[object, object] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        inner = read(value, scope)
        if key is None:
            if not isinstance(inner, dict):
                return _unread(node)
            found |= inner
            continue
        name = read(key, scope)
        if not isinstance(name, str | int | float | bool | tuple | None) or has_unread(name):
            return _unread(node)
        try:
            found[name] = inner
        except TypeError:
            return _unread(node)
    return found


def _call(node: ast.Call, scope: Scope) -> object:
    dotted, keywords = scope.dotted(node.func), tuple(_keywords(node, scope))
    if isinstance(node.func, ast.Name) and node.func.id == "dict" and not scope.hides("dict") and not node.args:
        return _unread(node) if any(name == "**" for name, _ in keywords) else dict(keywords)
    if dotted.startswith(_HAMILTON):
        found = _dependency(dotted.removeprefix(_HAMILTON), _arguments(node, scope), keywords)
        return _unread(node) if found is None else found
    return _unread(node)


def _dependency(name: str, arguments: Sequence[object], keywords: Sequence[tuple[str, object]]) -> object | None:
    """Return what one of Hamilton's functions gives for an argument of a decorator."""
    values = (*arguments, *(value for _, value in keywords))
    match name, values:
        case "source", (str(node),):
            return Source(node)
        case "source", (Source() as inner,):
            return inner
        case "value", (_,):
            return Bound()
        case "group", (_, *_) if not arguments or not keywords:
            return Group(values)
        case "ParameterizedExtract", (columns, mapping) if [key for key, _ in keywords] in _EXTRACT_KEYWORDS:
            return Extract(columns, mapping)
    return None


def _arguments(node: ast.Call, scope: Scope) -> tuple[object, ...]:
    found: list[object] = []
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            inner = _spread(argument.value, scope)
            known = isinstance(inner, tuple | list) and len(found) + len(inner) <= _MOST_PARTS
            found.extend(inner if known else [Unread(f"*{_text(argument.value)}")])  # type: ignore[arg-type]
        else:
            found.append(read(argument, scope))
    return tuple(found)


def _keywords(node: ast.Call, scope: Scope) -> Iterator[tuple[str, object]]:
    for keyword in node.keywords:
        value = read(keyword.value, scope)
        if keyword.arg is not None:
            yield keyword.arg, value
        elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
            yield from value.items()
        else:
            yield "**", Unread(f"**{_text(keyword.value)}")


def _sum(node: ast.BinOp, scope: Scope) -> object:
    left, right = read(node.left, scope), read(node.right, scope)
    match left, right:
        case (str(), str()) | (list(), list()) | (tuple(), tuple()) if isinstance(node.op, ast.Add):
            found = left + right  # type: ignore[operator]
            return found if len(found) <= _MOST_PARTS else _unread(node)
    return _unread(node)


def _comprehension(node: ast.ListComp | ast.GeneratorExp | ast.DictComp, scope: Scope) -> object:
    """Return what a comprehension with one plain `for` over something known makes."""
    loop = node.generators[0]
    items = _items(loop.iter, scope)
    plain = len(node.generators) == 1 and not loop.ifs and not loop.is_async and not scope.loop
    if not plain or items is None or not scope.budget.take(len(items)):
        return _unread(node)
    made: list[tuple[object, object]] = []
    for item in items:
        known = _unpacked(loop.target, item)
        if known is None:
            return _unread(node)
        inner = scope._replace(loop=known)
        if isinstance(node, ast.DictComp):
            made.append((read(node.key, inner), read(node.value, inner)))
        else:
            made.append((None, read(node.elt, inner)))
    if not isinstance(node, ast.DictComp):
        return [value for _, value in made]
    return dict(made) if all(isinstance(key, str | int) for key, _ in made) else _unread(node)


def _items(node: ast.expr, scope: Scope) -> list[object] | None:
    """Return what a `for` goes over: a list, a dict, its items, or a range; None when that is not known."""
    match node:
        case ast.Call(func=ast.Name(id="range"), args=arguments, keywords=[]) if not scope.hides("range"):
            return _range([read(argument, scope) for argument in arguments])
        case ast.Call(func=ast.Attribute(value=inner, attr="items" | "keys" | "values" as part), args=[], keywords=[]):
            known = read(inner, scope)
            return list(getattr(known, part)()) if isinstance(known, dict) and len(known) <= _MOST_ITEMS else None
    known = read(node, scope)
    return list(known) if isinstance(known, list | tuple | dict) and len(known) <= _MOST_ITEMS else None


def _range(numbers: Sequence[object]) -> list[object] | None:
    match numbers:
        case [int(stop)]:
            found = range(stop)
        case [int(start), int(stop)]:
            found = range(start, stop)
        case _:
            return None
    return list(found) if len(found) <= _MOST_ITEMS else None


def _unpacked(target: ast.expr, item: object) -> dict[str, object] | None:
    """Return the names that a `for` binds to one item."""
    match target:
        case ast.Name(id=name):
            return {name: item}
        case ast.Tuple(elts=elements) if isinstance(item, tuple | list) and len(item) == len(elements):
            names = [element.id for element in elements if isinstance(element, ast.Name)]
            return dict(zip(names, item, strict=True)) if len(names) == len(elements) else None
    return None


def _formatted(node: ast.JoinedStr, scope: Scope) -> object:
    parts: list[str] = []
    for part in node.values:
        value = read(part.value if isinstance(part, ast.FormattedValue) else part, scope)
        plain = not isinstance(part, ast.FormattedValue) or (part.conversion == -1 and part.format_spec is None)
        if not plain or not isinstance(value, str | int):
            return _unread(node)
        parts.append(str(value))
    return "".join(parts)


_READERS: Mapping[type[ast.expr], Callable[[Any, Scope], object]] = {
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Set: _sequence,
    ast.Dict: _mapping,
    ast.Call: _call,
    ast.BinOp: _sum,
    ast.JoinedStr: _formatted,
    ast.ListComp: _comprehension,
    ast.DictComp: _comprehension,
}
