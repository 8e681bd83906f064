"""The digest of the code that a worker has is the one that apply has recorded, for the same files."""

from __future__ import annotations

from pathlib import Path

from support.command_line import CommandLine
from support.projects import FLOW, wanted, write_project

from flowerpower.jobs.workers.code import code_fingerprint, code_on_disk, commit_at


def test_the_code_of_a_worker_has_the_digest_that_apply_records(tmp_path: Path) -> None:
    write_project(tmp_path, flow=f"import helper\n{FLOW}")
    for name in ("flows/helper.py", "flows/.hidden/other.py", "flows/__pycache__/helper.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("import importlib\nfound = importlib.util.find_spec('x')\n", encoding="utf-8")

    assert code_on_disk(tmp_path, ("flow",), ("flows",)) == wanted(tmp_path).state.pipelines["report"].code


def test_an_edit_of_a_module_or_of_what_it_imports_is_noticed(tmp_path: Path) -> None:
    write_project(tmp_path, flow=f"import helper\n{FLOW}")
    seen = [(code_fingerprint(tmp_path, ["flows"]), code_on_disk(tmp_path, ("flow",), ("flows",)))]
    for text in ("a = 1\n", "a = 2\n"):
        (tmp_path / "flows/helper.py").write_text(text, encoding="utf-8")
        seen.append((code_fingerprint(tmp_path, ["flows"]), code_on_disk(tmp_path, ("flow",), ("flows",))))

    assert len({fingerprint for fingerprint, _ in seen}) == len({digest for _, digest in seen}) == 3


def test_a_link_to_nothing_as_editors_leave_them_hides_no_other_module(tmp_path: Path) -> None:
    write_project(tmp_path)
    seen = [code_fingerprint(tmp_path, ["flows"])]
    for name in (".#a.py", ".#z.py"):
        (tmp_path / "flows" / name).symlink_to("someone@somewhere.123")
    seen.append(code_fingerprint(tmp_path, ["flows"]))
    (tmp_path / "flows/flow.py").write_text(f"{FLOW}# edited\n", encoding="utf-8")
    seen.append(code_fingerprint(tmp_path, ["flows"]))

    assert seen[0] == seen[1] != seen[2]
    assert code_on_disk(tmp_path, ("flow",), ("flows",)) == wanted(tmp_path).state.pipelines["report"].code


def test_the_commit_of_a_worker_is_the_one_it_was_told_or_what_git_says(tmp_path: Path) -> None:
    assert commit_at(tmp_path) == ""
    write_project(tmp_path)
    line = CommandLine(tmp_path)
    line.git("init", "--quiet")
    commit = line.commit()

    assert commit_at(tmp_path) == commit
    write_project(tmp_path, flow="edited = 1\n")
    assert commit_at(tmp_path) == f"{commit}+dirty"
    assert commit_at(tmp_path, "of the image") == "of the image"
