"""Values in words: durations, moments, counts, and texts made safe to show."""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flowerpower.durations import duration_text
from flowerpower.specs.text.width import columns

if TYPE_CHECKING:
    from flowerpower.state.models import Hold, Json

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONGEST_VALUE = 400
_BAR = 24
_COMMANDS = ("::", "##[")
GLUE = "\N{NO-BREAK SPACE}"
_MORNING, _EVENING = 6, 18
_TO_COPY = re.compile(r"`(?:flowerpower|redis-cli) [^`]*`|(?:^|(?<=: ))(?:flowerpower|redis-cli) .*?(?=[;,] | \(|$)")
_GLUE = "\ue000"  # private, so no text that is fit to be shown holds it


def rough_duration(seconds: int) -> str:
    """Return a duration by its largest unit, good enough for `3d ago`."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return "0s"


def stopwatch(seconds: float) -> str:
    """Return a measured time with about three digits: `0.4 ms`, `12.3 s`, `3m20s`."""
    if seconds >= 120:
        return duration_text(round(seconds))
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def bar_text(done: int, total: int) -> str:
    """Return a bar such as `[####....] 2/4`."""
    filled = _BAR * min(done, total) // max(total, 1)
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {done:,}/{total:,}"


def count(number: int, noun: str) -> str:
    """Return `1 schedule`, `2 schedules`."""
    ending = "" if number == 1 else "s"
    return f"{number:,} {noun}{ending}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names with commas, and how many more there are."""
    shown = list(names)
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def typed(command: str, env: str) -> str:
    """Return a command as it is to be typed for an environment, named alone or at the end of a namespace."""
    env = env.rpartition(".")[2]
    return command if env in ("", "default") else f"{command} --env {safe(env)}"


def proposal(sentence: str, command: str, width: int) -> list[str]:
    """Return the lines of a sentence that ends in a command, which stays whole: it is there to be copied."""
    if columns(sentence) + 1 + columns(command) <= width:
        return [f"{sentence} {command}"]
    return [*wrap(sentence, width, "  "), f"  {command}"]


def safe(text: str) -> str:
    """Return the text with everything that could move a cursor or turn writing around escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def free_text(text: str) -> str:
    """Return free text for Markdown that cannot become markup, a link, a mention or a new cell."""
    escaped = re.sub(r"([\\`*_\[\]>|#~]|!(?=\d))", r"\\\1", safe(text).replace("&", "&amp;"))
    return re.sub(r"[<@$]|://|www\.", lambda found: _ENTITIES[found[0]], escaped)


# Who is mentioned is looked for after entities are read, so a space of no width keeps the @ apart.
_ENTITIES = {"<": "&lt;", "@": "&#64;&#8203;", "$": "&#36;", "://": ":&#47;&#47;", "www.": "www&#46;"}


def code_span(text: str) -> str:
    """Return a name as code in Markdown, kept within its span and its cell."""
    return f"`{safe(text).translate({ord('`'): ord(chr(39)), ord('|'): '/'}) or ' '}`"


def cut(text: str, width: int) -> str:
    """Return a text that takes no more than so many columns, with a mark where something was left out."""
    if columns(text) <= width:
        return text
    shown = text[: width - 1]
    while columns(shown) > width - 1:
        shown = shown[:-1]
    return f"{shown}…"


def runs_leftward(text: str) -> bool:
    """Tell whether a text holds letters written from right to left, which turn what stands beside them around."""
    return not text.isascii() and any(unicodedata.bidirectional(char) in {"R", "AL"} for char in text)


def wrap(text: str, width: int, indent: str) -> list[str]:
    """Return the lines of a text, the first as it is, the others indented; long words and commands are left whole.

    No line is begun with what the log of a GitHub job takes for a command.
    """
    glued = _TO_COPY.sub(lambda found: found[0].replace(" ", _GLUE), text)
    broken = textwrap.wrap(glued, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    first, *others = [line.replace(_GLUE, " ") for line in broken] or [""]
    lines = [first]
    for line in others:
        if line.lstrip().startswith(_COMMANDS):
            lines[-1] += f" {line.lstrip()}"
        else:
            lines.append(line)
    return lines


def value_text(value: Json) -> str:
    """Return a value as a spec could hold it, on one line, cut when it is very long."""
    text = safe(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"


@cache
def zone(name: str) -> tzinfo:
    """Return the time zone of that name; UTC for one that does not exist, which a damaged record may hold."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC


def local(tick: int, timezone: str) -> datetime:
    """Return the moment (epoch seconds) in a zone."""
    return datetime.fromtimestamp(tick, zone(timezone))


def moment(tick: int, timezone: str, now: int) -> str:
    """Return a moment such as `Tue 24 Nov 02:00`; the year only when it is not the year of *now*."""
    return f"{day(tick, timezone, now)} {clock(local(tick, timezone))}"


def day(tick: int, timezone: str, now: int) -> str:
    """Return the day of a moment, such as `Tue 24 Nov`; the year likewise."""
    when, today = local(tick, timezone), local(now, timezone)
    year = f" {when.year}" if when.year != today.year else ""
    return f"{_DAYS[when.weekday()]} {when.day:2} {_MONTHS[when.month - 1]}{year}"


def moment_with_utc(tick: int, timezone: str, now: int, *, unit: str = " UTC") -> str:
    """Return a moment in its zone and, in brackets, in UTC, with the weekday where that differs.

    Where a heading says what the brackets hold, the unit is left out.
    """
    shown = moment(tick, timezone, now)
    return shown if is_utc(timezone) else f"{shown} ({_in_utc(local(tick, timezone))}{unit})"


def hold_words(hold: Hold, timezone: str, now: int) -> str:
    """Return who holds a schedule, why, and until when."""
    until = f" until {moment_with_utc(hold.until, timezone, now)}" if hold.until else ""
    return f'by {safe(hold.who) or "somebody"} "{safe(hold.why)}"{until}'


def moments_in_row(ticks: Sequence[int], timezone: str, now: int) -> tuple[str, ...]:
    """Return moments that stand side by side: the date where it is another than before, UTC where the zone leaves it
    otherwise than before.
    """
    cells: list[str] = []
    last = None
    for tick in ticks:
        when = local(tick, timezone)
        shown = clock(when) if last and last.date() == when.date() else moment(tick, timezone, now)
        same_offset = is_utc(timezone) or (last and last.utcoffset() == when.utcoffset())
        cells.append(shown if same_offset else f"{shown} ({_in_utc(when)} UTC)")
        last = when
    return tuple(cells)


def _in_utc(when: datetime) -> str:
    utc = when.astimezone(UTC)
    return clock(utc) if utc.date() == when.date() else f"{_DAYS[utc.weekday()]} {clock(utc)}"


def iso(tick: int) -> str:
    """Return epoch seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(tick, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_utc(timezone: str) -> bool:
    """Tell whether a zone is UTC by another name."""
    return timezone in {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu"}


def clock(when: datetime) -> str:
    """Return `02:00`, with seconds only where there are some."""
    return when.strftime("%H:%M:%S" if when.second else "%H:%M")


def spoken(tick: int, timezone: str, now: int) -> str:
    """Return `tonight's 02:00`, `today's 14:00`, `tomorrow's 09:00`, or the date: what people would say."""
    when, today = local(tick, timezone), local(now, timezone)
    days = (when.date() - today.date()).days
    this_night = (days == 0 and when.hour >= _EVENING) or (days == 1 and when.hour < _MORNING)
    if this_night and tick >= now:
        return f"tonight's {clock(when)}"
    if days in {0, 1}:
        return f"{'tomorrow' if days else 'today'}'s {clock(when)}"
    return moment(tick, timezone, now)


def unbroken(text: str) -> str:
    """Return a text that no narrow cell breaks."""
    return GLUE.join(text.split())


def short(digest: str) -> str:
    """Return a commit or digest short enough to read, its marks kept: `tree:1a2b3c4`, `1a2b3c4+dirty`; it is safe."""
    prefix, _, rest = safe(digest).rpartition(":")
    body, mark, _ = rest.partition("+")
    return f"{prefix}:{body[:7]}" if prefix else body[:7] + ("+dirty" if mark else "")
