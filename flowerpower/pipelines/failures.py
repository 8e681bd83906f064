"""When a project's own code fails: show the author's lines first, and the library's after them."""

from __future__ import annotations

import re
import textwrap
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from flowerpower.errors import FlowerPowerError, PipelineError

_FOREIGN = frozenset({"site-packages", "dist-packages", ".venv", "venv", ".tox", "node_modules"})
_REMOTE_FRAME = re.compile(r'^  File "(.+)", line (\d+), in (\S+)\n(    .*)?', re.MULTILINE)
_MOST_FRAMES = 20
_MOST_LIBRARY_FRAMES = 3
_LONGEST_MESSAGE = 2_000
_DEEPEST_CHAIN = 5
_MOST_IN_GROUP = 5
_LOOP = "event loop"
_IN_A_LOOP = (
    "an event loop runs in this thread, as in each notebook; run the pipeline in another one: "
    "await asyncio.to_thread(project.pipelines.run, ...)"
)


class UserCodeError(PipelineError):
    """The project's code failed, in the node `node` or, when that is empty, while it was imported.

    `details` is the user's traceback as text. Message and details hold no secret that the run was given.
    """

    def __init__(self, message: str, *, node: str = "", details: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.node = node
        self.details = details


def user_traceback(exc: BaseException, root: Path) -> str:
    """Return what went wrong as text: the error, the frames in files below *root*, then the last library frames."""
    if isinstance(exc, UserCodeError) and exc.details:
        return exc.details
    parts = [_one_error(error, root) for error in _chain(exc)]
    return "\ncaused by\n".join(parts)


def user_place(exc: BaseException, root: Path) -> str:
    """Return `file:line` of the deepest frame below *root*, or an empty text."""
    if isinstance(exc, SyntaxError) and exc.filename and (mine := _relative(exc.filename, root)):
        return f"{mine}:{exc.lineno or 1}"
    places = [f"{mine}:{frame.lineno}" for frame in _frames(exc) if (mine := _relative(frame.filename, root))]
    return places[-1] if places else ""


def way_out(exc: BaseException) -> str | None:
    """Return what to do about a failure that is one of where the run runs: code that wants an event loop of its own."""
    if not isinstance(exc, RuntimeError) or _LOOP not in str(exc):
        return None
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:  # it has made its trouble itself
        return None
    return _IN_A_LOOP


def describe(exc: BaseException) -> str:
    """Return the type and the message of an error, cut when it is long."""
    try:
        text = exc.msg if isinstance(exc, SyntaxError) else str(exc)
    except Exception:  # noqa: BLE001  an error of the user's may not even be able to say what it is
        text = "(its message could not be read)"
    if isinstance(exc, BaseExceptionGroup) and not isinstance(exc.exceptions[0], BaseExceptionGroup):
        text += f": {describe(exc.exceptions[0])}"
    if len(text) > _LONGEST_MESSAGE:
        text = f"{text[:_LONGEST_MESSAGE]}... ({len(text)} characters)"
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def is_time_limit(exc: BaseException | None) -> bool:
    """Return whether *exc* is the worker ending the run, or came of it."""
    seen: set[int] = set()  # an error of the user's may be its own cause
    while exc is not None and id(exc) not in seen:
        if type(exc).__module__.startswith("rq."):
            return True
        seen.add(id(exc))
        exc = exc.__cause__
    return False


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield the errors to show, from the last to the first cause; ours only wrap what the user needs to see."""
    seen: set[int] = set()
    current: BaseException | None = exc
    while current is not None and id(current) not in seen and len(seen) < _DEEPEST_CHAIN:
        seen.add(id(current))
        following = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        following = None if _is_remote(following) else following
        if following is None or not isinstance(current, FlowerPowerError):
            yield current
        current = following


def _one_error(exc: BaseException, root: Path) -> str:
    mine: list[str] = []
    library: list[str] = []
    if isinstance(exc, SyntaxError) and exc.filename:
        mine.append(_show(_relative(exc.filename, root) or exc.filename, exc.lineno, "", (exc.text or "").strip()))
    else:
        for frame in _frames(exc):
            if path := _relative(frame.filename, root):
                mine.append(_show(path, frame.lineno, frame.name, frame.line or ""))
                library.clear()
            else:
                library.append(_show(frame.filename, frame.lineno, frame.name, frame.line or ""))
    shown = [describe(exc), *_cut(mine)]
    if library and not isinstance(exc, FlowerPowerError):
        shown.append("  in a library:" if mine else "  outside of the project:")
        shown.extend(library[-_MOST_LIBRARY_FRAMES:])
    return "\n".join([*shown, *_members(exc, root)])


def _members(exc: BaseException, root: Path) -> Iterator[str]:
    """Yield what is to be shown of the errors of a group, without those of groups in it."""
    found = exc.exceptions if isinstance(exc, BaseExceptionGroup) else ()
    for number, error in enumerate(found[:_MOST_IN_GROUP], start=1):
        inner = describe(error) if isinstance(error, BaseExceptionGroup) else _one_error(error, root)
        yield textwrap.indent(f"{number} of {len(found)}: {inner}", "  ")


def _frames(exc: BaseException) -> Sequence[traceback.FrameSummary]:
    """Return the frames of *exc*, from the outermost, also those of the process that it came from."""
    here = traceback.extract_tb(exc.__traceback__)
    if not _is_remote(exc.__cause__):
        return here
    found = _REMOTE_FRAME.findall(str(exc.__cause__))
    there = [traceback.FrameSummary(file, int(line), name, line=source.strip()) for file, line, name, source in found]
    return [*here, *there]


def _is_remote(cause: BaseException | None) -> bool:
    """Return whether *cause* is the text in which `concurrent.futures` brings home a traceback."""
    return type(cause).__name__ == "_RemoteTraceback"


def _show(path: str, line: int | None, function: str, source: str) -> str:
    where = f"  {path}:{line}" + (f", in {function}" if function else "")
    return f"{where}\n      {source}" if source else where


def _cut(frames: Sequence[str]) -> list[str]:
    if len(frames) <= _MOST_FRAMES:
        return list(frames)
    head = _MOST_FRAMES // 4
    tail = _MOST_FRAMES - head
    return [*frames[:head], f"  ... {len(frames) - _MOST_FRAMES} frames left out", *frames[-tail:]]


def _relative(filename: str, root: Path) -> str:
    """Return the path relative to *root*, or an empty text when it is not the user's."""
    path = Path(filename)
    for base in (root, root.resolve()):
        if path.is_relative_to(base):
            inner = path.relative_to(base)
            return "" if _FOREIGN.intersection(inner.parts) else inner.as_posix()
    return ""
