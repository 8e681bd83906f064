"""Make a project from `project_template/`, validate its specs, and show where they are not in the canonical layout."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Return the exit code of the first command that fails, and show what it said."""
    with tempfile.TemporaryDirectory() as folder:
        project = str(Path(folder, "acme"))
        for arguments in (["init", project, "--no-git"], ["validate"], ["fmt", "--diff"]):
            where = [] if arguments[0] == "init" else ["--project", project]
            command = [sys.executable, "-m", "flowerpower", *arguments, *where]
            done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.stderr.write(done.stdout + done.stderr)
                return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
