"""Which files a pipeline's code is made of."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flowerpower.dataflow.reader import code_digest, module_closure

HELPERS = {
    "flows/main.py": b"",
    "flows/helper.py": b"x = 1\n",
    "flows/pkg/__init__.py": b"",
    "flows/pkg/one.py": b"",
    "flows/pkg/deep/__init__.py": b"",
    "flows/pkg/deep/two.py": b"",
    "flows/other.py": b"",
}


def closure_of(main: str, **files: str) -> set[str]:
    texts = {f"flows/{name.replace('__', '/')}.py": text.encode() for name, text in files.items()}
    everything = {**HELPERS, **texts, "flows/main.py": main.encode()}
    return set(module_closure(["main"], everything, ["flows"])) - {"flows/main.py"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import helper", {"helper"}),
        ("import helper as h, os", {"helper"}),
        ("from helper import x", {"helper"}),
        ("from helper import *", {"helper"}),
        ("import pkg", {"pkg/__init__"}),
        ("import pkg.one", {"pkg/__init__", "pkg/one"}),
        ("import pkg.deep.two", {"pkg/__init__", "pkg/deep/__init__", "pkg/deep/two"}),
        ("from pkg import one", {"pkg/__init__", "pkg/one"}),
        ("from pkg.deep import two as t", {"pkg/__init__", "pkg/deep/__init__", "pkg/deep/two"}),
        ("from pkg import *", {"pkg/__init__", "pkg/one", "pkg/deep/__init__"}),
        ("def f():\n    import helper", {"helper"}),
        ("try:\n    import missing\nexcept ImportError:\n    import helper", {"helper"}),
        ("if True:\n    from helper import x", {"helper"}),
        ("class A:\n    async def f(self):\n        from helper import x", {"helper"}),
        ("import importlib\nm = importlib.import_module('helper')", {"helper"}),
        ("from importlib import import_module\nimport_module('pkg.one')", {"pkg/__init__", "pkg/one"}),
        ("__import__('helper')", {"helper"}),
        ("import os, json, pandas", set()),
        ("# import helper\n'import helper'", set()),
        ("frame.eval('a + b')", set()),
    ],
)
def test_every_form_of_import_is_followed(source: str, expected: set[str]) -> None:
    assert closure_of(source) == {f"flows/{name}.py" for name in expected}


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module as load\nload('helper')",
        "import importlib\nload = importlib.import_module",
        "import importlib\nimportlib.import_module('.one', package='pkg')",
        "__import__(name)",
        "__import__('pkg', globals(), locals(), ['one'])",
        "import builtins\nbuiltins.__import__(name)",
        "exec(text)",
        "import importlib.util",
        "from importlib import util",
        "import runpy",
        "import sys\nsys.path.insert(0, 'vendor')",
        "from sys import path\npath.append('vendor')",
        "import importlib\ngetattr(importlib, 'import_' + 'module')('helper')",
    ],
)
def test_an_import_known_only_at_run_time_makes_every_file_count(source: str) -> None:
    assert closure_of(source) == set(HELPERS) - {"flows/main.py"}


def test_an_undecidable_import_in_a_helper_counts_as_much_as_one_in_the_module() -> None:
    assert closure_of("import helper", helper="__import__(name)") == set(HELPERS) - {"flows/main.py"}


def test_relative_imports_start_at_the_package_they_stand_in() -> None:
    files = {
        "flows/pkg/__init__.py": b"from .one import x",
        "flows/pkg/one.py": b"from . import sibling\nfrom .deep import two",
        "flows/pkg/sibling.py": b"",
        "flows/pkg/deep/__init__.py": b"",
        "flows/pkg/deep/two.py": b"from ..cousin import y\nfrom ... import above",
        "flows/pkg/cousin.py": b"",
        "flows/above.py": b"",
        "flows/one.py": b"",
    }

    closure = module_closure(["pkg"], files, ["flows"])

    assert set(closure) == set(files) - {"flows/above.py", "flows/one.py"}


def test_a_circle_of_imports_ends() -> None:
    files = {"flows/a.py": b"import b", "flows/b.py": b"import a"}

    assert module_closure(["a"], files, ["flows"]) == ("flows/a.py", "flows/b.py")


@pytest.mark.parametrize(
    "broken",
    [b"def f(:", b"\x00", b"\xff\xfe", b"# -*- coding: nonsense -*-\n", b"x = " + b"(" * 5000, b"x = " + b"-" * 90_000],
    ids=["syntax", "null", "bytes", "coding", "parentheses", "depth"],
)
def test_a_file_that_does_not_parse_still_counts_itself(broken: bytes) -> None:
    files = {"flows/main.py": b"import helper", "flows/helper.py": broken}

    assert module_closure(["main"], files, ["flows"]) == ("flows/helper.py", "flows/main.py")


def test_a_file_with_an_invalid_escape_is_read_without_a_warning() -> None:
    assert closure_of("import helper\npattern = '\\d'") == {"flows/helper.py"}


@pytest.mark.parametrize("folder", [".", "", "./", "flows", "flows/", "./flows"])
def test_folders_may_be_written_in_any_way(folder: str) -> None:
    prefix = "flows/" if "flows" in folder else ""
    files = {f"{prefix}a.py": b"import b", f"{prefix}b.py": b""}

    assert module_closure(["a"], files, [folder]) == tuple(sorted(files))


def test_files_outside_the_folders_never_count() -> None:
    files = {"flows/a.py": b"import helper\n__import__(name)", "tests/helper.py": b"", "helper.py": b""}

    assert module_closure(["a"], files, ["flows"]) == ("flows/a.py",)


def test_a_namespace_package_needs_no_init_file() -> None:
    files = {"flows/a.py": b"import space.inner", "flows/space/inner.py": b""}

    assert module_closure(["a"], files, ["flows"]) == ("flows/a.py", "flows/space/inner.py")


def test_moving_a_file_changes_the_digest() -> None:
    before = code_digest(["a"], {"one/a.py": b"x = 1"}, ["one", "two"])
    after = code_digest(["a"], {"two/a.py": b"x = 1"}, ["one", "two"])

    assert before != after
    assert len(before) == 64
    assert int(before, 16)


def test_python_itself_loads_no_first_party_file_outside_the_closure(tmp_path: Path) -> None:
    files = {
        "flows/main.py": "import a.b\nfrom c import *\ndef f():\n    from d import e\nf()\n",
        "flows/a/__init__.py": "from . import side\n",
        "flows/a/b.py": "from .side import x\n",
        "flows/a/side.py": "x = 1\n",
        "flows/c/__init__.py": "__all__ = ['inner']\n",
        "flows/c/inner.py": "import importlib\nimportlib.import_module('late')\n",
        "flows/d.py": "try:\n    import gone\nexcept ImportError:\n    import space.e as e\n",
        "flows/space/e.py": "",
        "flows/late.py": "",
        "flows/unused.py": "",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    program = (
        "import sys, json; sys.path.insert(0, 'flows'); import main; "
        "print(json.dumps([m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)]))"
    )

    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=True)
    loaded = {Path(name) for name in json.loads(result.stdout)}
    ours = {path.relative_to(tmp_path).as_posix() for path in loaded if path.is_relative_to(tmp_path)}

    assert ours == set(module_closure(["main"], {path: text.encode() for path, text in files.items()}, ["flows"]))
    assert ours == set(files) - {"flows/unused.py"}
