"""Specs that an environment leaves out: they are written, and there is nothing of that name in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowerpower.errors import Place
from flowerpower.specs.files.kinds import kind_of_file, may_declare
from flowerpower.specs.names import name_of
from flowerpower.specs.text.yaml import find, parse

ELSEWHERE = "--env names an environment that has it"


def left_out(texts: Mapping[str, bytes], env: str) -> Iterator[tuple[str, Place]]:
    """Yield the address of each spec that an environment leaves out, with the place where that is said."""
    for file in sorted(texts):
        kind = kind_of_file(file)
        if kind not in ("pipeline", "schedule") or not may_declare(texts[file]):
            continue
        documents = parse(file, texts[file]).documents
        for document in documents:
            environments = document.data.get("environments") if isinstance(document.data, dict) else None
            if isinstance(environments, dict) and environments.get(env, "") is None:
                name = name_of(document, alone=len(documents) == 1)
                place, _ = find(file, document.number, texts[file], ("environments", env), key=True)
                yield f"{kind}.{name}", place


def why_left_out(texts: Mapping[str, bytes], env: str, name: str, kinds: tuple[str, ...]) -> str:
    """Return where it is said that an environment leaves out what has a name or an address; or nothing."""
    asked = {name, *(f"{kind}.{name}" for kind in kinds)}
    found = [f"{address.replace('.', ' ')} in {place}" for address, place in left_out(texts, env) if address in asked]
    return f"environment {env!r} leaves out the {' and the '.join(found)}" if found else ""
