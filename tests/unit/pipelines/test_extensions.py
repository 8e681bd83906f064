"""Hamilton's extensions: only those a pipeline can need, and all of them in doubt."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowerpower.pipelines.extensions import SourceFiles

CHECKOUT = Path(__file__).parents[3]


def loaded_for(tmp_path: Path, *imports: str) -> set[str]:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/helper.py").write_text("")
    (tmp_path / "flows/flow.py").write_text("\n".join([*imports, "def out() -> int:\n    return 1\n"]))
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from flowerpower.pipelines.manager import PipelineManager\n"
        "from flowerpower.specs.models import PipelineSpec\n"
        "spec = PipelineSpec(name='p', modules=('flow',), outputs=('out',))\n"
        "PipelineManager({'p': spec}, Path(sys.argv[1]), ['flows']).run('p')\n"
        "prefix, suffix = 'hamilton.plugins.', '_extensions'\n"
        "print(*[m[len(prefix):-len(suffix)] for m in sys.modules if m.startswith(prefix) and m.endswith(suffix)])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        (["import datetime, helper", "from hamilton.function_modifiers import config"], {"pandas", "numpy"}),
        (["def _late():\n    import polars"], {"pandas", "numpy", "polars", "polars_lazyframe"}),
    ],
)
def test_only_the_extensions_of_imported_libraries_are_loaded(
    tmp_path: Path, imports: list[str], expected: set[str]
) -> None:
    loaded = loaded_for(tmp_path, *imports)

    assert loaded >= expected
    assert ("polars" in loaded) == ("polars" in expected)
    assert not loaded & {"yaml", "matplotlib", "pydantic", "mlflow"}


def test_in_doubt_all_extensions_are_loaded(tmp_path: Path) -> None:
    loaded = loaded_for(tmp_path, "import pydantic", "from hamilton.function_modifiers import load_from")

    assert loaded >= {"pandas", "numpy", "polars", "yaml", "pydantic"}


@pytest.mark.parametrize("closed", ["flows", "flows/flow.py"])
def test_a_file_that_cannot_be_read_is_left_to_its_import(tmp_path: Path, closed: str) -> None:
    path = "flows/flow.py"
    (tmp_path / "flows").mkdir()
    (tmp_path / path).write_text("")
    files = SourceFiles(tmp_path, ["flows"])
    assert path in files
    (tmp_path / closed).chmod(0)
    user = os.geteuid()

    try:
        if not user:
            os.seteuid(65534)  # root may read anything
        assert path not in files
        with pytest.raises(KeyError):
            files[path]
    finally:
        os.seteuid(user)
        (tmp_path / closed).chmod(0o755)
