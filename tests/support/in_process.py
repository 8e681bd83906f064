"""The command line in the process of the test: for many calls where a process for each would cost too much."""

from __future__ import annotations

from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from flowerpower.cli.main import run
from support.command_line import Answer


@dataclass(frozen=True)
class Here:
    """The command line in a folder, with a Redis of its own."""

    folder: Path
    redis: str

    def __call__(self, *arguments: str) -> Answer:
        """Run `flowerpower ARGUMENTS`."""
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, chdir(self.folder), redirect_stdout(out), redirect_stderr(err):
            patch.setenv("FLOWERPOWER_REDIS", self.redis)
            patch.setenv("GITHUB_ACTOR", "ana")
            code = run(arguments)
        assert "Traceback" not in err.getvalue(), err.getvalue()
        return Answer(code, out.getvalue(), err.getvalue())
