"""What a plan looks at: not the schedules that were forgotten, unless the specs want them back."""

from __future__ import annotations

from dataclasses import replace

from flowerpower.planning.renames import renamed_from
from flowerpower.state.models import Desired, Reading, State


def managed(reading: Reading, desired: Desired) -> Reading:
    """Return what was read without the forgotten schedules that no spec names, nor goes on with under another name:
    they are left as they are.
    """
    left = reading.forgotten - desired.state.schedules.keys()
    left = left and left - {*renamed_from(desired, reading).values()}
    if not left:
        return reading
    schedules = {name: live for name, live in reading.state.schedules.items() if name not in left}
    return replace(reading, state=State(schedules, reading.state.pipelines))
