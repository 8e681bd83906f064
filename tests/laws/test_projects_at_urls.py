"""The same files are the same project, wherever they lie: its texts, its mistakes and its digest."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import fsspec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores import in_archive, in_memory, write_files

from flowerpower.errors import Problem
from flowerpower.specs.checks import check_sources
from flowerpower.specs.files.reading import MAX_SPEC_BYTES
from flowerpower.specs.files.sources import Sources, read

FOLDERS = ("pipelines", "schedules", "flows", "lib", "Flows", ".git", "node_modules", "a b", "ü", "x[1]")
NAMES = ("a.yaml", "b.yml", "c.YAML", "d.yaml.txt", "e.py", ".f.yaml", "g", "h%20.yaml", "i?*.yaml", "__init__.py", "~")
CONTENTS = (
    b"",
    b"modules: [e]\noutputs: [made]\n",
    b"pipeline: a\nevery: 1h\n",
    b"def made() -> int:\n    return 1\n",
    b"\xff",
    b"#" * MAX_SPEC_BYTES,
    b"#" * (MAX_SPEC_BYTES + 1),
)
PROJECTS = (
    b"name: acme\n",
    b"name: acme\nmodules: [flows, lib]\n",
    b"name: acme\nmodules: [., flows/]\n",
    b"name: acme\nmodules: [pipelines, ../x, /etc, lib/../x, gone]\nenvironments: {prod: {modules: [lib/\xc3\xbc]}}\n",
    b"name: [\n",
)
PATHS = st.builds(
    lambda folders, name: "/".join([*folders, name]),
    st.lists(st.sampled_from(FOLDERS), max_size=3),
    st.sampled_from(NAMES),
)
OTHERS = st.dictionaries(PATHS, st.sampled_from(CONTENTS), max_size=12)


@settings(max_examples=150, deadline=None)
@given(OTHERS, st.sampled_from(PROJECTS), st.sampled_from(["flowerpower.yaml", "flowerpower.yml"]))
def test_a_project_is_the_same_in_a_folder_in_memory_and_in_an_archive(
    others: dict[str, bytes], project: bytes, name: str
) -> None:
    files = {**others, name: project}
    with TemporaryDirectory() as folder:
        root = Path(folder)
        here = read(write_files(root / "acme", files))
        memory = in_memory(files)
        found = [read(memory.filesystem), read(in_archive(root / "acme.zip", files).filesystem)]
    fsspec.filesystem("memory").rm(memory.url, recursive=True)

    assert found == [here, here]
    assert {each.digest for each in found} == {here.digest}
    assert problems(found[0]) == problems(here)


def problems(sources: Sources) -> tuple[Problem, ...]:
    return tuple(check_sources(sources, env="prod", variables={}, now=1_800_000_000).problems)
