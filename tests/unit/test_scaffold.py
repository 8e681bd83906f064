"""A new project: complete, named well, and never at the cost of what was there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.errors import FlowerPowerError, UsageError
from flowerpower.scaffold import Timing, init, name_from, new_pipeline, new_schedule, start_repository
from flowerpower.specs.files.sources import read
from flowerpower.specs.loader import Loaded, load

VALID_NAME = re.compile(r"[a-z][a-z0-9_]*(-[a-z0-9_]+)*")


def tree(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def load_project(folder: Path, env: str = "default") -> Loaded:
    return load(read(folder).texts, env=env, variables={})


def uncommented(text: str) -> str:
    """Return *text* with every commented field in force."""
    return re.sub(r"^( *)# ( *[a-z_]+:(?: |$))", r"\1\2", text, flags=re.MULTILINE)


def run_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")


def test_a_new_project_has_all_its_parts(tmp_path: Path) -> None:
    files = init(tmp_path / "acme")

    assert set(files) == tree(tmp_path / "acme")
    names = {str(file) for file in files}
    assert {"flowerpower.yaml", "pipelines/licences.yaml", "flows/licences.py", "README.md", ".gitignore"} <= names
    assert {".pre-commit-config.yaml", ".vscode/settings.json", ".github/workflows/flowerpower.yml"} <= names
    assert {"compose.yaml", "Dockerfile", ".dockerignore", ".env.example", ".copier-answers.yml"} <= names
    schemas = {name.removeprefix("schemas/") for name in names if name.startswith("schemas/")}
    assert schemas == {"project.schema.json", "pipeline.schema.json", "schedule.schema.json"}


def test_every_variable_is_filled_in(tmp_path: Path) -> None:
    init(tmp_path, name="acme-data")

    assert yaml.safe_load((tmp_path / "flowerpower.yaml").read_text())["name"] == "acme-data"
    left = [
        file
        for file in tree(tmp_path)
        if file.suffix == ".jinja" or re.search(r"\[\[ |\[% ", (tmp_path / file).read_text())
    ]
    assert left == []


def test_every_spec_has_a_modeline_that_leads_to_a_schema_which_accepts_it(tmp_path: Path) -> None:
    init(tmp_path)

    for file in ["flowerpower.yaml", "pipelines/licences.yaml", "schedules/licences_hourly.yaml"]:
        found = re.match(r"# yaml-language-server: \$schema=(\S+)", (tmp_path / file).read_text())
        assert found, file
        schema = (tmp_path / file).parent / found[1]
        jsonschema.validate(yaml.safe_load((tmp_path / file).read_text()), json.loads(schema.read_text()))


def test_a_new_project_is_valid(tmp_path: Path) -> None:
    init(tmp_path, name="acme")

    loaded = load_project(tmp_path)

    assert loaded.problems == ()
    assert loaded.project is not None
    assert (set(loaded.project.pipelines), set(loaded.project.schedules)) == ({"licences"}, {"licences_hourly"})


@pytest.mark.parametrize("env", ["default", "staging", "prod"])
def test_the_fields_shown_as_comments_are_valid_too(tmp_path: Path, env: str) -> None:
    init(tmp_path)
    for path in (tmp_path / name for name in read(tmp_path).texts):
        path.write_text(uncommented(path.read_text()))
    assert {"queues", "policies", "environments"} <= set(yaml.safe_load((tmp_path / "flowerpower.yaml").read_text()))

    loaded = load_project(tmp_path, env)

    assert [problem for problem in loaded.problems if problem.severity == "error"] == []


def test_new_specs_are_valid_and_all_tests_of_the_project_pass(tmp_path: Path) -> None:
    init(tmp_path)

    files = new_pipeline(tmp_path, "year-end") + new_schedule(tmp_path, "year-end-daily", pipeline="year-end")

    assert [str(file) for file in files] == [
        "flows/year_end.py",
        "pipelines/year-end.yaml",
        "tests/test_year_end.py",
        "schedules/year-end-daily.yaml",
    ]
    assert load_project(tmp_path).problems == ()
    done = run_tests(tmp_path)
    assert done.returncode == 0, done.stdout


def test_specs_in_folders_of_their_own_find_their_schemas(tmp_path: Path) -> None:
    init(tmp_path)

    files = new_pipeline(tmp_path, "eu/north/year-end") + new_schedule(tmp_path, "eu/daily", pipeline="year-end")

    assert [str(file) for file in files] == [
        "flows/year_end.py",
        "pipelines/eu/north/year-end.yaml",
        "tests/test_year_end.py",
        "schedules/eu/daily.yaml",
    ]
    for file in (files[1], files[3]):
        found = re.match(r"# yaml-language-server: \$schema=(\S+)", (tmp_path / file).read_text())
        assert found, file
        assert (tmp_path / file).parent.joinpath(found[1]).resolve().parent == tmp_path / "schemas"
    assert load_project(tmp_path).problems == ()


def test_a_project_without_schemas_gets_no_modeline_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "flowerpower.yaml").write_text("name: acme\n")

    new_pipeline(tmp_path, "year-end")
    new_schedule(tmp_path, "daily", pipeline="year-end")

    assert (tmp_path / "pipelines/year-end.yaml").read_text().startswith("description: ")
    assert (tmp_path / "schedules/daily.yaml").read_text() == (
        'pipeline: year-end\ncron: "0 6 * * *" # every day at six\n'
    )


@pytest.mark.parametrize(
    ("timing", "lines"),
    [
        (Timing(cron="*/5 * * * *"), 'cron: "*/5 * * * *"\n'),
        (Timing(cron="@daily", timezone="Asia/Tokyo"), 'cron: "@daily"\ntimezone: Asia/Tokyo\n'),
        (Timing(every="15m"), "every: 15m\n"),
        (Timing(at="2027-01-01 06:00"), "at: 2027-01-01 06:00\n"),
        (Timing(timezone="UTC"), 'cron: "0 6 * * *" # every day at six\ntimezone: UTC\n'),
    ],
)
def test_a_new_schedule_fires_when_it_is_told_to(tmp_path: Path, timing: Timing, lines: str) -> None:
    init(tmp_path)

    [file] = new_schedule(tmp_path, "often", pipeline="licences", timing=timing)

    assert (tmp_path / file).read_text().endswith(f"\n\npipeline: licences\n{lines}")
    assert load_project(tmp_path).problems == ()
    assert timing.trigger("UTC").timezone == (timing.timezone or "UTC")


@pytest.mark.parametrize("timing", [Timing(cron="* *"), Timing(every="soon"), Timing(at="x"), Timing("@daily", "1h")])
def test_a_timing_that_cannot_be_read_is_refused(timing: Timing) -> None:
    with pytest.raises(FlowerPowerError) as caught:
        timing.trigger("UTC")

    assert caught.value.hint


def test_a_new_spec_never_replaces_another(tmp_path: Path) -> None:
    init(tmp_path)
    before = (tmp_path / "pipelines/licences.yaml").read_bytes()

    with pytest.raises(UsageError, match=r"flows/licences\.py"):
        new_pipeline(tmp_path, "licences")
    with pytest.raises(UsageError, match="schedule's name"):
        new_schedule(tmp_path, "../licences", pipeline="licences")

    assert (tmp_path / "pipelines/licences.yaml").read_bytes() == before


@pytest.mark.parametrize("path", ["flows/sales.py", "lib/sales.py", "lib/sales/__init__.py"])
def test_a_module_that_exists_is_not_made_again(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("")

    with pytest.raises(UsageError, match=f"there is a module sales already, in {re.escape(path)}"):
        new_pipeline(tmp_path, "sales", folders=("flows", "lib"))

    assert tree(tmp_path) == {Path(path)}


def test_a_pipeline_whose_module_would_hide_a_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="would hide the installed package"):
        new_pipeline(tmp_path, "pandas")


@pytest.mark.parametrize("name", ["json", "class"])
def test_a_pipeline_whose_module_would_hide_pythons_own_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="Python has its own"):
        new_pipeline(tmp_path, name)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("acme", "acme"),
        ("My Data Flows", "my-data-flows"),
        ("Über Größe", "uber-grosse"),
        ("2026-reports", "project-2026-reports"),
        ("数据", "project"),
        ("a--b..c", "a-b-c"),
        ("_private_", "private"),
        ("True", "project-true"),
    ],
)
def test_a_project_is_named_after_its_folder(folder: str, name: str) -> None:
    assert name_from(Path("/tmp") / folder) == name


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_any_folder_gives_a_valid_name(folder: str) -> None:
    name = name_from(Path("/") / folder)

    assert VALID_NAME.fullmatch(name)
    assert len(name) <= 63
    assert name not in ("true", "false", "null")


def test_a_folder_with_spaces_and_unicode_works(tmp_path: Path) -> None:
    target = tmp_path / "Müller & Söhne" / "数据 flows"

    assert set(init(target)) == tree(target)


@pytest.mark.parametrize("name", ["Acme", "2fast", "a--b", "-a", "a b", "", "x" * 64, "acme\n", "true", "null"])
def test_an_invalid_name_is_refused_with_a_better_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a project's name") as caught:
        init(tmp_path, name=name)

    assert VALID_NAME.fullmatch(caught.value.hint.rsplit(" ", 1)[-1])
    assert tree(tmp_path) == set()


def test_nothing_is_overwritten_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "flows").write_text("a file where a folder should be")

    with pytest.raises(UsageError, match="nothing was written") as caught:
        init(tmp_path)

    assert "README.md" in str(caught.value)
    assert "flows/licences.py" in str(caught.value)
    assert "pipelines" not in str(caught.value)
    assert tree(tmp_path) == {Path("README.md"), Path("flows")}
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_dangling_link_counts_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "README.md").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UsageError, match=r"README\.md"):
        init(tmp_path)

    assert not (tmp_path / "elsewhere").exists()


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    init(tmp_path)

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_second_init_is_refused(tmp_path: Path) -> None:
    init(tmp_path)

    with pytest.raises(UsageError, match=r"flowerpower\.yaml"):
        init(tmp_path)


def test_a_file_as_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "acme").write_text("mine")

    with pytest.raises(UsageError, match="is not a folder"):
        init(tmp_path / "acme")


def test_a_target_that_cannot_be_written_leaves_nothing_behind() -> None:
    with pytest.raises(UsageError, match="nothing was left behind") as caught:
        init(Path("/proc/acme/deep"))  # nobody can write there, not even root

    assert "can write" in caught.value.hint


def test_a_failure_half_way_takes_back_what_was_written(tmp_path: Path) -> None:
    limited = "import resource, sys; from pathlib import Path; from flowerpower.scaffold import init\n"
    limited += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"  # the larger files do not fit
    limited += "init(Path(sys.argv[1]))"

    done = subprocess.run(
        [sys.executable, "-B", "-c", limited, str(tmp_path / "acme")], capture_output=True, text=True, check=False
    )

    assert "nothing was left behind" in done.stderr
    assert not (tmp_path / "acme").exists()


@pytest.mark.usefixtures("author")
def test_the_first_commit_holds_the_project(tmp_path: Path) -> None:
    files = init(tmp_path)

    assert start_repository(tmp_path, files) == "committed"

    assert git(tmp_path, "status", "--porcelain") == ""
    assert {Path(line) for line in git(tmp_path, "ls-files").splitlines()} == set(files)
    assert git(tmp_path, "branch", "--show-current").strip() == "main"


@pytest.mark.usefixtures("author")
def test_inside_a_repository_git_is_left_alone(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    files = init(tmp_path / "data")

    assert start_repository(tmp_path / "data", files) == "already in one"
    assert not (tmp_path / "data" / ".git").exists()
    assert git(tmp_path, "diff", "--cached", "--name-only") == ""


def test_without_an_identity_the_files_wait_for_their_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tuseConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    files = init(tmp_path / "acme")

    assert start_repository(tmp_path / "acme", files) == "not committed"
    assert len(git(tmp_path / "acme", "diff", "--cached", "--name-only").splitlines()) == len(files)


def test_without_git_the_project_is_complete_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = init(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert start_repository(tmp_path, files) == "no git"
