"""The log of a process that stays: lines on stderr, in which nothing but a colour can steer a terminal."""

from __future__ import annotations

import logging
import re
import sys

from flowerpower.cli.session import Session
from flowerpower.cli.terminal import coloured
from flowerpower.render.words import safe

FAILURES_ARE_TOLD = "_FLOWERPOWER_FAILURES_ARE_TOLD"
"""What `dev` sets for its worker: it tells of each run that fails itself, and why."""
_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


def start_log(session: Session) -> None:
    """Let this process log to stderr, as much as the flags ask for."""
    level = logging.WARNING if session.quiet else logging.DEBUG if session.verbose else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter(colours=session.talk_style is coloured))
    logging.basicConfig(handlers=[handler], level=level)
    if session.quiet:
        told = session.settings.environment.get(FAILURES_ARE_TOLD)
        logging.getLogger("rq.worker").addFilter(_no_failed_run if told else _first_line)
    logging.getLogger("hamilton").setLevel(max(level, logging.WARNING))  # it lists plug-ins it lacks


class LogFormatter(logging.Formatter):
    """Formats lines of a log. RQ colours names whenever stdout is a terminal, and quotes what lies in Redis."""

    def __init__(self, *, colours: bool) -> None:
        super().__init__(_FORMAT)
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        return "\n".join(map(self._cleaned, super().format(record).split("\n")))

    def _cleaned(self, line: str) -> str:
        parts = _COLOUR.split(line.expandtabs())
        kept = (part if at % 2 and self._colours else "" if at % 2 else safe(part) for at, part in enumerate(parts))
        return "".join(kept)


def _first_line(record: logging.LogRecord) -> bool:
    """Leave out the traceback of a run: where it failed, and why, is in its record."""
    record.msg, record.args, record.exc_info = record.getMessage().partition("\n")[0], (), None
    return True


def _no_failed_run(record: logging.LogRecord) -> bool:
    """Leave out that a run failed, and of all else the traceback."""
    return "exception raised while executing" not in str(record.msg) and _first_line(record)
