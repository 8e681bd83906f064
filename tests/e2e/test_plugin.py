"""A format of somebody else: the example package is built, installed without any network, and used by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower.errors import PipelineError
from flowerpower.pipelines.formats import find_format

PIPELINE = """
modules: [flow]
outputs: [doubled]
load: {raw: {format: ini, path: in.ini}}
save: [{outputs: [doubled], format: ini, path: out.ini}]
"""
FLOW = """
def doubled(raw: dict) -> dict:
    return {section: {key: str(int(value) * 2) for key, value in raw[section].items()} for section in raw}
"""


@pytest.fixture(scope="module")
def site(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    example = checkout / "examples/flowerpower-inifile"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps"]
    subprocess.run([*command, "--target", str(folder), str(example)], check=True)
    return folder


def test_a_format_of_an_installed_package_is_used_by_name(tmp_path: Path, site: Path) -> None:
    line = CommandLine(tmp_path)
    line.write("flowerpower.yaml", "name: acme\nplugins: [flowerpower-inifile]\n")
    line.write("pipelines/p.yaml", PIPELINE)
    line.write("flows/flow.py", FLOW)
    line.write("in.ini", "[größe]\na = 21\n")

    done = line("run", "p", PYTHONPATH=str(site))

    assert done.code == 0, done.err
    assert (tmp_path / "out.ini").read_text(encoding="utf-8") == "[größe]\na = 42\n\n"


def test_a_plugin_that_the_project_does_not_name_is_not_loaded(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))

    with pytest.raises(PipelineError, match="there is no format 'ini'") as caught:
        find_format("ini")

    assert caught.value.hint == (
        "an installed plug-in has it; name its distribution under `plugins:` in flowerpower.yaml"
    )


def test_a_plugin_that_is_not_installed_says_what_to_install() -> None:
    with pytest.raises(PipelineError, match="there is no format 'ini'") as caught:
        find_format("ini", ["flowerpower-inifile"])

    assert caught.value.hint == (
        "the plug-in 'flowerpower-inifile' is not installed here: pip install flowerpower-inifile"
    )
