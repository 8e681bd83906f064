"""Mistakes that authors of plug-ins make, each told with what it is in, and none called a bug of ours."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from flowerpower.pipelines.run import Access

from .conftest import Project
from .test_storage import message_of

PLUGIN = """
from flowerpower.pipelines.formats import Format, PlaceFormat

def give(place, kind, options):
    return place.path

def take(value, place, options):
    pass

def raises(path, files, options, writing):
    raise KeyError("endpoint")

RAISES = PlaceFormat(give, take, raises)
FORGETS = PlaceFormat(give, take, lambda path, files, options, writing: None)
EMPTY = Format(lambda handle, kind, options: None, take)
EMPTY_PLACE = PlaceFormat(lambda place, kind, options: None, take, lambda path, files, options, writing: path)

def nothing(setting):
    return None

class Watcher:
    def run_after_node(self, **values):
        pass

def misnamed(setting):
    return Watcher()

class Good:
    def post_node_execute(self, **values):
        pass

def notebook(setting):
    return Good()
"""
POINTS = """[flowerpower.io]
raises = fp_mistakes:RAISES
forgets = fp_mistakes:FORGETS
empty = fp_mistakes:EMPTY
empty_place = fp_mistakes:EMPTY_PLACE
[flowerpower.adapters]
nothing = fp_mistakes:nothing
misnamed = fp_mistakes:misnamed
notebook = fp_mistakes:notebook
"""
ACCESS = Access(plugins=("mistakes",))


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    (site / "mistakes-1.0.dist-info").mkdir(parents=True)
    (site / "mistakes-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: mistakes\nVersion: 1.0\n")
    (site / "mistakes-1.0.dist-info/entry_points.txt").write_text(POINTS)
    (site / "fp_mistakes.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture
def flow(project: Project) -> Project:
    (project.root / "x").write_text("x")
    return project.module("flow", "def out(raw: str) -> str:\n    return raw\ndef made() -> str:\n    return 'a'\n")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("raises", "load.raw: format raises could not prepare x: KeyError: 'endpoint'"),
        ("forgets", "load.raw: format forgets: its `prepare` returned a NoneType, where it should return a text"),
        ("empty", "its reader returned nothing, the node wants a str"),
        ("empty_place", "its reader returned nothing, the node wants a str"),
    ],
)
def test_a_format_that_forgets_something_is_named(flow: Project, form: str, said: str) -> None:
    assert said in message_of(flow, "out", load={"raw": {"format": form, "path": "x"}}, access=ACCESS)


def test_a_place_that_cannot_be_prepared_fails_the_save_before_anything_runs(flow: Project) -> None:
    entry = {"outputs": ["made"], "format": "raises", "path": "https://u:hunter2@host.example/x"}

    message = message_of(flow, "made", save=[entry], access=ACCESS)

    assert "save[0]: format raises could not prepare https://host.example/x: KeyError" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(("name", "kind"), [("nothing", "NoneType"), ("misnamed", "Watcher")])
def test_an_adapter_that_hears_nothing_says_so(
    flow: Project, name: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "flowerpower.run"):
        flow.run("made", adapters=[name, "notebook"], access=ACCESS)

    assert caplog.messages == [
        f"the adapter {name!r} hears nothing: a {kind} has no method named as an event of Hamilton"
    ]


def test_a_name_that_is_nearly_that_of_a_plugin_is_understood(flow: Project) -> None:
    assert "did you mean 'notebook'" in message_of(flow, "made", adapters=["notebok"], access=ACCESS)
