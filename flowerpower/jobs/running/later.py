"""What a job returns that is to be run again later: RQ's own way, so that stock workers do it, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rq import Retry

_OFTEN = 1_000_000  # one that asks every minute has two years


class Later(dict[str, Any], Retry):
    """Facts for whoever looks at the job, and for RQ a retry that is none: it is made as often as it takes."""

    def __init__(self, facts: Mapping[str, Any], seconds: int) -> None:
        dict.__init__(self, facts)
        Retry.__init__(self, max=_OFTEN, interval=seconds)
