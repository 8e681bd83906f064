"""What the text of a spec seems to say of its name and its pipeline: a guess, for who notices where it is wrong."""

from __future__ import annotations

import re

from flowerpower.specs.files.kinds import kind_of_file

_NAME, _PIPELINE = (re.compile(rb"^%s: *['\"]?([^\s'\"#]+)" % key, re.MULTILINE) for key in (b"name", b"pipeline"))


def name_at_a_glance(path: str, text: bytes) -> bytes:
    """Return the name that a spec seems to have."""
    return _found(_NAME, path, text)


def pipeline_at_a_glance(path: str, text: bytes) -> bytes:
    """Return the name of the pipeline that a spec seems to be or to run."""
    return _found(_NAME if kind_of_file(path) == "pipeline" else _PIPELINE, path, text)


def pipelines_at_a_glance(text: bytes) -> list[bytes]:
    """Return the names of the pipelines that a file of schedules seems to run; there may be several specs in it."""
    return _PIPELINE.findall(text)


def _found(pattern: re.Pattern[bytes], path: str, text: bytes) -> bytes:
    found = pattern.search(text)
    return found[1] if found else path.rpartition("/")[2].partition(".")[0].encode()
