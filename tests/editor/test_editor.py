"""What people see while they write specs: the real yaml-language-server over our schemas.

The files in tests/cases/editor hold questions with their whole answers. After a change that is meant,
`make editor ARGS=--update` writes the new answers there; read them before they are committed.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from support.language_server import LanguageServer, is_installed, language_server

from flowerpower.scaffold import new_pipeline, new_schedule
from flowerpower.specs.schema.editor import as_yaml
from flowerpower.specs.schema.examples import EXAMPLES
from flowerpower.specs.schema.schema import KINDS

if not is_installed():
    pytest.skip("there is no language server: make editor", allow_module_level=True)

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests/cases/editor").glob("*.txt"))
FILES = {"project": "flowerpower.yaml", "pipeline": "pipelines/new.yaml", "schedule": "schedules/new.yaml"}
QUESTION = re.compile(r"^=== (\w+) (\w+)\n(.*?)^---\n", re.MULTILINE | re.DOTALL)
GOOD = ("specs/good-project/input/**/*.y*ml", "render/*/live/**/*.yaml", "render/*/wanted/**/*.yaml")


def modeline(kind: str) -> str:
    return f"# yaml-language-server: $schema={'.' if kind == 'project' else '..'}/schemas/{kind}.schema.json\n"


def kind_of(path: Path) -> str:
    return "project" if path.stem == "flowerpower" else "pipeline" if "pipelines" in path.parts else "schedule"


def answer(server: LanguageServer, what: str, kind: str, text: str) -> str:
    """Return what the editor shows, as the cases have it."""
    file, whole = FILES[kind], modeline(kind) + text
    if what == "hover":
        return server.hover(file, whole) + "\n"
    if what == "diagnose":
        return "".join(f"{line}\n" for line in server.diagnose(file, whole)) or "nothing\n"
    offers = server.complete(file, whole)
    lines = []
    for offer in offers:
        lines += [f"* {offer.label}", *(f"    {line}" for line in offer.inserts.split("\n"))]
        if what == "choose":
            lines += [f"  {offer.documentation}"]
    return "".join(f"{line.rstrip()}\n" for line in lines) or "nothing\n"


def answered(server: LanguageServer, case: str) -> str:
    """Return the text of a case with every answer as the server gives it now."""
    parts = []
    for what, kind, text in QUESTION.findall(case):
        parts.append(f"=== {what} {kind}\n{text}---\n{answer(server, what, kind, text)}")
    return "\n".join(parts)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_editor_answers_as_it_is_written_down(
    path: Path, server: LanguageServer, request: pytest.FixtureRequest
) -> None:
    expected = path.read_text(encoding="utf-8")

    found = answered(server, expected)

    if request.config.getoption("--update", default=False):
        path.write_text(found, encoding="utf-8")
    else:
        assert found == expected


def test_good_specs_have_no_squiggle(server: LanguageServer) -> None:
    paths = sorted({path for pattern in GOOD for path in (ROOT / "tests/cases").glob(pattern)})
    heads = [f"# yaml-language-server: $schema={kind_of(path)}.schema.json\n" for path in paths]
    texts = {f"schemas/{n}-{path.name}": heads[n] + path.read_text() for n, path in enumerate(paths)}

    found = server.diagnose_all(texts)

    assert len(paths) > 30
    assert {file: squiggles for file, squiggles in found.items() if squiggles} == {}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_examples_of_the_schemas_have_no_squiggle(kind: str, server: LanguageServer) -> None:
    assert server.diagnose(FILES[kind], modeline(kind) + as_yaml(EXAMPLES[kind]) + "\n") == []


def test_every_spec_of_a_new_project_finds_its_schema_and_is_good(project: Path) -> None:
    new_pipeline(project, "year-end")
    new_schedule(project, "year-end-daily", pipeline="year-end")
    places = ["flowerpower.yaml", "pipelines/*.yaml", "schedules/*.yaml"]
    specs = [path for place in places for path in sorted(project.glob(place))]

    settings = json.loads((project / ".vscode/settings.json").read_text(encoding="utf-8"))

    with language_server(project, settings["yaml.schemas"]) as server:  # as VS Code has it: both ways at once
        for path in specs:
            file, text = str(path.relative_to(project)), path.read_text(encoding="utf-8")
            last = text.count("\n") + 1
            assert server.diagnose(file, text) == [], file
            assert server.diagnose(file, f"{text}unknwn: 1\n") == [f"{last}:1 Property unknwn is not allowed."], file

    assert len(specs) == 5


def test_without_a_modeline_the_settings_of_a_new_project_lead_to_the_schemas(project: Path) -> None:
    settings = json.loads((project / ".vscode/settings.json").read_text(encoding="utf-8"))

    with language_server(project, settings["yaml.schemas"]) as server:
        for file in ("flowerpower.yaml", "pipelines/a.yml", "schedules/eu/a.yaml"):
            assert server.diagnose(file, "name: a\nunknwn: 1\n") == ["2:1 Property unknwn is not allowed."]
        assert server.diagnose("other/a.yaml", "unknwn: 1\n") == []


def test_the_strictest_validator_has_nothing_to_say_about_the_schemas() -> None:
    schemas = [str(ROOT / "schemas" / f"{kind}.schema.json") for kind in KINDS]
    command = ["node", str(Path(__file__).parent / "compile_strictly.js"), *schemas]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
