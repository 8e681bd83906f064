"""Modules of a project: found, kept apart, and named with their lines when they are broken."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowerpower.errors import PipelineError
from flowerpower.pipelines.failures import UserCodeError
from flowerpower.pipelines.modules import import_modules, importable, preload

from .conftest import Project


def message_of(project: Project, *outputs: str, **fields: object) -> str:
    with pytest.raises(PipelineError) as caught:
        project.run(*outputs, **fields)
    return str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("text", "place", "error"),
    [
        ("import os\nx = nope\n", "flows/flow.py:2", "NameError"),
        ("def out(:\n", "flows/flow.py:1", "SyntaxError"),
        ("import helper\n", "flows/helper.py:3", "ValueError: helper"),
        ("import not_installed_at_all\n", "flows/flow.py:1", "ModuleNotFoundError"),
        ("\nraise SystemExit(1)\n", "flows/flow.py:2", "SystemExit"),
        ("raise BaseException(1)\n", "flows/flow.py:1", "BaseException"),
    ],
)
def test_a_broken_module_is_named_with_its_line(project: Project, text: str, place: str, error: str) -> None:
    project.module("helper", "\n\nraise ValueError('helper')\n").module("flow", text)

    with pytest.raises(UserCodeError) as caught:
        project.run("out")

    assert str(caught.value).startswith(f"module 'flow' cannot be imported: {place}: {error}")
    assert place in caught.value.details.splitlines()[-2] + caught.value.details.splitlines()[-1]


def test_two_projects_may_use_the_same_module_names(tmp_path: Path) -> None:
    one, two = Project(tmp_path / "one"), Project(tmp_path / "two")
    for project, value in ((one, 1), (two, 2)):
        project.module("helper", f"VALUE = {value}\n").module(
            "flow", "import helper\ndef out() -> int:\n    return helper.VALUE\n"
        )

    found = [project.run("out").values["out"] for project in (one, two, one, two)]

    assert found == [1, 2, 1, 2]


def test_two_projects_with_the_same_module_names_do_not_run_side_by_side(tmp_path: Path) -> None:
    one, two, other = (Project(tmp_path / name) for name in ("one", "two", "other"))
    began, go_on = threading.Event(), threading.Event()

    def wait(node: str) -> None:
        began.set()
        go_on.wait(60)

    for project in (one, two):
        project.module("late", f"WORD = {project.root.name!r}\n")
        project.module("flow", "def out() -> str:\n    import late\n    return late.WORD\n")
    other.module("__init__", "").module("another", "def out() -> str:\n    return 'other'\n")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(one.run, "out", observer=SimpleNamespace(node_started=wait, node_finished=lambda *_: None))
        assert began.wait(60)
        try:
            assert "another thread runs a project that has modules of the same names: flow, late" in message_of(
                two, "out"
            )
            assert other.run("out", modules=["another"]).values["out"] == "other"
        finally:
            go_on.set()

    assert (first.result().values["out"], two.run("out").values["out"]) == ("one", "two")


def test_modules_are_kept_between_runs_of_a_project(project: Project) -> None:
    project.module("flow", "import itertools\ncount = itertools.count()\ndef out() -> int:\n    return next(count)\n")

    assert [project.run("out").values["out"] for _ in range(3)] == [0, 1, 2]


def test_a_module_hidden_by_a_library_is_an_error(project: Project) -> None:
    project.module("json", "def out() -> int:\n    return 1\n")

    assert "module 'json' is hidden by another of the same name" in message_of(project, "out", modules=["json"])


def test_an_import_inside_a_function_finds_the_project(project: Project) -> None:
    project.module("late", "VALUE = 5\n").module("flow", "def out() -> int:\n    import late\n    return late.VALUE\n")
    before = list(sys.path)

    assert project.run("out").values["out"] == 5
    assert sys.path == before


def test_packages_and_dotted_modules_work(project: Project) -> None:
    project.module("pkg/__init__", "").module("pkg/part", "from .base import one\ndef out() -> int:\n    return one\n")
    project.module("pkg/base", "one = 1\n")

    assert project.run("out", modules=["pkg.part"]).values["out"] == 1


def test_preloading_imports_what_it_can_and_reports_the_rest(project: Project) -> None:
    project.module("flow", "def out() -> int:\n    return 1\n").module("bad", "x = nope\n")

    failed = preload(["flow", "bad", "gone"], project.root, ["flows"])

    assert set(failed) == {"bad", "gone"}
    assert "flows/bad.py:1: NameError" in failed["bad"]
    assert sys.modules["flow"].__file__ == str(project.root / "flows/flow.py")


def test_a_module_that_is_written_after_a_look_in_vain_is_found_also_in_a_package(project: Project) -> None:
    package = project.root / "flows" / "parts"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for name in ("late_one", "parts.late_two"):
        with importable(project.root, ["flows", "later"]), pytest.raises(PipelineError, match="there is no module"):
            import_modules([name], project.root, ["flows", "later"])
        inner = project.root / "flows" / f"{name.replace('.', '/')}.py"
        stamp = inner.parent.stat()
        inner.write_text("VALUE = 1\n")
        os.utime(inner.parent, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # as where clocks of file systems are coarse

        with importable(project.root, ["flows", "later"]):
            (found,) = import_modules([name], project.root, ["flows", "later"])

        assert found.VALUE == 1


def test_a_module_folder_that_is_made_after_a_look_in_vain_is_found(project: Project) -> None:
    with importable(project.root, ["flows", "later"]), pytest.raises(PipelineError, match="there is no module"):
        import_modules(["latest"], project.root, ["flows", "later"])
    (project.root / "later").mkdir()
    (project.root / "later" / "latest.py").write_text("VALUE = 2\n")

    with importable(project.root, ["flows", "later"]):
        (found,) = import_modules(["latest"], project.root, ["flows", "later"])

    assert found.VALUE == 2


def test_what_another_thread_imports_meanwhile_does_not_end_a_run(project: Project) -> None:
    class Late(str):
        """A name that is asked for as another thread imports something."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            return str.__eq__(self, other)

        def __ne__(self, other: object) -> bool:
            sys.modules.setdefault("of_another_thread", sys)
            return str.__ne__(self, other)

    try:
        with importable(project.root, ["flows"]):
            sys.modules[Late("told_of_late")] = sys
        assert "of_another_thread" in sys.modules
    finally:
        for name in ("told_of_late", "of_another_thread"):
            sys.modules.pop(name, None)
