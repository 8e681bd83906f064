"""Formats of plain values: json, ndjson, text, yaml, pickle. Those of rows hold frames, too."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Any, BinaryIO
from uuid import UUID

from flowerpower.pipelines.formats.arrow import arrow_table, rows_of_table
from flowerpower.pipelines.formats.format import Format, Kind, Options, computed, is_rows, library_of
from flowerpower.pipelines.formats.readers import By, all_rows, frame_reader

_BREAKS = ("\\u0085", "\\u2028", "\\u2029", "\\ufeff")  # which ruamel writes as they are, and reads as something else
_MOST_DIGITS = 15  # of fractions; without a word pandas writes 10


def _read_json(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind == "bytes":
        raise TypeError("json cannot fill bytes")
    return _expect(json.load(handle, **options), kind)


def _write_json(value: Any, handle: BinaryIO, options: Options) -> None:
    library = library_of(value)
    if library == "pandas":
        value.to_json(handle, **{**_of_pandas(value), **options})
    elif library == "polars":
        value.write_json(handle, **options)
    else:
        value = rows_of_table(value) if library == "arrow" else value
        text = json.dumps(value, **{"ensure_ascii": False, "allow_nan": False, "default": _as_json, **options})
        handle.write(text.encode() + b"\n")


def _by_pandas(options: Options) -> Options:
    """Return how pandas reads JSON, which has types of its own: "007" is no number, also as the name of a column, and
    a column whose name ends in _at holds no dates by that.
    """
    return {"dtype": False, "convert_axes": False} if "orient" not in options else {}


def _lines_by_pandas(options: Options) -> Options:
    return {"lines": True, **_by_pandas(options)}


def _of_pandas(frame: Any) -> Options:
    """Return how pandas writes the rows of a frame as JSON with as much of their fractions and times as it can."""
    kinds = " ".join(map(str, frame.dtypes))
    finest = "ns" if "[ns" in kinds else "us" if "[us" in kinds or "object" in kinds else "ms"
    told = {"orient": "records", "date_format": "iso", "date_unit": finest, "double_precision": _MOST_DIGITS}
    return {**told, "default_handler": str}  # of an object it does not know pandas would write the attributes


def _read_ndjson(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind not in ("polars", "lazy"):
        return _read_rows(handle, kind, options)
    if content := handle.read():
        return _read_rows(BytesIO(content), kind, options)
    return _frame_of([], kind)  # which is no error for the others


def _read_lines(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind not in ("arrow", "list", "any"):
        raise TypeError(f"ndjson cannot fill a {kind}")
    return _expect([json.loads(line, **options) for line in handle if line.strip()], kind)


def _write_ndjson(value: Any, handle: BinaryIO, options: Options) -> None:
    library = library_of(value)
    value = rows_of_table(value) if library == "arrow" else value
    if library == "pandas":
        value.to_json(handle, **{**_of_pandas(value), "lines": True, **options})
    elif library == "polars":
        value.write_ndjson(handle, **options)
    elif isinstance(value, (list, tuple)):
        for row in value:
            text = json.dumps(row, **{"ensure_ascii": False, "allow_nan": False, "default": _as_json, **options})
            handle.write(text.encode() + b"\n")
    else:
        raise TypeError(f"a {type(value).__name__} cannot be written as ndjson; a frame or a list can")


def _read_text(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    content = handle.read()
    if kind == "bytes":
        return content
    text = content.decode(**{"encoding": "utf-8", **options})
    match kind:
        case "str" | "any":
            return text
        case "list":
            return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []
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
    if kind == "bytes":
        raise TypeError("yaml cannot fill bytes")
    try:
        return _expect(YAML(typ="safe", pure=True).load(handle), kind)
    except YAMLError as error:
        raise ValueError(str(error)) from None


def _write_yaml(value: Any, handle: BinaryIO, options: Options) -> None:
    from ruamel.yaml import YAML

    _no_options("yaml", options)
    text = json.dumps(value, default=_as_json)  # plain values only, so that any YAML reader takes them
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = not any(letter in text for letter in _BREAKS)
    writer.dump(json.loads(text), handle)


def _no_options(name: str, options: Options) -> None:
    if options:
        raise TypeError(f"{name} takes no options")


def _expect(value: Any, kind: Kind) -> Any:
    """Return *value* when it is of the wanted kind, rows as the frame that is wanted; raises TypeError for another."""
    if kind in ("pandas", "polars", "lazy", "arrow"):
        return _frame_of(value, kind)
    expected = {"list": list, "dict": dict, "str": str}.get(kind)
    if expected is not None and not isinstance(value, expected):
        raise TypeError(f"the file holds a {type(value).__name__}, the node wants a {kind}")
    return value


def _frame_of(rows: Any, kind: Kind) -> Any:
    if not is_rows(rows):
        raise TypeError(f"the file holds a {type(rows).__name__}, the node wants a list of mappings or a frame of them")
    if kind == "arrow":
        return arrow_table(rows)
    if kind == "pandas":
        import pandas

        return pandas.DataFrame(rows)
    import polars

    frame = polars.DataFrame(rows, infer_schema_length=None)
    return frame.lazy() if kind == "lazy" else frame


def _rows_of_frame(value: Any) -> Any:
    """Return the rows of a frame as plain values, and any other value as it is."""
    value = computed(value)
    match library_of(value):
        case "pandas":
            return json.loads(value.to_json(**_of_pandas(value)))
        case "polars":
            return value.fill_nan(None).to_dicts()
        case "arrow":
            return rows_of_table(value)
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
    if (rows := _rows_of_frame(value)) is not value:
        return rows
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def _read_pickle(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    import pickle

    return pickle.load(handle, **options)  # noqa: S301  only where the project allows it


def _write_pickle(value: Any, handle: BinaryIO, options: Options) -> None:
    import pickle

    pickle.dump(value, handle, **{"protocol": 5, **options})


_read_rows = frame_reader(By("read_json", _lines_by_pandas), By("read_ndjson", all_rows), _read_lines)
JSON = Format(frame_reader(By("read_json", _by_pandas), By("read_json", all_rows), _read_json), _write_json)
NDJSON = Format(_read_ndjson, _write_ndjson)
TEXT = Format(_read_text, _write_text)
YAML = Format(_read_yaml, _write_yaml)
PICKLE = Format(_read_pickle, _write_pickle)
