"""The history of applies, newest first, and what one of them changed: as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from flowerpower.render.plan_json import past_dict
from flowerpower.render.plan_text import past_lines
from flowerpower.render.style import Style, plain
from flowerpower.render.table import UNCUT, fitted
from flowerpower.render.words import is_utc, iso, listed, moment, moment_with_utc, rough_duration, safe, short, wrap

if TYPE_CHECKING:
    from flowerpower.planning.past import PastView
    from flowerpower.state.models import Head, History, PastApply

FORMAT_VERSION = "1.0"
SHORT = 8


def history_text(history: History, *, namespace: str, timezone: str, width: int = UNCUT, style: Style = plain) -> str:
    """Return one line for each apply, in columns; more than one where the screen is narrow."""
    if not history.applies:
        return f"{namespace}: nothing was applied yet."
    zone = "" if is_utc(timezone) else f"; times in {safe(timezone)} (UTC)"
    if history.damage:
        head = [style(safe(history.damage.told), "error")]
    else:
        words = f"{_in_force(history.head, namespace, history.now)}{zone}"
        head = [style(line, "faint") for line in wrap(words, width, "  ")]
    return "\n".join([*head, "", *_rows(history, timezone, width, style)])


def _rows(history: History, timezone: str, width: int, style: Style) -> Iterator[str]:
    names = [safe(past.apply_id[:SHORT]) or "-" for past in history.applies]
    size = max(map(len, names))
    sound = [(name, past) for name, past in zip(names, history.applies, strict=True) if not past.damaged]
    cells = [[name.ljust(size), *_cells(past, history.now, timezone)] for name, past in sound]
    laid = iter(fitted(cells, width - 2))
    for name, past in zip(names, history.applies, strict=True):
        if past.damaged:
            words = f"{name.ljust(size)}  damaged: entry {safe(past.entry)} of the history cannot be read"
            yield f"  {style(words, 'error')}"
        else:
            yield from (f"  {line}" for line in next(laid))


def _cells(past: PastApply, now: int, timezone: str) -> list[str]:
    return [
        f"#{past.generation}",
        moment_with_utc(past.when, timezone, now, unit=""),
        f"{rough_duration(max(0, now - past.when))} ago",
        f"+{past.added} ~{past.changed} -{past.destroyed}",
        safe(short(past.commit)) or "-",
        safe(past.who) + _marks(past),
    ]


def _marks(past: PastApply) -> str:
    return f"  (rollback of {safe(past.rollback_of[:SHORT])})" if past.rollback_of else ""


def _in_force(head: Head, namespace: str, now: int) -> str:
    who = f" by {safe(head.who)}" if head.who else ""
    ago = rough_duration(max(0, now - head.when))
    back = f"; rolled back: {safe(listed(map(short, head.rolled_back), 3))}" if head.rolled_back else ""
    return f"{namespace}: commit {safe(short(head.commit)) or '(none)'} in force, applied {ago} ago{who}{back}"


def past_text(view: PastView, *, timezone: str, width: int, style: Style = plain) -> str:
    """Return what an apply changed, field by field as its plan showed it."""
    past, now = view.past, view.now
    if past.damaged:
        return f"apply {safe(past.apply_id)} is damaged: entry {safe(past.entry)} of the history cannot be read"
    blocks = ["\n".join(_about(past, now, timezone))]
    blocks += ["\n".join(past_lines(one.change, one.told, now, width, style)) for one in view.changes]
    blocks += [style(f"Note: {safe(view.unknown)}", "warning")] if view.unknown else []
    counts = f"{past.added} added, {past.changed} changed, {past.destroyed} destroyed"
    return "\n\n".join([*blocks, style(f"Applied: {counts}.", "strong")])


def object_text(views: Sequence[PastView], *, timezone: str, width: int, style: Style = plain) -> str:
    """Return what each apply changed of one object, under a line for the apply."""
    zone = "" if is_utc(timezone) else f" {safe(timezone)}"
    blocks = []
    for view in views:
        past, now = view.past, view.now
        when, ago = moment(past.when, timezone, now), rough_duration(max(0, now - past.when))
        about = (
            f"{safe(past.apply_id[:SHORT])}  #{past.generation}  {when}{zone}, {ago} ago, by {safe(past.who) or '-'}"
        )
        lines = ["damaged" if past.damaged else f"{about}, commit {safe(short(past.commit)) or '(none)'}{_marks(past)}"]
        lines += ["\n".join(past_lines(one.change, one.told, now, width, style)) for one in view.changes]
        lines += [style(f"  {safe(view.unknown)}", "warning")] if view.unknown else []
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def object_document(views: Sequence[PastView], *, namespace: str, name: str) -> dict[str, Any]:
    """Return what each apply changed of one object as a JSON document."""
    return {
        "format_version": FORMAT_VERSION,
        "namespace": namespace,
        "name": name,
        "applies": [_past_dict(view) for view in views],
    }


def _about(past: PastApply, now: int, timezone: str) -> Iterator[str]:
    ago = rough_duration(max(0, now - past.when))
    yield f"apply {safe(past.apply_id)}, #{past.generation}{_marks(past)}"
    zone = "UTC" if is_utc(timezone) else f"{safe(timezone)} ({moment(past.when, 'UTC', now)} UTC)"
    yield f"{moment(past.when, timezone, now)} {zone}, {ago} ago, by {safe(past.who) or 'somebody'}"
    yield f"commit {safe(short(past.commit)) or '(none)'}, before it {safe(short(past.before.commit)) or 'nothing'}"


def history_dict(history: History, *, namespace: str) -> dict[str, Any]:
    """Return the history as a JSON document; times are ISO 8601 in UTC."""
    return {
        "format_version": FORMAT_VERSION,
        "namespace": namespace,
        "generation": history.head.generation,
        "commit": history.head.commit,
        "rolled_back": list(history.head.rolled_back),
        "applies": [apply_dict(past) for past in history.applies],
    }


def apply_dict(past: PastApply) -> dict[str, Any]:
    """Return one apply as a part of a JSON document."""
    return {
        "apply_id": past.apply_id,
        "generation": past.generation,
        "when": None if past.damaged else iso(past.when),
        "who": past.who,
        "commit": past.commit,
        "repository": past.repository,
        "previous_commit": past.before.commit,
        "rollback_of": past.rollback_of or None,
        "summary": {"add": past.added, "change": past.changed, "remove": past.destroyed},
        "entry": past.entry,
        "damaged": past.damaged,
    }


def past_document(view: PastView, *, namespace: str) -> dict[str, Any]:
    """Return one apply and what it changed as a JSON document."""
    return {"format_version": FORMAT_VERSION, "namespace": namespace, **_past_dict(view)}


def _past_dict(view: PastView) -> dict[str, Any]:
    return {
        **apply_dict(view.past),
        "complete": not view.unknown and not any(one.told for one in view.changes),
        "note": view.unknown,
        "resource_changes": [{**past_dict(one.change), "note": one.told} for one in view.changes],
    }
