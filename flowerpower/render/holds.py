"""What a pause and a resume did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flowerpower.render.style import Style, plain
from flowerpower.render.words import count, hold_words, iso, moment_with_utc, rough_duration, safe

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.holds import Held, Paused, Released, Resumed
    from flowerpower.state.models import Hold

_SHOWN = 20


def paused_text(done: Paused, *, style: Style = plain) -> str:
    """Return what a pause did, for people."""
    lines = [
        f"{style('Held', 'warning')} {style(safe(one.name), 'strong')} "
        f"{hold_words(one.hold, one.timezone, done.now)}{_effect(one, done.now)}"
        for one in done.held
    ]
    lines = _cut(lines) + _cut(
        [
            f"{safe(one.name)} is held already, for {rough_duration(max(0, done.now - one.hold.since))}, "
            f"{hold_words(one.hold, one.timezone, done.now)}; left as it is"
            for one in done.already
        ]
    )
    return "\n".join(lines)


def resumed_text(done: Resumed, *, style: Style = plain) -> str:
    """Return what a resume did, for people."""
    lines = [
        f"{style('Resumed', 'good')} {style(safe(one.name), 'strong')}: {_beginning(one, done.now)}"
        for one in done.resumed
    ]
    return "\n".join(_cut(lines) + _cut([f"{safe(name)} is not held: nothing to resume" for name in done.not_held]))


def _cut(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"... and {rest:,} more"] if rest > 0 else [])]


def _effect(one: Held, now: int) -> str:
    parts = [f"its run of {moment_with_utc(one.pending, one.timezone, now)} will not start"] if one.pending else []
    if one.active:
        parts.append(f"{count(one.active, 'active run')} {'goes' if one.active == 1 else 'go'} on")
    return "".join(f"\n  {part}" for part in parts)


def _beginning(one: Released, now: int) -> str:
    if one.paused:
        return "but its spec says `paused: true`, so it stays paused until an apply without that"
    following = "no tick is left" if one.next_tick is None else f"next {_at(one, now)}"
    swallowed = [
        f"{count(number, 'tick')} {word}"
        for number, word in ((one.skipped, "skipped"), (one.missed, "missed"))
        if number
    ]
    return ", ".join([following, *swallowed])


def _at(one: Released, now: int) -> str:
    return moment_with_utc(one.next_tick or 0, one.timezone, now)


def paused_dict(done: Paused, namespace: str) -> dict[str, Any]:
    """Return what a pause did as a JSON document; times are ISO 8601 in UTC."""
    return {
        "format_version": "1.0",
        "namespace": namespace,
        "held": [
            {
                "name": one.name,
                **hold_dict(one.hold),
                "removed": None if one.pending is None else iso(one.pending),
                "active": one.active,
            }
            for one in done.held
        ],
        "already_held": [{"name": one.name, **hold_dict(one.hold)} for one in done.already],
    }


def resumed_dict(done: Resumed, namespace: str) -> dict[str, Any]:
    """Return what a resume did as a JSON document; times are ISO 8601 in UTC."""
    return {
        "format_version": "1.0",
        "namespace": namespace,
        "resumed": [
            {
                "name": one.name,
                "held": hold_dict(one.hold),
                "skipped": one.skipped,
                "missed": one.missed,
                "next": None if one.next_tick is None else iso(one.next_tick),
                "paused": one.paused,
            }
            for one in done.resumed
        ],
        "not_held": list(done.not_held),
    }


def hold_dict(hold: Hold) -> dict[str, Any]:
    """Return a hold as JSON."""
    return {
        "who": hold.who,
        "why": hold.why,
        "since": iso(hold.since),
        "until": iso(hold.until) if hold.until else None,
    }
