"""Which time zone somebody may have meant by a name that is none."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_OFFSET = re.compile(r"(?:utc|gmt|z)?\s*([+-])0?(\d{1,2})(?::?(\d{2}))?", re.ASCII)
_FARTHEST = {"+": 14, "-": 12}
_CALLED: Mapping[str, str] = {
    "acst": "Australia/Adelaide",
    "aest": "Australia/Sydney",
    "aedt": "Australia/Sydney",
    "akst": "America/Anchorage",
    "ast": "America/Halifax",
    "awst": "Australia/Perth",
    "bst": "Europe/London",
    "cat": "Africa/Maputo",
    "cdt": "America/Chicago",
    "cest": "Europe/Berlin",
    "central european standard time": "Europe/Warsaw",
    "central standard time": "America/Chicago",
    "cst": "America/Chicago or Asia/Shanghai",
    "eastern standard time": "America/New_York",
    "edt": "America/New_York",
    "eest": "Europe/Helsinki",
    "gmt standard time": "Europe/London",
    "hkt": "Asia/Hong_Kong",
    "india standard time": "Asia/Kolkata",
    "ist": "Asia/Kolkata or Europe/Dublin",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "mdt": "America/Denver",
    "mesz": "Europe/Berlin",
    "mez": "Europe/Berlin",
    "mountain standard time": "America/Denver",
    "msk": "Europe/Moscow",
    "nzdt": "Pacific/Auckland",
    "nzst": "Pacific/Auckland",
    "pacific standard time": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "romance standard time": "Europe/Paris",
    "sast": "Africa/Johannesburg",
    "sgt": "Asia/Singapore",
    "tokyo standard time": "Asia/Tokyo",
    "w. europe standard time": "Europe/Berlin",
    "west": "Europe/Lisbon",
}


def nearest_zones(name: str, zones: Collection[str]) -> str:
    """Return a hint with up to three of the *zones* that look like this name, or mean the same."""
    wanted = name.strip().lower()[:60]
    if wanted in ("local", "localtime", "system"):
        return "name the zone: workers on other machines may have another local time"
    if offset := _OFFSET.fullmatch(wanted):
        return _fixed(*offset.groups())
    if wanted in _CALLED:
        return f"did you mean {_CALLED[wanted]}?"
    names = _similar(wanted.replace(" ", "_"), zones)
    if not names:
        return "use a name of the IANA time zone database, for instance Europe/Berlin or UTC"
    return f"did you mean {' or '.join(names)}?"


def _fixed(sign: str, hours: str, minutes: str | None) -> str:
    number = int(hours)
    if minutes not in (None, "00") or not 0 < number <= _FARTHEST[sign]:
        return "name a place in that zone, for instance Asia/Kolkata, or UTC"
    direction, turned = ("ahead of", "-") if sign == "+" else ("behind", "+")
    far = f"{number} hour{'s' if number > 1 else ''}"
    return f"name a place, for instance Europe/Berlin; or Etc/GMT{turned}{number}, which is {far} {direction} UTC"


def _similar(wanted: str, zones: Collection[str]) -> list[str]:
    import difflib

    known = {zone.lower(): zone for zone in sorted(zones)}
    if wanted in known:
        return [known[wanted]]
    cities = {zone.rsplit("/", 1)[-1]: zone for zone in known}
    close = difflib.get_close_matches(wanted, known, n=3, cutoff=0.7)
    close += [cities[city] for city in difflib.get_close_matches(wanted.rsplit("/", 1)[-1], cities, n=3, cutoff=0.75)]
    return list(dict.fromkeys(known[zone] for zone in close))[:3]
