"""The formats that `load:` and `save:` know: each reads an opened file and writes one.

A function here never sees a path, so that no library can go round the project's filesystem.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, BinaryIO, Literal, Union, get_args, get_origin
from uuid import UUID

from flowerpower.errors import MissingExtraError, PipelineError
from flowerpower.pipelines.graph import suggest, type_name
from flowerpower.plugins import IO_GROUP, load_plugin

Kind = Literal["pandas", "polars", "lazy", "list", "dict", "str", "bytes", "any"]
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """One format. A plug-in in the entry-point group `flowerpower.io` is an object of this class.

    `read` gets a file open for reading, the kind of value wanted and the spec's options; `write` a value, a file open
    for writing and the options. Both raise TypeError for a kind of value they do not know.
    """

    read: Callable[[BinaryIO, Kind, Options], Any]
    write: Callable[[Any, BinaryIO, Options], None]


_PLANNED = ("feather", "excel", "pickle", "sql", "duckdb")


def find_format(name: str, plugins: Sequence[str] = ()) -> Format:
    """Return the format *name*, built in or of one of the *plugins*; raises PipelineError when there is none."""
    if name in FORMATS:
        return FORMATS[name]
    if plugins and isinstance(found := load_plugin(IO_GROUP, name, distributions=plugins), Format):
        return found
    if name in _PLANNED:
        raise PipelineError(f"format {name} is not supported yet", hint=f"there are: {', '.join(FORMATS)}")
    raise PipelineError(f"there is no format {name!r}", hint=suggest(name, FORMATS))


def kind_of(annotation: Any) -> Kind:
    """Return what a node of that type wants to be filled with; raises TypeError for a type no file holds."""
    if annotation is Any:
        return "any"
    origin = get_origin(annotation)
    if origin is Annotated:
        return kind_of(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return kind_of(next(one for one in get_args(annotation) if one is not type(None)))
    kind = origin or annotation
    for base, name in ((str, "str"), (bytes, "bytes"), (list, "list"), (Sequence, "list"), (dict, "dict")):
        if kind is base:
            return name  # type: ignore[return-value]
    if kind is Mapping or (isinstance(kind, type) and issubclass(kind, dict)):
        return "dict"
    frame = _frame_library(kind)
    if frame is None:
        raise TypeError(f"a node of type {type_name(annotation)} cannot be filled from a file")
    return frame


def shape_of(value: Any) -> tuple[int | None, int | None]:
    """Return rows and columns of a value, as far as it has them."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and len(shape) == 2:
        return int(shape[0]), int(shape[1])
    if isinstance(value, list):
        width = len(value[0]) if value and all(isinstance(row, dict) for row in value) else None
        return len(value), width
    return None, None


def _frame_library(kind: Any) -> Literal["pandas", "polars", "lazy"] | None:
    library = getattr(kind, "__module__", "").partition(".")[0]
    match library, getattr(kind, "__name__", ""):
        case "pandas", "DataFrame":
            return "pandas"
        case "polars", "DataFrame":
            return "polars"
        case "polars", "LazyFrame":
            return "lazy"
    return None


def _materialise(value: Any) -> tuple[Literal["pandas", "polars", "plain"], Any]:
    """Return which library writes *value*, and the value with nothing left to compute."""
    match _frame_library(type(value)):
        case "pandas":
            return "pandas", value
        case "polars":
            return "polars", value
        case "lazy":
            return "polars", value.collect()
    return "plain", value


def _frame_reader(pandas: str, polars: str, plain: Callable[[BinaryIO, Kind, Options], Any], **fixed: Any) -> Any:
    """Return a reader that leaves frames to the named functions of pandas and polars."""

    def read(handle: BinaryIO, kind: Kind, options: Options) -> Any:
        if kind == "pandas":
            import pandas as library

            return getattr(library, pandas)(handle, **{**fixed, **options})
        if kind in ("polars", "lazy"):
            import polars as pl

            frame = getattr(pl, polars)(handle, **options)
            return frame.lazy() if kind == "lazy" else frame
        return plain(handle, kind, options)

    return read


def _records(value: Any, what: str) -> list[dict[str, Any]]:
    if isinstance(value, (list, tuple)) and all(isinstance(row, dict) for row in value):
        return list(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as {what}; a frame or a list of mappings can")


def _read_csv(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind == "any":
        return FORMATS["csv"].read(handle, "pandas", options)
    if kind != "list":
        raise TypeError(f"csv cannot fill a {kind}")
    import csv
    import io

    with io.TextIOWrapper(handle, encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text, **options))


def _write_csv(value: Any, handle: BinaryIO, options: Options) -> None:
    library, value = _materialise(value)
    if library == "pandas":
        value.to_csv(handle, **{"index": False, **options})
    elif library == "polars":
        value.write_csv(handle, **options)
    else:
        import csv
        import io

        rows = _records(value, "csv")
        text = io.StringIO(newline="")
        columns = dict.fromkeys(column for row in rows for column in row)
        writer = csv.DictWriter(text, fieldnames=list(columns), **options)
        writer.writeheader()
        writer.writerows(rows)
        handle.write(text.getvalue().encode())


def _read_json(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind == "bytes":
        raise TypeError("json cannot fill bytes")
    return _expect(json.load(handle, **options), kind)


def _write_json(value: Any, handle: BinaryIO, options: Options) -> None:
    library, value = _materialise(value)
    if library == "pandas":
        value.to_json(handle, **{"orient": "records", "date_format": "iso", **options})
    elif library == "polars":
        value.write_json(handle, **options)
    else:
        text = json.dumps(value, **{"ensure_ascii": False, "allow_nan": False, "default": _as_json, **options})
        handle.write(text.encode() + b"\n")


def _read_ndjson(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind not in ("list", "any"):
        raise TypeError(f"ndjson cannot fill a {kind}")
    return [json.loads(line, **options) for line in handle if line.strip()]


def _write_ndjson(value: Any, handle: BinaryIO, options: Options) -> None:
    library, value = _materialise(value)
    if library == "pandas":
        value.to_json(handle, **{"orient": "records", "lines": True, "date_format": "iso", **options})
    elif library == "polars":
        value.write_ndjson(handle, **options)
    elif isinstance(value, (list, tuple)):
        for row in value:
            text = json.dumps(row, **{"ensure_ascii": False, "allow_nan": False, "default": _as_json, **options})
            handle.write(text.encode() + b"\n")
    else:
        raise TypeError(f"a {type(value).__name__} cannot be written as ndjson; a frame or a list can")


def _read_parquet(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    _need_pyarrow()
    if kind == "any":
        return FORMATS["parquet"].read(handle, "pandas", options)
    if kind != "list":
        raise TypeError(f"parquet cannot fill a {kind}")
    from pyarrow import parquet

    return parquet.read_table(handle, **options).to_pylist()


def _write_parquet(value: Any, handle: BinaryIO, options: Options) -> None:
    library, value = _materialise(value)
    if library == "polars":
        value.write_parquet(handle, **options)
        return
    _need_pyarrow()
    if library == "pandas":
        value.to_parquet(handle, **options)
        return
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(_records(value, "parquet")), handle, **options)


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError("format parquet", "parquet") from None


def _read_text(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    content = handle.read()
    if kind == "bytes":
        return content
    text = content.decode(**{"encoding": "utf-8", **options})
    match kind:
        case "str" | "any":
            return text
        case "list":
            return text.splitlines()
    raise TypeError(f"text cannot fill a {kind}")


def _write_text(value: Any, handle: BinaryIO, options: Options) -> None:
    if isinstance(value, (bytes, bytearray)):
        handle.write(value)
    elif isinstance(value, str):
        handle.write(value.encode(**{"encoding": "utf-8", **options}))
    elif isinstance(value, (list, tuple)) and all(isinstance(line, str) for line in value):
        handle.write("".join(f"{line}\n" for line in value).encode(**{"encoding": "utf-8", **options}))
    else:
        raise TypeError(f"a {type(value).__name__} cannot be written as text; a text, bytes or a list of lines can")


def _read_yaml(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    _no_options("yaml", options)
    try:
        return _expect(YAML(typ="safe", pure=True).load(handle), kind)
    except YAMLError as error:
        raise ValueError(str(error)) from None


def _write_yaml(value: Any, handle: BinaryIO, options: Options) -> None:
    from ruamel.yaml import YAML

    _no_options("yaml", options)
    library, value = _materialise(value)
    if library == "pandas":
        value = json.loads(value.to_json(orient="records", date_format="iso"))
    elif library == "polars":
        value = value.to_dicts()
    plain = json.loads(json.dumps(value, default=_as_json))  # plain values only, so that any YAML reader takes them
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.dump(plain, handle)


def _no_options(name: str, options: Options) -> None:
    if options:
        raise TypeError(f"{name} takes no options")


def _expect(value: Any, kind: Kind) -> Any:
    """Return *value* when it is of the wanted kind."""
    expected = {"list": list, "dict": dict, "str": str}.get(kind)
    if expected is not None and not isinstance(value, expected):
        raise TypeError(f"the file holds a {type(value).__name__}, the node wants a {kind}")
    return value


def _as_json(value: Any) -> Any:
    """Return the JSON form of a value that `json` does not know; raises TypeError when there is no common one."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


FORMATS: Mapping[str, Format] = {
    "csv": Format(_frame_reader("read_csv", "read_csv", _read_csv), _write_csv),
    "json": Format(_frame_reader("read_json", "read_json", _read_json), _write_json),
    "ndjson": Format(_frame_reader("read_json", "read_ndjson", _read_ndjson, lines=True), _write_ndjson),
    "parquet": Format(_frame_reader("read_parquet", "read_parquet", _read_parquet), _write_parquet),
    "text": Format(_read_text, _write_text),
    "yaml": Format(_read_yaml, _write_yaml),
}
