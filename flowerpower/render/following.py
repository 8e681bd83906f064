"""One line for what becomes of a run, for somebody who watches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.words import safe

_TOLD: Mapping[str, tuple[str, Emphasis]] = {
    "succeeded": ("ok", "good"),
    "failed": ("failed", "error"),
    "attempt_failed": ("failed, to be tried again", "warning"),
    "missed": ("missed", "warning"),
    "cancelled": ("cancelled", "warning"),
}


def run_line(event: Mapping[str, str], *, style: Style = plain) -> str:
    """Return the line for a run event, in the time zone of this machine; empty for what nobody needs to see."""
    words, emphasis = _TOLD.get(event.get("event", ""), ("", "faint"))
    tick = event.get("tick", "")
    if not words or not tick.isdecimal():
        return ""
    moment = datetime.fromtimestamp(int(tick)).astimezone()
    took = f"  {float(event['duration']):.1f}s" if _is_number(event.get("duration", "")) else ""
    reason = f"  {safe(event['reason'])}" if event.get("reason") else ""
    return f"{safe(event.get('schedule', ''))} @ {moment:%H:%M:%S}  {style(words, emphasis)}{took}{reason}"


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()
