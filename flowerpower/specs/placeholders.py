"""`${...}` in specs: which kinds there are, where each may stand, and filling in variables.

Variables are filled in when a project is loaded. Ticks, runs and secrets are only checked here and left for the
worker, `${env:...}` for the moment of the connection; texts that hold those keep their `$${` until then too, and
a `${` that comes from a variable's value is kept literal, so a value can never bring a placeholder in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from flowerpower.errors import Place, Problem, SpecError
from flowerpower.nearest import nearest

Path = tuple[str | int, ...]

_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::(-|\?)(.*))?", re.DOTALL)
_NOT_OF_REDIS = re.compile(r"\$\{(?:var|secret):")
_OF_SHELL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)([-?])")
_OPERANDS = {"-": "default", "?": "message"}
SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,252}")  # also that of a file
_TICKS = ("tick", "tick.start", "tick.end", "tick.utc")
_RUNS = ("run.id", "run.schedule", "run.pipeline", "run.commit", "run.attempt")
_WORDS = ("var:NAME", "env:NAME", "secret:NAME", *_TICKS, *_RUNS)

_TEMPLATE = re.compile(r"\$\{\{\s*(?:([\w.]{1,60})\s*\}\})?")
_OF_VARIABLES = "${var:NAME} for what a variable gives"
_SHELL = re.compile(r"[A-Z_][A-Z0-9_]*")
_OTHERS: Mapping[str, str] = {
    **dict.fromkeys(("env", "vars", "var", "variables", "inputs", "params"), "var"),
    **dict.fromkeys(("secret", "secrets"), "secret"),
}
_DAYS = frozenset(("ds", "date", "today", "execution_date", "logical_date", "day"))

_NONE: frozenset[str] = frozenset()
_SECRETS = frozenset({"secret"})
_ALL_RUNTIME = frozenset({"secret", "tick", "run"})
_PLACES: Mapping[str, frozenset[str]] = {
    "inputs": _ALL_RUNTIME,
    "overrides": _ALL_RUNTIME,
    "load": _ALL_RUNTIME,
    "save": _ALL_RUNTIME,
    "cache": _ALL_RUNTIME,
    "config": _SECRETS,
    "on_failure": frozenset({"secret", "run"}),
    "on_success": frozenset({"secret", "run"}),
    "notify": frozenset({"secret", "run"}),
    "redis": frozenset({"env"}),
}
_WHERE: Mapping[str, str] = {
    "env": "only in `redis:`",
    "secret": "only in inputs, config, overrides, load, save and notification URLs",
    "tick": "only in inputs, overrides, load and save",
    "run": "only in inputs, overrides, load, save and notification URLs",
}


class Mistake(NamedTuple):
    """What is wrong with a placeholder, and where in the data it stands."""

    code: str
    path: Path
    what: str
    hint: str


class _BadPlaceholderError(Exception):
    def __init__(self, code: str, what: str, hint: str) -> None:
        super().__init__(what)
        self.code, self.what, self.hint = code, what, hint


def fill_variables(data: Any, variables: Mapping[str, str]) -> tuple[Any, list[Mistake]]:
    """Return a raw spec with variables filled in, and the mistakes in its placeholders."""
    mistakes: list[Mistake] = []

    def fill(value: Any, path: Path) -> Any:
        if isinstance(value, str):
            if "${" not in value:
                return value
            try:
                return _fill_text(value, variables, _allowed(path))
            except _BadPlaceholderError as error:
                hint = _for_redis(error.hint) if "env" in _allowed(path) else error.hint
                mistakes.append(Mistake(error.code, path, error.what, hint))
                return value
        if isinstance(value, dict):
            return {key: fill(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [fill(inner, (*path, position)) for position, inner in enumerate(value)]
        return value

    return fill(data, ()), mistakes


def _for_redis(hint: str) -> str:
    """Return a hint with the kind of placeholder that an address of Redis most likely is, and that keeps it secret."""
    return _NOT_OF_REDIS.sub("${env:", hint) if hint.startswith("write ${") else hint


def resolve_redis(value: str, environment: Mapping[str, str]) -> str:
    """Return `redis:` with `${env:...}` filled in; SpecError, which never shows a value, if one is not set."""

    def replace(name: str) -> str:
        kind, _, rest = name.partition(":")
        if kind != "env":
            raise _unknown(name)
        return _named(rest, environment, "the environment variable", "set {name} in the environment of this command")

    try:
        return "".join(text if name is None else replace(name) for text, name in _tokens(value, keep=False))
    except _BadPlaceholderError as error:
        raise SpecError([Problem(error.code, Place("flowerpower.yaml"), f"redis: {error.what}", error.hint)]) from None


def variables_in(text: str) -> list[str]:
    """Return the names of the variables that a text of a good spec asks for."""
    inside = [name for _, name in _tokens(text, keep=True) if name and name.startswith("var:")]
    return [match[1] for name in inside if (match := _NAMED.fullmatch(name[4:]))]


def as_written(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filled-in spec as a file may hold it: a literal `${` is `$${` again where loading had unwrapped it."""

    def wrap(value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return value if _allowed(path) else value.replace("${", "$${")
        if isinstance(value, dict):
            return {key: wrap(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [wrap(inner, (*path, position)) for position, inner in enumerate(value)]
        return value

    return {key: wrap(value, (key,)) for key, value in spec.items()}


def _allowed(path: Path) -> frozenset[str]:
    inner = path[2:] if path[:1] == ("defaults",) else path  # the defaults of a kind follow the rules of that kind
    return _PLACES.get(str(inner[0]), _NONE) if inner else _NONE


def _fill_text(text: str, variables: Mapping[str, str], allowed: frozenset[str]) -> str:
    pieces = []
    for literal, name in _tokens(text, keep=bool(allowed)):
        if name is None:
            pieces.append(literal)
        elif name.startswith("var:"):
            value = _named(name[4:], variables, "the variable", "give --var {name}=VALUE or set FLOWERPOWER_VAR_{name}")
            pieces.append(value.replace("${", "$${") if allowed else value)
        else:
            _check(name, allowed)
            pieces.append(literal)
    return "".join(pieces)


def _tokens(text: str, *, keep: bool) -> Iterator[tuple[str, str | None]]:
    """Yield the pieces of a text: itself, and the inside of a placeholder or None; *keep* leaves `$${` as it is."""
    end = 0
    for match in _TOKEN.finditer(text):
        yield text[end : match.start()], None
        end = match.end()
        if match[0] == "$${":
            yield ("$${" if keep else "${"), None
        elif match[1] is None:
            literal, what = "write `$${` for a literal `${`", "a `${` is not closed, or holds another one"
            if template := _TEMPLATE.match(text, match.start()):
                what = "`${{` begins no placeholder: specs are no templates"
                literal = f"write {_meant(template[1] or '') or _OF_VARIABLES}; {literal}"
            raise _BadPlaceholderError("FP204", what, literal)
        else:
            yield match[0], match[1]
    yield text[end:], None


def _named(rest: str, values: Mapping[str, str], noun: str, hint: str) -> str:
    match = _NAMED.fullmatch(rest)
    if match is None:
        shown = rest.partition(":")[0][:40]
        raise _BadPlaceholderError("FP204", f"{noun} {shown!r} is not well written", _forms(rest))
    name, operator, operand = match.groups()
    value = values.get(name, "")
    if value or (name in values and operator is None):
        return value
    if operator == "-":
        return str(operand)
    message = f": {operand}" if operator == "?" and operand else ""
    near = nearest(name, values, cutoff=0.75) if noun == "the variable" else ""
    advice = (f"{near} is set, did you mean that? Otherwise " if near else "") + hint.format(name=name)
    raise _BadPlaceholderError("FP202", f"{noun} {name} is not set{message}", advice)


def _forms(rest: str) -> str:
    """Return how the inside of a variable is written that is not written well."""
    of_shell = _OF_SHELL.match(rest)
    if of_shell is None:
        return "NAME, NAME:-default or NAME:?message"
    name, mark = of_shell.groups()
    return f"a name has no `{mark}`: write {name}:{mark}{_OPERANDS[mark]} for a {_OPERANDS[mark]}"


def _check(name: str, allowed: frozenset[str]) -> None:
    kind = _kind(name)
    if kind is None:
        raise _unknown(name)
    if kind not in allowed:
        head, _, rest = name.partition(":")
        hint = f"it may stand {_WHERE[kind]}"
        if kind == "env":
            secret = ", or ${secret:NAME} for what the worker reads" if "secret" in allowed else ""
            hint = f"write ${{var:{rest[:60]}}}{secret}: that of the environment stands only in `redis:`"
        what = f"${{{head}}} may not stand here"
        raise _BadPlaceholderError("FP203", what, f"{hint}; write `$${{` for a literal `${{`")


@lru_cache(maxsize=1024)
def _kind(name: str) -> str | None:
    """Return which kind of placeholder this is, None if it is none or badly written."""
    head, colon, rest = name.partition(":")
    if head in _TICKS:
        return "tick" if not colon or "%" in rest else None
    if head in _RUNS:
        return None if colon else "run"
    pattern = {"env": _NAMED, "secret": SECRET_NAME}.get(head)
    return head if pattern is not None and pattern.fullmatch(rest) else None


def _meant(name: str) -> str:
    """Return the placeholder that a shell, CI or Airflow writes with this name inside, or nothing."""
    head, _, rest = name.partition(":")
    kind, dot, inner = head.partition(".")
    if head in _DAYS:
        return "${tick:%Y-%m-%d}"
    if dot and kind in _OTHERS and SECRET_NAME.fullmatch(inner):
        return f"${{{_OTHERS[kind]}:{inner}}}"
    return f"${{var:{name[:60]}}}" if _SHELL.fullmatch(head) and (not rest or rest[0] in "-?") else ""


def _unknown(name: str) -> _BadPlaceholderError:
    head, colon, rest = name.partition(":")
    shown = head[:40]
    if head in _TICKS and colon:
        example = f"for example `${{{head}:%Y-%m-%d}}`, or `${{{head}}}` alone"
        return _BadPlaceholderError("FP204", f"the format of ${{{head}:{rest[:40]}}} holds no %", f"write {example}")
    if head in _RUNS and colon:
        return _BadPlaceholderError("FP204", f"${{{head}}} takes nothing after a colon", f"write `${{{head}}}`")
    meant, close = _meant(name), nearest(shown, _WORDS)
    hint = f"did you mean ${{{close}}}?" if close else f"there are {', '.join(_WORDS)}"
    if meant:
        hint = f"write {meant}"
    return _BadPlaceholderError(
        "FP204", f"${{{shown}}} is not a placeholder", f"{hint}; write `$${{` for a literal `${{`"
    )
