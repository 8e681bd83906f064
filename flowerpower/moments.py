"""Dates and times as people write them, read alike by every version of Python."""

from __future__ import annotations

import re
from datetime import datetime

_AFTER_THE_LAST_HOUR = re.compile(r"[0-9W-]+[^0-9W-]24", re.ASCII)


def read_moment(text: str) -> datetime:
    """Return the date or time that an ISO 8601 text names, naive when it has no offset; ValueError otherwise.

    24:00 is none: some versions of Python take it for the next day, others for a mistake.
    """
    moment = datetime.fromisoformat(text)
    if _AFTER_THE_LAST_HOUR.match(text):
        raise ValueError("hour must be in 0..23")
    return moment
