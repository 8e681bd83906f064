"""Which comment of a pull request is the plan's: one per namespace, written again instead of written once more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_BEGIN, _END = "<!-- flowerpower ", " -->"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as the host has it; `mine` when this job may write it again."""

    id: int
    body: str
    mine: bool
    url: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do: create, update (which comment), or nothing, and why."""

    action: str
    comment: Comment | None = None
    reason: str = ""


def header_of(body: str) -> Mapping[str, Any] | None:
    """Return what the hidden first line of a plan's comment says; None for any other comment."""
    first = body.partition("\n")[0].strip()
    if not (first.startswith(_BEGIN) and first.endswith(_END)):
        return None
    try:
        header = json.loads(first[len(_BEGIN) : -len(_END)])
    except ValueError:
        return None
    return header if isinstance(header, dict) else None


def namespaces(comments: Iterable[Comment], env: str) -> set[str]:
    """Return the namespaces of an environment that comments of ours are about."""
    headers = [header_of(comment.body) or {} for comment in comments if comment.mine]
    return {str(header["namespace"]) for header in headers if header.get("env") == env and "namespace" in header}


def choose(comments: Iterable[Comment], body: str, *, pending: bool) -> Step:
    """Return what makes the newest comment of the same namespace say *body*; none is started unless *pending*.

    A comment that somebody else wrote is never taken for ours, whatever its first line says.
    """
    namespace = (header_of(body) or {}).get("namespace")
    ours = [
        comment
        for comment in comments
        if comment.mine and (header_of(comment.body) or {}).get("namespace", "") == namespace
    ]
    if not ours:
        return Step("create") if pending else Step("nothing", reason="nothing to tell, and no comment says otherwise")
    newest = ours[-1]
    same = newest.body.replace("\r\n", "\n").strip() == body.strip()
    return Step("nothing", newest, "the comment says so already") if same else Step("update", newest)
