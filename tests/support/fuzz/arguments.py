"""Arguments: the flags of every command, as Typer has them, with values that nobody should give."""

from __future__ import annotations

from functools import cache

import typer
from hypothesis import strategies as st

from flowerpower.cli.commands import build
from support.fuzz.case import Case

VALUES = (
    *(
        "",
        " ",
        "-",
        "--",
        "=",
        "a=b",
        "=b",
        "a=",
        "x" * 100_000,
        "-1",
        "0",
        "1",
        "5",
        "1e999",
        "9" * 300,
        "nan",
        "1_0",
        "١",
    ),
    *(
        "日本",
        "\udcff\udcfe",
        "e\u0301",
        "\n",
        "\t",
        "\x1b[31m",
        "%s",
        "{}",
        "${var:X}",
        "'",
        '"',
        "a--b",
        "A",
        "*",
        "?",
    ),
    *(
        "nightly",
        "report",
        "second",
        "schedule.nightly",
        "pipeline.report",
        "schedule.",
        "nightly--1",
        "acme--default--nightly--1",
    ),
    *(
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "9999-12-31T23:59:59",
        "0001-01-01",
        "2026-03-29T02:30",
        "now",
        "tomorrow",
        "12:00",
    ),
    *(
        "1d",
        "0s",
        "-1d",
        "1h30m",
        "99999999999999999999d",
        "* * * * *",
        "0 0 31 2 *",
        "60 * * * *",
        "UTC",
        "Europe/Berlin",
        "Mars",
    ),
    *(
        "HEAD",
        "HEAD~1",
        "HEAD~9",
        "main",
        "v1",
        "..",
        ".",
        "nowhere/x.yaml",
        "schedules/nightly.yaml",
        "flowerpower.yaml",
        "/dev/null",
    ),
    *(
        "/dev/full",
        "plan.json",
        "flows",
        "redis://",
        "redis://[::1",
        "redis://h:x",
        "unix:///nope",
        "http://x",
        "memory://x",
        "1:2:3",
    ),
    *(
        "number=5",
        "number={",
        "number=",
        "day=x",
        "unknown=1",
        "default",
        "prod",
        "heavy",
        "json",
        "text",
        "3",
        "25%",
        "101%",
    ),
)
JUNK = (
    "--nonsense",
    "-z",
    "--",
    "--help",
    "--json",
    "--no-color",
    "-qv",
    "--debug",
    "--env=",
    "--project=nowhere",
    "-",
    "--var=a",
)
HARMFUL = ("--install-completion", "--show-completion")  # they change the machine, or ask which shell it is
WAITING = ("worker", "scheduler", "dev", "trigger", "backfill", "rerun", "run", "runs", "status")  # may wait on purpose


def cases() -> st.SearchStrategy[Case]:
    """Return calls of any command with flags of its own, and others, in any order."""
    names = [name for name in sorted(_flags()) for _ in range(1 if name in WAITING else 4)]
    return st.sampled_from(names).flatmap(_calls).map(lambda words: Case("arguments", (words,)))


def _calls(name: str) -> st.SearchStrategy[tuple[str, ...]]:
    values, own = st.sampled_from(VALUES), _flags()[name]
    flagged = [
        st.tuples(st.just(flag)) if alone else st.one_of(st.tuples(st.just(flag), values), values.map(_joined(flag)))
        for flag, alone in own
    ]
    words = st.one_of(st.one_of(flagged), st.one_of(flagged), st.tuples(values), st.tuples(st.sampled_from(JUNK)))
    rest = ("--project", "nowhere") if name == "dev" else ()
    return st.lists(words, max_size=5).map(lambda parts: (name, *(word for part in parts for word in part), *rest))


def _joined(flag: str):  # type: ignore[no-untyped-def]
    return lambda value: (f"{flag}={value}",)


@cache
def _flags() -> dict[str, list[tuple[str, bool]]]:
    """Return the flags of each command, and whether a flag takes no value."""
    found = {}
    for name, command in typer.main.get_command(build()).commands.items():  # type: ignore[attr-defined]
        flags = [
            (option, getattr(parameter, "is_flag", False) or getattr(parameter, "count", False))
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("-") and option not in HARMFUL and option != "--redis"
        ]
        found[name] = flags
        if hasattr(command, "commands"):
            found[name] += [(inner, True) for inner in command.commands]
    return found
