"""What users install: the wheel holds all that the checkout has, and works without it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from flowerpower.scaffold import init

# -I and -S: neither the checkout nor what is installed can be found, only the wheel, the standard library and PyYAML.
INIT = "import sys; sys.path[:0] = sys.argv[1:3]; from pathlib import Path; from flowerpower.scaffold import init; "
INIT += "init(Path(sys.argv[3]), name='acme')"


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


def make(site: Path, target: Path) -> None:
    """Make a project with the package in a folder."""
    libraries = target.with_name("libraries")
    libraries.mkdir()
    (libraries / "yaml").symlink_to(Path(yaml.__file__).parent)
    command = [sys.executable, "-I", "-S", "-B", "-c", INIT, str(site), str(libraries), str(target)]
    subprocess.run(command, check=True)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_makes_the_same_project_as_the_checkout(site: Path, tmp_path: Path) -> None:
    init(tmp_path / "checkout", name="acme")

    make(site, tmp_path / "wheel")

    assert contents(tmp_path / "wheel") == contents(tmp_path / "checkout")


def test_the_wheel_has_every_module_script_and_mark_of_the_package(checkout: Path, site: Path) -> None:
    package = checkout / "flowerpower"
    wanted = {path.relative_to(checkout) for path in package.rglob("*") if path.suffix in {".py", ".lua", ".typed"}}

    assert wanted - set(contents(site)) == set()


def test_the_wheel_brings_no_leftovers(site: Path) -> None:
    leftovers = {"__pycache__", ".pytest_cache", ".flowerpower", "out"}

    assert [path for path in contents(site) if leftovers & set(path.parts)] == []


def test_what_is_released_as_source_has_the_template_for_copier_too(checkout: Path) -> None:
    wanted = {"copier.yml", *(f"project_template/{path}" for path in contents(checkout / "project_template"))}
    listing = "from hatchling.builders.sdist import SdistBuilder; import sys\n"
    listing += "for file in SdistBuilder(sys.argv[1]).recurse_included_files(): print(file.distribution_path)"

    listed = subprocess.run(
        [sys.executable, "-c", listing, str(checkout)], capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert {name for name in wanted if "__pycache__" not in name} - set(listed) == set()
