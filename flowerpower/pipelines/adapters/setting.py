"""What adapters are made with, and what they are told of the end of a run that was killed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from flowerpower.pipelines.context import RunContext, Secrets
from flowerpower.pipelines.failures import describe

logger = logging.getLogger("flowerpower.run")


@dataclass(frozen=True, slots=True)
class Setting:
    """What an adapter may know of the run that it watches, and where it leaves what has to be closed."""

    context: RunContext
    secrets: Secrets
    closing: ExitStack = field(default_factory=ExitStack)

    def at_end(self, tell: Callable[[BaseException | None], object]) -> None:
        """Call *tell* when the run is over, with what it failed of; what that raises does not reach the run."""

        def end(kind: object, error: BaseException | None, trace: object) -> None:
            try:
                tell(error)
            except Exception as found:  # noqa: BLE001  its time limit too: all work of the run is done
                logger.warning("an adapter was not told how the run ended: %s", self.secrets.mask(describe(found)))

        self.closing.push(end)


class Ending(NamedTuple):
    """Why an attempt has ended whose process was killed, and whether somebody wanted that."""

    reason: str
    cancelled: bool
