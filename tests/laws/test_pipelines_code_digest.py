"""Law: the code digest changes with every byte of the closure and with nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flowerpower.dataflow.reader import code_digest, module_closure

NAMES = ["m0", "m1", "m2", "pkg.m3", "pkg.m4", "pkg.sub.m5"]
FORMS = [
    "import {full}",
    "import {full} as x",
    "from {full} import something",
    "from {full} import *",
    "def f():\n    import {full}",
    "try:\n    import {full}\nexcept ImportError:\n    pass",
]


def path_of(name: str) -> str:
    return f"flows/{name.replace('.', '/')}.py"


def reachable(start: str, edges: dict[str, list[str]]) -> set[str]:
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(edges[name])
    return seen


@st.composite
def projects(draw: st.DrawFn) -> tuple[dict[str, bytes], str, dict[str, list[str]]]:
    edges = {name: draw(st.lists(st.sampled_from(NAMES), max_size=3)) for name in NAMES}
    files = {}
    for name, targets in edges.items():
        lines = [draw(st.sampled_from(FORMS)).format(full=target) for target in targets]
        files[path_of(name)] = "\n".join([*lines, f"value = {draw(st.integers(0, 9))}\n"]).encode()
    return files, draw(st.sampled_from(NAMES)), edges


@settings(max_examples=150, deadline=None)
@given(project=projects())
def test_the_closure_is_what_can_be_reached_by_imports(project: tuple[dict[str, bytes], str, dict]) -> None:
    files, start, edges = project

    assert set(module_closure([start], files, ["flows"])) == {path_of(name) for name in reachable(start, edges)}


@settings(max_examples=150, deadline=None)
@given(project=projects(), data=st.data())
def test_any_changed_byte_inside_changes_the_digest_and_none_outside_does(
    project: tuple[dict[str, bytes], str, dict], data: st.DataObject
) -> None:
    files, start, _ = project
    path = data.draw(st.sampled_from(sorted(files)))
    where = data.draw(st.integers(0, len(files[path]) - 1))
    new = data.draw(st.binary(min_size=1, max_size=1).filter(lambda byte: byte != files[path][where : where + 1]))
    changed = {**files, path: files[path][:where] + new + files[path][where + 1 :]}

    inside = path in module_closure([start], files, ["flows"])

    assert (code_digest([start], files, ["flows"]) != code_digest([start], changed, ["flows"])) == inside
