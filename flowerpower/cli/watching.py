"""`status --watch`: look again and again, draw in place, and go on through a Redis that goes away and comes back."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.cli.session import Session
from flowerpower.cli.status_display import Display, chosen, most_recent, text_of, to_paste, wanted_by, write
from flowerpower.cli.worker import read_duration
from flowerpower.errors import FlowerPowerError, StoreError, UsageError

if TYPE_CHECKING:
    from flowerpower.jobs.monitoring.status import Status
    from flowerpower.jobs.monitoring.status_reader import StatusReader
    from flowerpower.planning.sync import Wanted
    from flowerpower.project import FlowerPowerProject
    from flowerpower.watching import Snapshot

_SHARE = 3  # a look that takes long is made no more often than every so many times that long
_NAP = 0.1
_SPECS_EVERY = 2.0  # seconds between two looks at the files
_FETCHED_EVERY = 60.0  # the same at a URL, where each look is a bill for somebody
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def watch(session: Session, display: Display, names: Sequence[str]) -> int:
    """Show the status until somebody ends it, which is how it is meant to end: the exit code is 0, as that of `top`."""
    interval = max(read_duration(display.interval, "--interval"), 0.5)
    if display.format == "html" and display.out is None:
        raise UsageError("a page that is written again and again needs a file", hint="name it with --out FILE")
    with session.project() as project, _stop_quietly():
        _Watch(session, display, names, project).run(interval)
    return 0


class _StopWatching(BaseException):
    """Somebody ended the watch."""


@contextmanager
def _stop_quietly() -> Iterator[None]:
    def stop(signum: int, frame: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the way out is not interrupted
        raise _StopWatching

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    except _StopWatching:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Watch:
    """One watch: what was seen last, and since when nothing newer could be read."""

    def __init__(self, session: Session, display: Display, names: Sequence[str], project: FlowerPowerProject) -> None:
        self._session = session
        self._display = display
        self._names = tuple(names)
        self._project = project
        self._reader: StatusReader = project.jobs.status_reader()
        self._draws = sys.stdout.isatty() and not session.json and display.out is None
        self._wanted: Wanted | None = None
        self._files: Snapshot | None = None
        self._looked_at_files = 0.0
        self._seen: Status | None = None
        self._stale: tuple[float, FlowerPowerError] | None = None  # since when, and why
        self._size = (0, 0)

    def run(self, interval: float) -> None:
        """Look and show, again and again."""
        self._look()  # what is wrong from the start is an error like any other
        with _screen() if self._draws else nullcontext():
            while True:
                self._show(interval)
                began = time.monotonic()
                self._rest(interval)
                took = self._look_again()
                if took * _SHARE > time.monotonic() - began:
                    self._rest(took * (_SHARE - 1))

    def _look(self) -> None:
        found = self._reader.read(self._specs(), most_recent(self._display))
        self._seen = to_paste(self._session, self._display, chosen(found, self._names))

    def _look_again(self) -> float:
        """Look, and return how many seconds that took; a Redis that is away is waited for."""
        began = time.monotonic()
        try:
            self._look()
            self._stale = None
        except FlowerPowerError as error:
            self._stale = (self._stale[0] if self._stale else time.time(), error)
            if self._session.json:
                from flowerpower.render.words import iso

                self._session.line(self._session.error_document(error) | {"stale_since": iso(int(self._stale[0]))})
        return time.monotonic() - began

    def _specs(self) -> Wanted:
        """Return what the specs ask for; they are read again when a file has changed."""
        from flowerpower.planning.sync import Wanted
        from flowerpower.watching import snapshot

        if self._display.live:
            return Wanted()
        now, place, ref = time.monotonic(), self._project.place, self._session.ref
        folder = place if isinstance(place, Path) and ref is None else None
        every = _SPECS_EVERY if folder else _FETCHED_EVERY
        if self._wanted is None or (ref is None and now - self._looked_at_files >= every):
            files = snapshot(folder, self._project.home.modules) if folder else None
            self._looked_at_files = now
            if self._wanted is None or files is None or files != self._files:
                self._files = files
                with self._session.find_project() as fresh:
                    self._wanted = wanted_by(fresh, self._display)
        return self._wanted

    def _rest(self, seconds: float) -> None:
        """Wait; a terminal that changes its size is drawn on anew meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(_NAP, left) if self._draws else left)
            if self._draws and _size() != self._size:
                self._draw(seconds)

    def _show(self, interval: float) -> None:
        found, display = self._seen, self._display
        if self._draws:
            self._draw(interval)
        elif self._stale is not None or found is None:
            if not self._session.json and self._stale is not None:
                self._session.talk(_banner(*self._stale))
        elif display.out is not None:
            write(display.out, text_of(display, found, refresh=max(1, round(interval))))
        elif self._session.json:
            from flowerpower.render.status_json import status_dict

            self._session.line(status_dict(found))
        else:
            self._session.result(f"{_clock()}\n{text_of(display, found)}")
            sys.stdout.flush()

    def _draw(self, interval: float) -> None:
        from flowerpower.render.status import status_screen
        from flowerpower.render.words import cut, safe

        self._size = width, height = _size()
        style = self._session.style
        if self._stale:
            first = style(cut(safe(_banner(*self._stale)), width), "error")
        else:
            first = style(cut(f"{_clock()}  every {interval:g} s, Ctrl-C ends", width), "faint")
        lines = [first]
        if self._seen is not None:
            lines += status_screen(self._seen, width=width, height=height - 1, style=style)
        frame = "\x1b[K\n".join(lines[:height])
        sys.stdout.write(f"\x1b[H\x1b[?7l{frame}\x1b[K\x1b[J\x1b[?7h")  # lines that are too long are not wrapped
        sys.stdout.flush()


def _banner(since: float, error: FlowerPowerError) -> str:
    """Return what is told above what was seen last."""
    what = "Redis cannot be read" if isinstance(error, StoreError) else "Nothing newer is shown"
    return f"{_clock()}  {what} since {_clock(since)} ({max(0, round(time.time() - since))} s): {error}"


def _size() -> tuple[int, int]:
    found = shutil.get_terminal_size((80, 24))
    return max(found.columns, 20), max(found.lines, 3)


def _clock(moment: float | None = None) -> str:
    now = datetime.now().astimezone() if moment is None else datetime.fromtimestamp(moment).astimezone()
    return f"{now:%H:%M:%S}"


@contextmanager
def _screen() -> Iterator[None]:
    """Draw on the second screen of the terminal, and leave the first as it was."""
    sys.stdout.write("\x1b[?1049h\x1b[?25l\x1b[2J")
    try:
        yield
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
