from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES, main
from benchmarks.peers import HERE, read_pins


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_says_what_it_measures_and_can_be_run(name: str) -> None:
    benchmark = import_module(f"benchmarks.{name}")

    assert benchmark.__doc__
    assert callable(benchmark.run)


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["reed"])

    known = "validate, dataflow, read, plan, apply, dispatch, lateness, idle"
    assert f"there is no benchmark 'reed'; there are {known}" in capsys.readouterr().err


def test_no_benchmark_is_forgotten() -> None:
    found = {path.stem for path in HERE.glob("*.py") if "\ndef run(context: Context)" in path.read_text()}

    assert found == set(NAMES)


@pytest.mark.parametrize("pins", ["peers.txt", "peers-npm.txt"])
def test_every_peer_is_pinned(pins: str) -> None:
    lines = [line for line in (HERE / pins).read_text().splitlines() if line and not line.startswith("#")]

    assert lines
    assert all("==" in line or "@" in line for line in lines)


def test_the_version_of_a_peer_is_read_from_its_pin() -> None:
    assert set(read_pins(HERE / "peers-npm.txt", "@")) == {"ajv-cli", "v8r", "@sourcemeta/jsonschema"}
    assert read_pins(HERE / "peers.txt", "==")["rq"] == "3.0.0"


def test_peers_are_installed_outside_of_what_git_knows(checkout: Path) -> None:
    assert ".bench/" in (checkout / ".gitignore").read_text().split()
