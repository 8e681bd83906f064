"""The one failure of this package: a trigger that cannot be understood."""

from __future__ import annotations

from flowerpower.errors import FlowerPowerError


class TriggerError(FlowerPowerError, ValueError):
    """A trigger is wrong: `what` names the part and the mistake, `hint` says what to write instead."""

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.what = what
