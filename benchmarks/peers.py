"""The peers: installed at their pinned versions below `.bench/`, never into the project's own environment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
HOME = CHECKOUT / ".bench"


@dataclass(frozen=True, slots=True)
class Peers:
    """Where the peers are; `npm`, the folder of the commands from npm, is None where there is no npm."""

    python: Path
    npm: Path | None
    versions: dict[str, str]

    def tool(self, name: str) -> str:
        """Return the path of a command of the peers' environment."""
        return str(self.python.parent / name)


def install_peers(say: Callable[[str], None]) -> Peers:
    """Return the peers, installed first when they are not there or their pins have changed."""
    pins = HERE / "peers.txt"
    if _is_stale(HOME / "venv", pins):
        say(f"installing the peers of {pins.name} into {HOME / 'venv'}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME / "venv")], check=True)
        pip = [str(HOME / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(pins)], check=True)
        _mark(HOME / "venv", pins)
    npm = _install_npm(say)
    versions = read_pins(pins, "==")
    if npm:
        versions |= read_pins(HERE / "peers-npm.txt", "@")
    return Peers(HOME / "venv/bin/python", npm, versions)


def read_pins(pins: Path, separator: str) -> dict[str, str]:
    """Return the version of each peer of a file; the name may have the separator in it, as `@scope/name@1.0` does."""
    parts = (line.strip().rpartition(separator) for line in pins.read_text().splitlines())
    return {name: version for name, found, version in parts if found}


def _install_npm(say: Callable[[str], None]) -> Path | None:
    pins, folder = HERE / "peers-npm.txt", HOME / "npm"
    if shutil.which("npm") is None:
        say(f"there is no npm: the peers of {pins.name} are left out")
        return None
    if _is_stale(folder, pins):
        say(f"installing the peers of {pins.name} into {folder}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"private": True}))
        wanted = pins.read_text().split()
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", *wanted], cwd=folder, capture_output=True, check=False
        )
        if done.returncode:
            say(f"npm could not install {wanted}: left out")
            return None
        _mark(folder, pins)
    return folder / "node_modules/.bin"


def _is_stale(folder: Path, pins: Path) -> bool:
    mark = folder / "installed.txt"
    return not mark.is_file() or mark.read_bytes() != pins.read_bytes()


def _mark(folder: Path, pins: Path) -> None:
    (folder / "installed.txt").write_bytes(pins.read_bytes())
