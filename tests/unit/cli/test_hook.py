from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.command_line import FILES, CommandLine

from flowerpower.cli.hook import is_plain_check

HEAVY = {"typer", "pydantic", "yaml", "cronsim", "ruamel", "redis", "hamilton"}


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    for name, text in FILES.items():
        (tmp_path / "acme" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "acme" / name).write_text(text)
    return CommandLine(tmp_path / "acme", {"FLOWERPOWER_CACHE_DIR": str(tmp_path / "cache")})


@pytest.mark.parametrize(
    ("arguments", "variables", "plain"),
    [
        (["validate"], {}, True),
        (["validate", "a.yaml", "b"], {"FLOWERPOWER_VAR_A": "b", "FLOWERPOWER_CACHE_DIR": "/x"}, True),
        (["validate", "--all", "--no-cache", "a"], {}, True),
        (["validate", "--env", "prod", "a"], {}, True),
        (["validate", "a", "--no-cache", "--env=prod"], {}, True),
        (["validate", "--env"], {}, False),
        (["validate", "--env", "--all"], {}, False),
        (["validate", "--env", ""], {}, False),
        (["validate", "--env=prod", "--env", "test"], {}, False),
        (["validate", "--env", "PROD"], {}, False),
        (["validate", "--import"], {}, False),
        (["validate", "-h"], {}, False),
        (["validate", ""], {}, False),
        (["plan"], {}, False),
        ([], {}, False),
        (["validate"], {"FLOWERPOWER_ENV": "prod"}, False),
        (["validate"], {"FLOWERPOWER_VALIDATE_FORMAT": "github"}, False),
    ],
)
def test_what_has_no_flags_is_plain(
    arguments: list[str], variables: dict[str, str], plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("FLOWERPOWER_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert is_plain_check(arguments) is plain


def test_a_plain_check_says_what_one_with_flags_says(command: CommandLine) -> None:
    assert command("validate") == command("validate", "--no-cache") == command("validate", "--color", "never")

    (command.folder / "schedules" / "nightly.yaml").write_text("pipeline: reprot\ncron: '61 * * * *'\n")
    plain, anew = command("validate"), command("validate", "--no-cache", "--color", "never")

    assert plain == anew == command("validate", "flowerpower.yaml")
    assert (plain.code, plain.out.count("FP301"), plain.out.count("FP303")) == (1, 1, 1)
    assert command("validate", "nothing.yaml") == command("validate", "nothing.yaml", "--color", "never")
    for flags in (["--env", "default"], ["--env=nowhere"]):
        assert command("validate", *flags) == command("validate", "--color", "never", *flags)


def test_a_check_of_what_has_not_changed_loads_next_to_nothing(command: CommandLine) -> None:
    time.sleep(2.1)  # files that are younger are not trusted to show a change
    first = command("validate")
    program = (
        "import json, sys; from flowerpower.cli.hook import check_plainly; code = check_plainly([]); "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=command.folder,
        env={**os.environ, **command.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    said, _, loaded = done.stdout.rstrip("\n").rpartition("\n")

    assert f"{said}\n" == first.out
    assert set(json.loads(loaded)) & HEAVY == set()


def test_the_core_of_pydantic_is_loaded_alone_and_is_whole_for_the_code_of_others() -> None:
    program = """
import sys
from flowerpower.settings import complete_core, load_core_alone
load_core_alone()
from flowerpower.specs.compiled import SchemaValidator, ValidationError
print(sorted({"pydantic_core", "pydantic_core.core_schema", "pydantic"} & set(sys.modules)))
import pydantic
class Model(pydantic.BaseModel):
    number: int
try:
    Model(number="x")
except ValidationError as error:
    assert type(error) is pydantic.ValidationError is ValidationError
assert SchemaValidator(Model.__pydantic_core_schema__).validate_python({"number": "5"}) == Model(number=5)
complete_core()
import pydantic_core
assert pydantic_core._pydantic_core.ValidationError is pydantic_core.ValidationError
load_core_alone()
assert "pydantic_core.core_schema" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
