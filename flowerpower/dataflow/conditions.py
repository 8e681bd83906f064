"""`@config.when` and its kin: which variant of a node a config chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from flowerpower.dataflow.literals import has_unread
from flowerpower.dataflow.modules import Decorator, Function

_FORMS = frozenset({"config.when", "config.when_not", "config.when_in", "config.when_not_in"})


class Config(NamedTuple):
    """The values that shape a graph; those of `later` are only known when a run starts."""

    values: Mapping[str, object]
    later: frozenset[str] = frozenset()


class Condition(NamedTuple):
    """One decorator of a variant: its form, the keys it looks at and the values it compares them with."""

    form: str
    pairs: tuple[tuple[str, object], ...]
    target: str | None = None


class UndecidedError(Exception):
    """Something of a function is only known by running the code; the message says what.

    `key` is set when it is a value of the config that is only known when a run starts.
    """

    def __init__(self, why: str, key: str = "") -> None:
        super().__init__(why)
        self.key = key


def is_condition(decorator: Decorator) -> bool:
    """Return whether a decorator is a condition on the config."""
    return decorator.name in _FORMS


def read_condition(decorator: Decorator) -> Condition:
    """Return the condition of a decorator; raises UndecidedError when it is not written out."""
    target: str | None = None
    pairs: list[tuple[str, object]] = []
    positional = decorator.arguments
    for key, value in [*(("name", argument) for argument in positional), *decorator.keywords]:
        if has_unread(value):
            raise UndecidedError(f"the value of `{key}` in `@{decorator.text}` is not written out")
        if key != "name":
            pairs.append((key, value))
        elif value is None or isinstance(value, str):
            target = value
        else:
            raise UndecidedError(f"the name in `@{decorator.text}`")
    if len(positional) > 1 or (target is not None and decorator.name == "config.when_not_in"):
        raise UndecidedError(f"the arguments of `@{decorator.text}`")
    return Condition(decorator.name, tuple(pairs), target)


def holds(condition: Condition, config: Config) -> bool:
    """Return whether a config fulfils a condition; raises UndecidedError for a value that is not known yet."""
    decided = [_holds(condition.form, key, expected, config) for key, expected in condition.pairs]
    if any(found is False for found in decided):
        return False
    if any(found is None for found in decided):
        late = [key for key, _ in condition.pairs if key in config.later][:1]
        if not late:
            raise UndecidedError(f"a value of the config cannot be compared in `@{condition.form}`")
        raise UndecidedError(f"the config '{late[0]}' is only known when a run starts", late[0])
    return True


def _holds(form: str, key: str, expected: object, config: Config) -> bool | None:
    if key in config.later:
        return None
    try:
        return bool(_COMPARE[form](config.values.get(key), expected))
    except TypeError:  # Hamilton would fail in the same comparison
        return None


_COMPARE: Mapping[str, Callable[[object, object], bool]] = {
    "config.when": lambda value, expected: value == expected,
    "config.when_not": lambda value, expected: value != expected,
    "config.when_in": lambda value, expected: value in expected,  # type: ignore[operator]
    "config.when_not_in": lambda value, expected: value not in expected,  # type: ignore[operator]
}


def target_name(function: Function, conditions: tuple[Condition, ...]) -> str:
    """Return the name of the node that a variant makes; raises UndecidedError where a second build would change it.

    Hamilton renames the function itself, so what it does to a name must be done when it is done twice.
    """
    once = _renamed(function.name, conditions)
    if _renamed(once, conditions) != once or once.startswith("_"):
        raise UndecidedError(f"the name '{function.name}' has more than one `__`")
    return once


def _renamed(name: str, conditions: tuple[Condition, ...]) -> str:
    for condition in conditions:
        before, dunder, _ = name.rpartition("__")
        name = condition.target if condition.target is not None else before if dunder else name
    return name


def words(condition: Condition) -> str:
    """Return the values a condition asks for, for a message: `pandas`, `not polars`."""
    no = "not " if "_not" in condition.form else ""
    texts = []
    for _, expected in condition.pairs:
        several = isinstance(expected, list | tuple | set | frozenset) and condition.form.endswith("_in")
        values = sorted(map(str, expected)) if several else [str(expected)]  # type: ignore[call-overload]
        texts.append(f"{no}{' or '.join(values)}")
    return " and ".join(texts)
