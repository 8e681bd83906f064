"""What every command shares: its settings, where results and talk go, and how failures are told."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flowerpower.cli.projects import hint_below
from flowerpower.cli.terminal import Color, ProgressBar, choose_style, is_dumb, width_of
from flowerpower.errors import FlowerPowerError, Problem, ProjectNotFoundError, SpecError
from flowerpower.proposed import at_redis, in_env, with_flags, without_secrets
from flowerpower.render.style import Style, plain
from flowerpower.settings import Settings, look_for_cycles_rarely

_PIECES = 10_000  # of a JSON document, put together at once
_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject


class Session(NamedTuple):
    """One command's run. Results go to stdout, talk goes to stderr; with `json` stdout gets one document."""

    settings: Settings
    ref: str | None = None
    json: bool = False
    color: Color = "auto"
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    given: Mapping[str, str] = {}  # flags that commands which are proposed have to repeat

    @property
    def style(self) -> Style:
        """The style of results, which also makes the commands that they propose fit to be pasted."""
        return self._with_hints(choose_style(sys.stdout, self.settings.environment, self.color))

    @property
    def talk_style(self) -> Style:
        """The style of talk."""
        return self._with_hints(choose_style(sys.stderr, self.settings.environment, self.color))

    @property
    def file_style(self) -> Style:
        """The style of what is written to a file: without colours."""
        return self._with_hints(plain)

    def _with_hints(self, style: Style) -> Style:
        return lambda text, emphasis: self.proposing(text) if emphasis == "hint" else style(text, emphasis)

    @property
    def width(self) -> int:
        """The columns of results."""
        return width_of(sys.stdout)

    @property
    def table_width(self) -> int:
        """The columns of tables, which what is no terminal gets in full."""
        from flowerpower.render.table import UNCUT

        return self.width if sys.stdout.isatty() else UNCUT

    @property
    def shows_progress(self) -> bool:
        """Whether somebody is there to watch a long work; pre-commit gives hooks a terminal that nobody watches."""
        environment = self.settings.environment
        watched = sys.stderr.isatty() and not is_dumb(environment) and "PRE_COMMIT" not in environment
        return watched and not self.quiet

    def progress(self, label: str) -> ProgressBar:
        """Return a bar for a long work, which stays silent where nobody watches."""
        return ProgressBar(label, sys.stderr if self.shows_progress else None)

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer a question."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.json

    def project(self, *, short: bool = True) -> FlowerPowerProject:
        """Return the project that the flags name; raises `ProjectNotFoundError`.

        A `short` command makes many values and ends; others run code of the project, which is left as Python runs it.
        """
        self.prepare(short=short)
        if short:
            self._tell_of_silence()
        return self.find_project()

    def _tell_of_silence(self) -> None:
        from flowerpower.state.connection import tell_of_silence

        tell_of_silence(self.talk)

    def find_project(self) -> FlowerPowerProject:
        """Return the project that the flags name, for a look that may end before anything is worked out."""
        from flowerpower.project import FlowerPowerProject

        return FlowerPowerProject.find(self.settings, self.ref)

    def tell_of_errors_beside(self, project: FlowerPowerProject, pipeline: str) -> None:
        """Say in a line that the project has other mistakes than those that would keep a pipeline from running."""
        from flowerpower.render.words import count

        if errors := project.written.errors_beside(pipeline):
            them = "it" if len(errors) == 1 else "them"
            self.talk(f"Other specs have {count(len(errors), 'error')}; `flowerpower validate` shows {them}")

    @staticmethod
    def prepare(*, short: bool = True) -> None:
        """Make this process ready to work something out."""
        from flowerpower.schedule.zones import use_packaged_zones

        use_packaged_zones()
        if short:
            look_for_cycles_rarely()

    def result(self, text: str) -> None:
        """Print a result for people, at once, so that it stands before later talk; nothing with `json`."""
        if not self.json:
            print(text, flush=True)

    def proposing(self, text: str) -> str:
        """Return a text with the environment, the flags and the Redis of this command in what it proposes to run."""
        text = with_flags(in_env(text, self.settings.env), self.given)
        return at_redis(text, self._server()) if "redis-cli " in text else text

    def proposing_in(self, rows: Iterable[Mapping[str, Any]], key: str = "hint") -> list[dict[str, Any]]:
        """Return parts of a document with hints that are as those of the text."""
        return [{**row, key: self.proposing(row[key])} for row in rows]

    def _server(self) -> str:
        """Return the URL of Redis without its secrets; nothing where none is named."""
        try:
            return without_secrets(self.find_project().named_redis)
        except FlowerPowerError:  # this is about another failure
            return without_secrets(self.settings.redis or "")

    def document(self, value: Any) -> None:
        """Print the one JSON document; nothing without `json`."""
        if self.json:
            print(as_json(value, sys.stdout.encoding))

    def line(self, value: Any) -> None:
        """Print one of many JSON documents, each on a line of its own."""
        text = json.dumps(value, ensure_ascii=not (sys.stdout.encoding or "").lower().startswith("utf"))
        print(text, flush=True)

    def talk(self, text: str) -> None:
        """Say something that is no result, its commands with `--env`; nothing with `quiet`."""
        if not self.quiet:
            print(self.proposing(text), file=sys.stderr, flush=True)

    def fail(self, error: Exception) -> int:
        """Tell of a failure and return the exit code; with `json` the document says it too."""
        if self.debug:
            _trace(error)
        known = error if isinstance(error, FlowerPowerError) else _as_known(error)
        if isinstance(known, ProjectNotFoundError) and not self.settings.url:
            known.hint = hint_below(self.settings.project) or known.hint
        known.hint = self.proposing(known.hint)
        self.document(self.error_document(known))
        sys.stdout.flush()
        print(self._error_text(known), file=sys.stderr)
        return known.exit_code

    def error_document(self, error: FlowerPowerError) -> dict[str, Any]:
        """Return a failure as a JSON document."""
        document: dict[str, Any] = {
            "format_version": "1.0",
            "errored": True,
            "error": {
                "message": str(error),
                "hint": self.proposing(error.hint),
                "details": error.details,
                "exit_code": error.exit_code,
            },
        }
        return document | self.problems_document(error.problems) if isinstance(error, SpecError) else document

    def problems_document(
        self, problems: Sequence[Problem], texts: Mapping[str, bytes] | None = None
    ) -> dict[str, Any]:
        """Return mistakes in specs as a JSON document."""
        from flowerpower.render.problems_json import problems_dict

        document = problems_dict(problems, texts)
        return {**document, "diagnostics": self.proposing_in(document["diagnostics"], "detail")}

    def _error_text(self, error: FlowerPowerError) -> str:
        from flowerpower.render.words import safe

        style = self.talk_style
        if isinstance(error, SpecError) and error.problems:
            from flowerpower.render.problems import problem_counts, problems_text

            summary = f"{style('Error', 'error')}: the specs are invalid: {problem_counts(error.problems)}"
            return f"{problems_text(error.problems, style=style)}\n{summary}"
        message = "\n  ".join(safe(line) for line in str(error).splitlines())
        lines = [f"{style('Error', 'error')}: {message}"]
        lines += [f"  {safe(line)}" for line in error.details.splitlines()]
        lines += [f"{style('hint', 'strong')}: {safe(error.hint)}"] if error.hint else []
        return "\n".join(lines)


def _trace(error: Exception) -> None:
    """Print where an error was raised, without its hint, which is told in the words of the command line."""
    import traceback

    told = traceback.TracebackException.from_exception(error)
    if isinstance(error, FlowerPowerError):
        told.__notes__ = None
    print("".join(told.format()), file=sys.stderr)


def as_json(value: Any, encoding: str | None) -> str:
    """Return a document in letters that the stream has: lone surrogates, and what ASCII lacks, are escaped."""
    text = _in_lines(value, ensure_ascii=False)
    if text.isascii():
        return text
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return _in_lines(value, ensure_ascii=True)
    return text


def _in_lines(value: Any, *, ensure_ascii: bool) -> str:
    """Return what `json.dumps` does, which keeps every piece of a large document until the end."""
    pieces = json.JSONEncoder(indent=2, ensure_ascii=ensure_ascii).iterencode(value)
    return "".join(iter(lambda: "".join(islice(pieces, _PIECES)), ""))


def _as_known(error: Exception) -> FlowerPowerError:
    if isinstance(error, OSError):
        return _of_the_system(error)
    words = str(error).strip().partition("\n")[0]
    return FlowerPowerError(
        f"something went wrong inside flowerpower: {type(error).__name__}{': ' if words else ''}{words}",
        hint="this is a bug; run the command again with --debug and report what it shows",
    )


def _of_the_system(error: OSError) -> FlowerPowerError:
    if error.filename is None and error.errno in _WRITING:
        return FlowerPowerError(f"could not write: {error.strerror}")
    if error.filename is None and isinstance(error, FileNotFoundError) and not _has_working_folder():
        return FlowerPowerError("the working folder is gone", hint="go to a folder that is there: cd")
    return FlowerPowerError(f"{error.filename or 'the system'}: {error.strerror or error}")


def _has_working_folder() -> bool:
    try:
        return Path.cwd().exists()
    except OSError:
        return False
