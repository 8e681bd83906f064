"""What can go wrong, in two shapes.

A `Problem` is a mistake in a spec: a value, collected so that one run shows them all.
A `FlowerPowerError` is a failure: raised, and shown by the command line without a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
_MOST_NAMED = 3  # environments in one message
_MOST_TOLD = 9  # mistakes in a traceback, besides the first


class Place(NamedTuple):
    """A point in a file; line and column count from 1, the file is relative to the project folder."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """A mistake in a spec: where, what, and what to do."""

    code: str
    place: Place
    what: str
    hint: str = ""
    severity: Severity = "error"
    environments: tuple[str, ...] = ()  # those that have it, if it is not told of all

    @property
    def said(self) -> str:
        """What is wrong, and in which environments if not in all."""
        where = _where(self.what, self.environments) if self.environments else ""
        return f"{self.what} ({where})" if where else self.what

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.place}: {self.code} {self.said}{hint}"


def _where(what: str, environments: Sequence[str]) -> str:
    """Return the environments in words, without the first if the message names it itself."""
    same = ""
    if f"environment '{environments[0]}'" in what or f"patch for '{environments[0]}'" in what:
        same, environments = "the same ", environments[1:]
    if not environments:
        return ""
    quoted = [f"'{name}'" for name in environments[:_MOST_NAMED]]
    rest = [f"{len(environments) - _MOST_NAMED} more"] if len(environments) > _MOST_NAMED else []
    *others, last = [*quoted, *rest]
    names = f"{', '.join(others)} and {last}" if others else last
    return f"{same}in environment{'s' if others else ''} {names}"


class FlowerPowerError(Exception):
    """Base of every error raised on purpose: a message, a hint, an exit code, and perhaps lines of detail.

    The hint is written for the command line, `advice` says the same to a caller of the Python API. Tracebacks show what
    fits the process.
    """

    exit_code: ClassVar[int] = 1
    hint: str = ""
    details: str = ""
    _notes: tuple[str, ...] = ()  # of others

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self._notes = ()
        if hint is not None:
            self.hint = hint

    @property
    def advice(self) -> str:
        """What a caller of the Python API can do: the hint, with calls and arguments instead of commands and flags."""
        from flowerpower.told_in_python import in_python

        return in_python(self.hint)

    @property
    def __notes__(self) -> list[str]:  # a list of its own would miss what a hint becomes later
        """What a traceback shows below the message; the details only where no cause says the same."""
        from flowerpower.told_in_python import in_traceback

        hint = f"hint: {in_traceback(self.hint)}" if self.hint else ""
        own = [*filter(None, (*self._more(), hint))]
        return [*own, *(note for note in self._notes if note not in own)]

    @__notes__.setter
    def __notes__(self, notes: Sequence[str]) -> None:
        """Take over the notes that others kept; what pickles tracebacks does so before anything else is there."""
        self._notes = tuple(notes)

    def _more(self) -> Sequence[str]:
        return [self.details] if self.__cause__ is None else []

    def add_note(self, note: str, /) -> None:
        """Show *note* in a traceback too."""
        self._notes = (*self._notes, note)

    def __reduce__(self) -> tuple[object, ...]:
        """Let a pickle hold what is said, not what it was made of: a pool whose child sends one back must live on."""
        return _same_again, (type(self), self.args), vars(self)


def _same_again(kind: type[FlowerPowerError], words: tuple[object, ...]) -> FlowerPowerError:
    error = kind.__new__(kind, *words)
    error.args = words  # an OSError takes them when it is initialized
    return error


class UsageError(FlowerPowerError):
    """The command or call itself was wrong."""


class SpecError(FlowerPowerError):
    """One or more specs are invalid; `problems` says which and where."""

    hint = "run `flowerpower validate`"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        errors = self._errors()
        first = errors[0] if errors else ""
        super().__init__(f"{len(errors)} invalid place{'s' if len(errors) != 1 else ''} in the specs; first: {first}")

    def _errors(self) -> list[str]:
        return [str(problem) for problem in self.problems if problem.severity == "error"]

    def _more(self) -> Sequence[str]:
        others = self._errors()[1:]
        left = len(others) - _MOST_TOLD
        return [*others[:_MOST_TOLD], *([f"and {left:,} more"] if left > 0 else [])]


class ProjectNotFoundError(FlowerPowerError):
    """No flowerpower.yaml where one was looked for."""

    hint = "run `flowerpower init` to make a project, or name one with --project"


class StoreError(FlowerPowerError):
    """Redis could not be read or changed."""

    hint = "check --redis and that the server runs, then run the command again, which is safe to repeat"


class AppliedError(StoreError):
    """The plan was applied, and what follows the apply went wrong."""

    exit_code = 6
    hint = "it is in force; `flowerpower plan` shows whether anything differs from it"


class FormatError(StoreError):
    """What lies in Redis was written by a newer flowerpower, or is not readable as ours."""

    hint = "use the flowerpower version that wrote it, or a newer one"


class DamagedError(FormatError):
    """One record in Redis cannot be read; the others can."""

    hint = (
        "`flowerpower plan` shows it, and apply makes it anew from git, or deletes it where git has it no more "
        "(--allow-damaged)"
    )


class HistoryError(FlowerPowerError):
    """The history of applies does not hold what is asked of it."""

    hint = "`flowerpower history` shows what is kept"


class RefusedError(FlowerPowerError):
    """A guard or a policy stands in the way."""

    exit_code = 3


class StalePlanError(FlowerPowerError):
    """The live state is no longer the one the plan was made for; nothing was written."""

    exit_code = 4
    hint = "look at what changed, and plan again: `flowerpower plan`"


class PlanFileError(FlowerPowerError):
    """A file is no plan, a damaged one, or one of another version."""


class WaitTimeoutError(FlowerPowerError, TimeoutError):
    """Somebody waited for a run, and it has not ended in time."""

    hint = "it goes on: wait again, or cancel it"


class PipelineError(FlowerPowerError):
    """A pipeline could not be built or run."""


class MissingExtraError(FlowerPowerError):
    """An optional part is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        from flowerpower.installing import install_command  # which only this needs

        super().__init__(f"{what} needs an optional part that is not installed")
        self.hint: str = install_command(extra)
