"""What a spec is called: by its own words, or as its file."""

from __future__ import annotations

from flowerpower.specs.text.documents import NO_NAME, Document


def stem_of(file: str) -> str:
    """Return the name of a file without folders and ending."""
    return file.rpartition("/")[2].rpartition(".")[0]


def name_of(document: Document, *, alone: bool) -> str | None:
    """Return the name of the spec in a document, which may be *alone* in its file; None if none is known."""
    if NO_NAME in document.guesses:
        return None
    name = document.data.get("name") if isinstance(document.data, dict) else None
    if isinstance(name, str):
        return name
    return stem_of(document.file) if alone else None
