"""How a value is written in the shape that its key takes: for a hint where it has another one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flowerpower.errors import Place
from flowerpower.nearest import nearest
from flowerpower.specs.codes import CODES
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.other_triggers import cron_of_fields
from flowerpower.specs.placeholders import Path
from flowerpower.specs.synonyms import meant_value
from flowerpower.specs.values import FORMAT_OF_ENDING
from flowerpower.specs.wording import NO_RETRIES, REMOVE_QUOTES, SHOWN, flow

_YES, _NO = frozenset(("yes", "on", "y", "true", "1", "t")), frozenset(("no", "off", "n", "false", "0", "f"))
_WORDS_OF_YAML_1_1 = frozenset(("yes", "no", "on", "off"))
_NEVER = frozenset({"none", "no", "off", "never", "false", "null", "disabled"})
_MAIN_KEYS: Mapping[str | int, str] = {"retry": "max", "guards": "max_deletes"}
_EXECUTORS = ("local", "threads", "processes", "dask", "ray")
_WORDS = re.compile(r"[\w./:-]+(?: [\w./:-]+)+")
_TIMES = re.compile(r"(\d+) *(?:times|x|retries|attempts)")
_SHARE = re.compile(r"-?\d+%?")
_ENTRY = re.compile(r"([\w.-]+): +(\S[^\n]*)\n?")
_PAIR = re.compile(r"([\w.-]+)=(\S+)")
_NAMES = ("name", "node", "key", "id")
_BY_VALUE = frozenset(("modules", "on_failure", "on_success", "plugins"))  # lists whose items tools keep under names
_BY_KEY = frozenset(("adapters", "after", "outputs"))
_OF_MAPPINGS = frozenset(("environments", "load", "queues"))  # what holds mappings under names
_PROSE = frozenset(("description", "owner"))
_OF_NAMES = frozenset(("name", "pipeline", "queue"))
_ONE_CRON = 'write one text of five fields, for instance `cron: "0 5 * * *"`'


def shape_hint(kind: str, path: Path, value: Any, item: Sequence[str]) -> str:
    """Return how to write a value where pydantic found the mistake *kind*; *item* are the keys of what is inside it."""
    return _HINTS[kind](path, value, item) or CODES["FP103"].advice


def names_as_keys(value: object) -> str:
    """Return how to write a list of names, alone or each in its item, as keys of a mapping; or nothing."""
    items = value if isinstance(value, list) else []
    pairs: dict[str, Mapping[str, Any]] = {one: {} for one in items if isinstance(one, str)}
    pairs |= {str(name): rest for one in items if isinstance(one, dict) for name, rest in _named_item(one)}
    return _written(pairs) if 0 < len(pairs) == len(items) else ""


def _named_item(item: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name that an item of a list has, and what else it says; its only key, if a mapping is below that."""
    if len(item) == 1:
        yield from ((name, value) for name, value in item.items() if isinstance(value, dict))
    for key in _NAMES:
        if isinstance(item.get(key), str):
            yield item[key], {name: value for name, value in item.items() if name != key}
            return


def _written(pairs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how to write some mappings under their names: in one line where they are few."""
    plain = {name: ", ".join(f"{key}: {flow(one)}" for key, one in pair.items()) for name, pair in pairs.items()}
    written = ", ".join(f"{flow(name)}: {{{inside}}}" for name, inside in plain.items())
    if len(written) < SHOWN and all(_is_plain(one) for pair in pairs.values() for one in pair.values()):
        return f"write {{{written}}}"
    return f"write each under its name, as `{flow(next(iter(pairs))[:SHOWN])}: {{...}}`"


def no_mapping_hint(data: object) -> str:
    """Return what to do about a document that is a list of what was meant; nothing for any other value."""
    items = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
    if not items or not isinstance(data, list) or len(items) < len(data):
        return ""
    keys = [key for one in items for key in one]
    if len(keys) == len(set(keys)):
        return "remove the `- `: a spec is no list"
    return "remove each `- `: a spec is a document of its own, with a `name:`, and between two stands `---`"


def _text(path: Path, value: Any, _item: Sequence[str]) -> str:
    key = path[-1] if path else ""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return f"write `{key}: {flow(value[0][:SHOWN])}`" if isinstance(key, str) else f"write {flow(value[0][:SHOWN])}"
    if key == "cron":
        if isinstance(value, dict) and (cron := cron_of_fields(value)):
            return f"write `{cron}`"
        several = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return "write a schedule for each: one has one cron expression" if several else _ONE_CRON
    if key == "pipeline" and isinstance(value, dict):
        return "write its name: a pipeline has a file of its own, below `pipelines/`"
    return _text_of_parts(key, value)


def _text_of_parts(key: str | int, value: Any) -> str:
    """Return how to write a text in the place of several, or of a number."""
    if isinstance(value, list) and len(value) > 1 and all(isinstance(one, str) for one in value):
        return f'write "{", ".join(value)[:SHOWN]}"' if key in _PROSE else f"write one text: there is one `{key}`"
    if not isinstance(value, (int, float)):
        return ""
    is_name = key in _OF_NAMES and not isinstance(value, bool)
    return f"write a name with a letter first, as `{key}: n{flow(value)}`" if is_name else "put the value in quotes"


def _truth(path: Path, value: Any, _item: Sequence[str]) -> str:
    word = str(value).lower()
    if path == ("cache",) and isinstance(value, str) and re.search(r"[./]", value):
        return f"write `cache: {{path: {flow(value[:SHOWN])}}}`"
    meant = "true" if word in _YES else "false" if word in _NO else "true or false"
    if isinstance(value, str) and word in _WORDS_OF_YAML_1_1:
        return f"in YAML 1.2 `{value}` is a text; write {meant}"
    plain = value in (word, word.title(), word.upper()) and word in ("true", "false")
    return REMOVE_QUOTES if plain else f"write {meant}"


def _number(path: Path, value: Any, _item: Sequence[str]) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    if isinstance(value, str) and value.isdecimal():
        return REMOVE_QUOTES
    return f"write a whole number, for example `{path[-1]}: 3`" if path and isinstance(path[-1], str) else ""


def _list(path: Path, value: Any, item: Sequence[str]) -> str:
    if isinstance(value, dict):
        if value and all(one is None or one is True for one in value.values()):
            return f"write {flow([*value])[:SHOWN]}"
        if not set(item).isdisjoint(value):
            return "begin its first key with `- ` and indent the others alike; in one line write [{...}]"
        return _saves_by_name(path, value) or _items_of(path, value) or "put a `-` before each item"
    if path == ("save",) and isinstance(value, str):
        return "write for example [{outputs: [report], format: csv, path: out/report.csv}]"
    if isinstance(value, str) or path[-1:] == ("intervals",):
        written = str(value)[:SHOWN]
        words = written.split() if _WORDS.fullmatch(written) else [written]
        return f"write [{', '.join(map(flow, words))}]"
    return ""


def _items_of(path: Path, value: Mapping[str, Any]) -> str:
    """Return how to write texts that have names as the list that was meant; or nothing."""
    names = [step for step in path if isinstance(step, str)]
    inside = [*value] if names[-1:] and names[-1] in _BY_KEY else [*value.values()]
    parts = [part for one in inside for part in (one if isinstance(one, list) else [one])]
    known = bool(names) and names[-1] in _BY_KEY | _BY_VALUE and all(isinstance(part, str) for part in parts)
    written = ", ".join(flow(part) for part in parts) if known else ""
    return f"write [{written}]" if 0 < len(written) < 2 * SHOWN else ""


def _mapping(path: Path, value: Any, _item: Sequence[str]) -> str:
    key = path[-1] if path else ""
    if key == "retry" and (value is True or value is False or str(value).lower() in _NEVER):
        return "write `retry: {max: 3}`" if value is True else NO_RETRIES
    if isinstance(value, list):
        return _of_list(path, value) or "write `key: value` lines without a `-`"
    if isinstance(value, str) and (transfer := _transfer(path, value)):
        return transfer
    if inside := _of_one_value(path, key, value):
        more = f" if a plug-in brings it; there are {', '.join(_EXECUTORS)}" if inside.startswith("plugin") else ""
        return f"write `{key}: {{{inside}}}`{more}"
    if isinstance(value, str) and value[:1] == "{" and value[-1:] == "}":
        return "remove the quotes around it"
    pair = _PAIR.fullmatch(value) or _ENTRY.fullmatch(value) if isinstance(value, str) else None
    return f"write {{{pair[1]}: {flow(pair[2][:SHOWN])}}}" if pair else "write `key: value` lines below it"


def _of_list(path: Path, value: Sequence[Any]) -> str:
    """Return how to write a list as the mapping that was meant; or nothing."""
    if path[-1:] == ("load",) and value and isinstance(value[0], str):
        return f"write each under its name, as `{flow(value[0][:SHOWN])}: {{format: csv, path: ...}}`"
    if path == ("notify",) and all(isinstance(one, str) for one in value):
        return f"write `notify: {{on_failure: {flow(value)[: 2 * SHOWN]}}}`"
    return names_as_keys(value) if path and path[-1] in _OF_MAPPINGS else _list_as_mapping(path, value)


def _saves_by_name(path: Path, value: Mapping[str, Any]) -> str:
    """Return how to write what is saved where each entry stands under the name of its output, as `load` has them."""
    name, entry = next(iter(value.items()), ("", None))
    if path != ("save",) or not isinstance(entry, dict) or "outputs" in entry:
        return ""
    plain = [f"{key}: {flow(one)}" for key, one in entry.items() if not isinstance(one, (dict, list))]
    written = ", ".join([f"outputs: [{name[:SHOWN]}]", *plain])
    return f"write a list whose entries name their outputs: `- {{{written if len(written) < SHOWN else '...'}}}`"


def saved_as(name: str, file: Any) -> str:
    """Return how to write what is saved of which the name and the file are written; nothing for other values."""
    if not isinstance(file, str) or "." not in file or len(file) > SHOWN:
        return ""
    form = FORMAT_OF_ENDING.get(file.lower().rpartition(".")[2], "csv")
    return f"write {{outputs: [{flow(name)}], format: {form}, path: {flow(file)}}}"


def _transfer(path: Path, value: str) -> str:
    """Return how to write what is loaded or saved of which only the file is written; nothing for other fields.

    What looks like no file is an output to save.
    """
    if len(path) != 2 or path[0] not in ("load", "save") or len(value) > SHOWN:
        return ""
    if path[0] == "save" and value.isidentifier():
        return f"write {{outputs: [{value}], format: json, path: out/{value}.json}}"
    ending = value.lower().rpartition(".")[2]
    inside = f"format: {FORMAT_OF_ENDING.get(ending, 'csv')}, path: {flow(value)}"
    return f"write `{path[1]}: {{{inside}}}`" if path[0] == "load" else f"write {{outputs: [report], {inside}}}"


def _list_as_mapping(path: Path, value: Sequence[Any]) -> str:
    """Return how to write a list of keys, most with a plain value, as the mapping that was meant; or nothing."""
    names = [flow(one) for one in value if isinstance(one, str) and one.isidentifier()]
    if len(names) == len(value) and path[-1:] in (("inputs",), ("config",), ("labels",)):
        value_of, more = ('"yes"', "") if path[-1] == "labels" else ("...", ", with a value for each")
        written = ", ".join(f"{name}: {value_of}" for name in names)
        return f"write {{{written}}}{more}" if 0 < len(written) < SHOWN else ""
    pairs: dict[str, Any] = {}
    for one in value:
        items = _one_pair(one)
        if len(items) != 1 or not items.keys().isdisjoint(pairs):
            return ""
        pairs |= items
    if not all(map(_is_plain, pairs.values())):
        return ""
    written = ", ".join(f"{key}: {flow(one)}" for key, one in pairs.items())
    return f"write {{{written}}}" if 0 < len(written) < SHOWN else ""


def _is_plain(value: Any) -> bool:
    """Tell whether a value is a text or number, or a list of such."""
    parts = value if isinstance(value, list) else [value]
    return not any(isinstance(part, (dict, list)) or part is None for part in parts)


def _one_pair(item: Any) -> Mapping[str, Any]:
    """Return what an item of a list says of one key: `key=value`, one of a mapping, or a name beside its value."""
    if isinstance(item, str):
        pair = _PAIR.fullmatch(item)
        return {pair[1]: pair[2]} if pair else {}
    named = [*_named_item(item)] if isinstance(item, dict) else []
    for name, rest in named:
        if rest.keys() == {"value"}:
            return {name: rest["value"]}
    return item if isinstance(item, dict) else {}


def _of_one_value(path: Path, key: str | int, value: Any) -> str:
    """Return what stands in a mapping of which only the value that matters most is written, or nothing."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    if key == "executor":
        return f"type: threads, max_workers: {value}" if isinstance(value, int) else _executor(value)
    if key == "notify" and isinstance(value, str):
        return f"on_failure: [{flow(value[:SHOWN])}]"
    if path[:1] == ("queues",) and len(path) > 1 and isinstance(value, int):
        return f"workers: {value}"
    times = _TIMES.fullmatch(value) if key == "retry" and isinstance(value, str) else None
    shown = times[1] if times else flow(str(value)[:SHOWN])
    return f"{_MAIN_KEYS[key]}: {shown}" if key in _MAIN_KEYS and _SHARE.fullmatch(shown) else ""


def _executor(value: str) -> str:
    meant = meant_value(value, _EXECUTORS) or nearest(value.lower(), _EXECUTORS)
    return f"type: {meant}" if meant else f"plugin: {flow(value[:SHOWN])}"


_HINTS: Mapping[str, Callable[[Path, Any, Sequence[str]], str]] = {
    "string_type": _text,
    "int_type": _number,
    "bool_type": _truth,
    "tuple_type": _list,
    "dict_type": _mapping,
    "model_type": _mapping,
}


def wrong_number(files: Sequence[str], documents: int) -> Iterator[tuple[Place, str]]:
    """Yield why a project is not described by one document of one file, and where that shows."""
    if not files:
        yield Place(PROJECT_FILES[0]), f"there is no {PROJECT_FILES[0]}"
    elif len(files) > 1:
        yield Place(files[1]), f"there is a {files[0]} too"
    elif documents > 1:
        yield Place(files[0]), f"the file holds {documents} documents"
