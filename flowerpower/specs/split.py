"""One spec that a stray `---` makes two documents of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flowerpower.errors import Place, Problem
from flowerpower.specs.text.documents import Document
from flowerpower.specs.text.lines import LINE_END

_MARKER = r"---|\s*(?:--|[-\u2010-\u2015]+|={3,})\s*(?:#|$)"  # also as it is mistyped


def split_spec(documents: Sequence[Document], content: bytes) -> Problem | None:
    """Return the problem that the documents of a file are the parts of one spec, if they most likely are.

    Two specs have keys in common, as they all have a pipeline or modules, and each has a name.
    """
    if len(documents) == 1:  # as nearly all files have
        return None
    keys: set[str] = set()
    for document in documents:
        if not isinstance(document.data, dict) or not keys.isdisjoint(document.data):
            return None
        keys.update(document.data)
    if not documents or any("name" in document.data for document in documents[1:]):
        return None
    lines = LINE_END.split(content.decode("utf-8", "replace"))[: documents[1].line]
    markers = [number for number, line in enumerate(lines, 1) if re.match(_MARKER, line)]
    hint = "remove it; if two specs are meant, each needs a `name:`"
    place = Place(documents[1].file, markers[-1] if markers else documents[1].line)
    return Problem("FP111", place, "the line `---` makes two documents of one spec", hint)
