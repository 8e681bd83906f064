"""A format of somebody else: the example package is built, installed without any network, and used by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import Answer, CommandLine

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


def run(folder: Path, site: Path, plugins: str) -> Answer:
    for path, text in {
        "flowerpower.yaml": f"name: acme\nplugins: {plugins}\n",
        "pipelines/p.yaml": PIPELINE,
        "flows/flow.py": FLOW,
        "in.ini": "[größe]\na = 21\n",
    }.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return CommandLine(folder)("run", "p", PYTHONPATH=str(site))


def test_a_format_of_an_installed_package_is_used_by_name(tmp_path: Path, site: Path) -> None:
    done = run(tmp_path, site, "[flowerpower-inifile]")

    assert done.code == 0, done.err
    assert (tmp_path / "out.ini").read_text(encoding="utf-8") == "[größe]\na = 42\n\n"


def test_a_plugin_that_the_project_does_not_name_is_not_loaded(tmp_path: Path, site: Path) -> None:
    done = run(tmp_path, site, "[]")

    assert done.code == 1
    assert "load.raw: there is no format 'ini'" in done.err
    assert "name its distribution under `plugins:`" in done.err


def test_a_plugin_that_is_not_installed_says_what_to_install(tmp_path: Path) -> None:
    done = run(tmp_path, tmp_path, "[flowerpower-inifile]")

    assert done.code == 1
    assert "the plug-in 'flowerpower-inifile' is not installed here: pip install flowerpower-inifile" in done.err
