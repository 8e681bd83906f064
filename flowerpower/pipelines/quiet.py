"""Keeps Hamilton's logs quiet."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOUD = ("hamilton.driver", "hamilton.execution.graph_functions", "hamilton.execution.executors")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Hamilton from logging an advertisement, and the inputs of a failed node, which may be secrets."""

    def is_wanted(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR

    loggers = [logging.getLogger(name) for name in _LOUD]
    for logger in loggers:
        logger.addFilter(is_wanted)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_wanted)
