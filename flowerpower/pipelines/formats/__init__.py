"""The formats that `load:` and `save:` know, and what a plug-in needs to add one."""

from __future__ import annotations

from flowerpower.pipelines.formats.format import Format, Kind, Options, Place, PlaceFormat, kind_of, shape_of
from flowerpower.pipelines.formats.registry import FORMATS, find_format

__all__ = ["FORMATS", "Format", "Kind", "Options", "Place", "PlaceFormat", "find_format", "kind_of", "shape_of"]
