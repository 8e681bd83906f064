"""What users install: the wheel holds all that the checkout has, and works without it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from flowerpower.scaffold import init

# -I and -S: neither the checkout nor anything installed can be found, only the wheel and the standard library.
INIT = "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from flowerpower.scaffold import init; "
INIT += "init(Path(sys.argv[2]), name='acme')"


@pytest.fixture(scope="module")
def site(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel, as an installer leaves it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=checkout, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_makes_the_same_project_as_the_checkout(site: Path, tmp_path: Path) -> None:
    init(tmp_path / "checkout", name="acme")

    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", INIT, str(site), str(tmp_path / "wheel")], check=True)

    assert contents(tmp_path / "wheel") == contents(tmp_path / "checkout")


def test_the_wheel_has_every_module_script_and_mark_of_the_package(checkout: Path, site: Path) -> None:
    package = checkout / "flowerpower"
    wanted = {path.relative_to(checkout) for path in package.rglob("*") if path.suffix in {".py", ".lua", ".typed"}}

    assert wanted - set(contents(site)) == set()


def test_the_wheel_brings_no_leftovers(site: Path) -> None:
    leftovers = {"__pycache__", ".pytest_cache", ".flowerpower", "out"}

    assert [path for path in contents(site) if leftovers & set(path.parts)] == []
