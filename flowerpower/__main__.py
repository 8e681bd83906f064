"""`python -m flowerpower` and the `flowerpower` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit; the version is told without loading anything."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from flowerpower.version import __version__

        sys.stdout.write(f"flowerpower {__version__}\n")
        return
    if sys.argv[1:2] == ["__complete"]:
        from flowerpower.cli.completing import answer

        sys.exit(answer(sys.argv[2:]))
    if sys.platform == "win32":
        sys.stderr.write("error: flowerpower runs on Linux and macOS\n  hint: on Windows, run it inside WSL\n")
        sys.exit(1)
    try:
        from flowerpower.cli.hook import check_plainly, is_plain_check
        from flowerpower.cli.process import end_at_once

        if is_plain_check(sys.argv[1:]):
            end_at_once(check_plainly(sys.argv[2:]))
        from flowerpower.cli.main import run

        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:  # while it was loaded
        sys.stderr.write("\nInterrupted.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
