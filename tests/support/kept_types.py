"""What each format keeps of the types in a frame, found out by saving and loading one column of each."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa

from flowerpower.filesystem import Filesystem
from flowerpower.pipelines.formats import FORMATS, Format, Place

BERLIN = ZoneInfo("Europe/Berlin")
COLUMNS: dict[str, dict[str, Any]] = {
    "pandas": {
        "whole numbers": pd.Series([1, 2], dtype="int64"),
        "whole numbers with gaps": pd.Series([1, None], dtype="Int64"),
        "fractions": pd.Series([0.1, 1 / 3, float("nan")]),
        "true and false": pd.Series([True, False]),
        "texts": pd.Series(["ä", None], dtype="str"),
        'texts like "007"': pd.Series(["007", "1e5"], dtype="str"),
        'texts like "" and "NA"': pd.Series(["", "NA", "null"], dtype="str"),
        "dates": pd.Series([date(2026, 11, 22), date(2026, 1, 1)], dtype="object"),
        "times": pd.Series([datetime(2026, 11, 22, 2, 30), datetime(2026, 1, 1, 1)]),
        "times with a zone": pd.Series([datetime(2026, 11, 22, 2, tzinfo=BERLIN), datetime(2026, 1, 1, tzinfo=BERLIN)]),
        "durations": pd.Series([timedelta(hours=1), timedelta(days=2)]),
        "decimals": pd.Series([Decimal("1.10"), Decimal("2.20")], dtype="object"),
        "categories": pd.Series(["a", "b"], dtype="category"),
        "lists": pd.Series([[1, 2], [3]], dtype="object"),
        "no rows": pd.Series([], dtype="int64"),
        "no columns": None,
    },
    "polars": {
        "whole numbers": pl.Series([1, 2], dtype=pl.Int64),
        "whole numbers with gaps": pl.Series([1, None], dtype=pl.Int64),
        "fractions": pl.Series([0.1, 1 / 3, None], dtype=pl.Float64),
        "true and false": pl.Series([True, False]),
        "texts": pl.Series(["ä", None], dtype=pl.String),
        'texts like "007"': pl.Series(["007", "1e5"]),
        'texts like "" and "NA"': pl.Series(["", "NA", "null"]),
        "dates": pl.Series([date(2026, 11, 22), date(2026, 1, 1)]),
        "times": pl.Series([datetime(2026, 11, 22, 2, 30), datetime(2026, 1, 1)]),
        "times with a zone": pl.Series(
            [datetime(2026, 11, 22, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]
        ).dt.convert_time_zone("Europe/Berlin"),
        "durations": pl.Series([timedelta(hours=1), timedelta(days=2)]),
        "decimals": pl.Series([Decimal("1.10"), Decimal("2.20")]),
        "categories": pl.Series(["a", "b"], dtype=pl.Categorical),
        "lists": pl.Series([[1, 2], [3]]),
        "no rows": pl.Series([], dtype=pl.Int64),
        "no columns": None,
    },
}
COLUMNS["arrow"] = {
    "whole numbers": pa.array([1, 2], pa.int64()),
    "whole numbers with gaps": pa.array([1, None], pa.int64()),
    "fractions": pa.array([0.1, 1 / 3, None], pa.float64()),
    "true and false": pa.array([True, False]),
    "texts": pa.array(["ä", None], pa.string()),
    'texts like "007"': pa.array(["007", "1e5"]),
    'texts like "" and "NA"': pa.array(["", "NA", "null"]),
    "dates": pa.array([date(2026, 11, 22), date(2026, 1, 1)]),
    "times": pa.array([datetime(2026, 11, 22, 2, 30), datetime(2026, 1, 1)]),
    "times with a zone": pa.array(
        [datetime(2026, 11, 22, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin")
    ),
    "durations": pa.array([timedelta(hours=1), timedelta(days=2)]),
    "decimals": pa.array([Decimal("1.10"), Decimal("2.20")]),
    "categories": pa.array(["a", "b"]).dictionary_encode(),
    "lists": pa.array([[1, 2], [3]]),
    "no rows": pa.array([], pa.int64()),
    "no columns": None,
}
_MAKERS: dict[str, Callable[[Any], Any]] = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}
MARK = "<!-- made by `make docs` -->\n"
TABULAR = ("csv", "json", "ndjson", "parquet", "feather", "excel", "pickle", "sql", "duckdb")


def outcome(library: str, kind: str, form: str, folder: Path) -> str:
    """Return whether a column comes back: `yes` as it was, `changed`, `no` when it cannot be saved, or not loaded."""
    column = COLUMNS[library][kind]
    frame = _MAKERS[library]({} if column is None else {"x": column})
    try:
        _save(frame, form, folder)
    except Exception:
        return "no"
    try:
        back = _load(library, form, folder)
    except Exception:
        return "no"
    return "yes" if _same(frame, back) else "changed"


def table(library: str, folder: Path) -> str:
    """Return the outcomes as a table in Markdown."""
    lines = [f"| {library} | {' | '.join(TABULAR)} |", "|---" * (len(TABULAR) + 1) + "|"]
    for kind in COLUMNS[library]:
        found = []
        for form in TABULAR:
            place = folder / f"{library}-{len(lines)}-{form}"
            place.mkdir()
            found.append(outcome(library, kind, form, place))
        lines.append(f"| {kind} | {' | '.join(found)} |")
    return "\n".join(lines) + "\n"


def _save(frame: Any, form: str, folder: Path) -> None:
    found = FORMATS[form]
    if isinstance(found, Format):
        with (folder / "x").open("wb") as handle:
            found.write(frame, handle, {})
    else:
        options = {"table": "t", "if_exists": "replace"}
        found.write(frame, _place(form, folder, options, True), options)


def _load(library: str, form: str, folder: Path) -> Any:
    found = FORMATS[form]
    if isinstance(found, Format):
        with (folder / "x").open("rb") as handle:
            return found.read(handle, library, {})
    options = {"table": "t"}
    return found.read(_place(form, folder, options, False), library, options)


def _place(form: str, folder: Path, options: dict[str, str], writing: bool) -> Place:
    files = Filesystem(str(folder))
    path = "sqlite:///x.db" if form == "sql" else "x.duckdb"
    return Place(FORMATS[form].prepare(path, files, options, writing), files)


def _same(frame: Any, back: Any) -> bool:
    if isinstance(frame, pa.Table):
        return bool(frame.equals(back))
    if list(frame.columns) != list(back.columns):
        return False
    if isinstance(frame, pl.DataFrame):
        return frame.schema == back.schema and frame.equals(back)
    try:
        exact = "float64" in map(str, frame.dtypes)  # else a list would have to stay no array
        pd.testing.assert_frame_equal(frame, back, check_freq=False, check_exact=exact)
    except AssertionError:
        return False
    return True


def update(page: Path) -> None:
    """Write the tables into the page, behind the mark."""
    with tempfile.TemporaryDirectory() as folder:
        tables = "\n".join(table(library, Path(folder)) for library in COLUMNS)
    before, _, rest = page.read_text(encoding="utf-8").partition(MARK)
    behind = rest.partition("\n## ")[2]
    page.write_text(f"{before}{MARK}\n{tables}\n## {behind}", encoding="utf-8")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        update(Path("docs/io.md"))
