"""The formats by name: those built in, and those of plug-ins that the project names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowerpower.errors import PipelineError
from flowerpower.pipelines.formats.databases import DUCKDB, SQL
from flowerpower.pipelines.formats.excel import EXCEL
from flowerpower.pipelines.formats.format import Format, PlaceFormat
from flowerpower.pipelines.formats.frames import CSV, FEATHER, PARQUET
from flowerpower.pipelines.formats.plain import JSON, NDJSON, PICKLE, TEXT, YAML
from flowerpower.pipelines.graph import suggest
from flowerpower.plugins import IO_GROUP, load_plugin, plugin_names, why_missing

FORMATS: Mapping[str, Format | PlaceFormat] = {
    "csv": CSV,
    "json": JSON,
    "ndjson": NDJSON,
    "parquet": PARQUET,
    "feather": FEATHER,
    "excel": EXCEL,
    "text": TEXT,
    "yaml": YAML,
    "pickle": PICKLE,
    "sql": SQL,
    "duckdb": DUCKDB,
}


def find_format(name: str, plugins: Sequence[str] = ()) -> Format | PlaceFormat:
    """Return the format *name*, built in or of one of the *plugins*; raises PipelineError when there is none."""
    if name in FORMATS:
        return FORMATS[name]
    if plugins and (found := load_plugin(IO_GROUP, name, distributions=plugins)) is not None:
        if isinstance(found, (Format, PlaceFormat)):
            return found
        raise PipelineError(
            f"the plug-in for format {name!r} offers a {type(found).__name__}, no format",
            hint="its entry point must name an object of flowerpower.pipelines.formats.Format or PlaceFormat",
        )
    raise PipelineError(f"there is no format {name!r}", hint=_hint(name, plugins))


def _hint(name: str, plugins: Sequence[str]) -> str:
    return why_missing(IO_GROUP, name, plugins) or suggest(
        name, {*FORMATS, *plugin_names(IO_GROUP, distributions=plugins)}
    )
