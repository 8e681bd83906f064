"""Plug-ins by entry point, from distributions that really lie on the path."""

from pathlib import Path

import pytest

from flowerpower.plugins import PluginWarning, load_plugin, plugin_names

GROUP = "flowerpower.test"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for distribution, points in {
        "good_one": "hello = fp_good_plugin:hello",
        "broken-one": "broken = fp_broken_plugin:nothing\nhalf = fp_good_plugin:absent",
    }.items():
        folder = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{points}\n")
    (tmp_path / "fp_good_plugin.py").write_text("def hello():\n    return 'hello'\n")
    (tmp_path / "fp_broken_plugin.py").write_text("raise RuntimeError('boom')\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_plugin_is_loaded_by_name() -> None:
    hello = load_plugin(GROUP, "hello")

    assert hello is not None
    assert hello() == "hello"


def test_names_are_listed_without_loading_anything() -> None:
    assert plugin_names(GROUP) == ("broken", "half", "hello")


@pytest.mark.parametrize("name", ["broken", "half"])
def test_a_broken_plugin_is_a_warning_that_names_its_distribution(name: str) -> None:
    with pytest.warns(PluginWarning, match=f"'{name}' of broken-one could not be loaded"):
        assert load_plugin(GROUP, name) is None


def test_a_plugin_that_nobody_has_is_none() -> None:
    assert load_plugin(GROUP, "other") is None


def test_only_named_distributions_are_looked_at() -> None:
    assert load_plugin(GROUP, "hello", distributions=["broken-one"]) is None
    assert load_plugin(GROUP, "hello", distributions=["Good.One"]) is not None
    assert plugin_names(GROUP, distributions=[]) == ()
