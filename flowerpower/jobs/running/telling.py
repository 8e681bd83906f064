"""Tell in a worker's log of a run that failed: what its author can use, not the frames of flowerpower around it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from flowerpower.errors import FlowerPowerError

_TEXT = 3  # of the arguments of RQ's line: worker, job, function, traceback


@contextmanager
def plain_failure(log: logging.Logger, error: object) -> Iterator[None]:
    """Have RQ's line for a failure end in the author's own lines and a way out, where the error is one of ours.

    RQ goes on telling it, so that what hooks into RQ, as error trackers do, gets the exception whole.
    """
    if not isinstance(error, FlowerPowerError):
        yield
        return
    hint = [f"hint: {error.hint}"] if error.hint else []
    text = "\n".join([str(error), *(f"    {line}" for line in error.details.splitlines()), *hint])

    def shorten(record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) > _TEXT:
            record.args = (*record.args[:_TEXT], text)
        return True

    log.addFilter(shorten)
    try:
        yield
    finally:
        log.removeFilter(shorten)
