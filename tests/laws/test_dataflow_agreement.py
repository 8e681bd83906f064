"""Law: a graph that is read without running the code, and is decided, is the graph that Hamilton builds.

And what is said of a run of it is what the run itself would say when it starts.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.dataflow import differences, needs_of, real_graph, refusal_of, static_graph
from support.hamilton_modules import projects, values

from flowerpower.dataflow.check import Wanted, check_run, look_closely
from flowerpower.dataflow.graph import Graph
from flowerpower.specs.dataflow_graphs import Graphs

Project = tuple[dict[str, str], list[str], dict[str, object]]
ODD = ["n0", "i0", "c0", "n1_q", "engine", "a_path", "nobody"]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(project=projects())
def test_a_decided_graph_is_the_one_that_hamilton_builds(project: Project) -> None:
    files, modules, config = project
    graph = static_graph(files, modules, config)

    with tempfile.TemporaryDirectory() as folder:
        real = real_graph(Path(folder), files, modules, config)

    if graph.faults or not graph.decided:  # all that is written there is understood, unless Hamilton refuses it
        event("Hamilton refuses it")
        assert isinstance(real, Exception), (graph.faults, graph.reasons)
    else:
        event("a graph")
        assert not isinstance(real, Exception), real
        assert differences(needs_of(graph), real) == {}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(project=projects(), others=st.lists(st.dictionaries(st.sampled_from(["engine", "mode", "n1", "x"]), values)))
def test_a_graph_that_configs_share_is_the_one_of_each(project: Project, others: list[dict[str, object]]) -> None:
    files, modules, config = project
    shared = Graphs({f"flows/{path}": text.encode() for path, text in files.items()}, ["flows"])

    for one in (config, *others, config):
        found, alone = shared.of(tuple(modules), one), static_graph(files, modules, one)

        assert isinstance(found, Graph)
        assert (found.nodes, found.faults, found.reasons) == (alone.nodes, alone.faults, alone.reasons)
        assert found.inputs == alone.inputs


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(project=projects(), data=st.data())
def test_what_is_said_of_a_run_is_what_the_run_says(project: Project, data: st.DataObject) -> None:
    files, modules, config = project
    graph = static_graph(files, modules, config)
    if graph.faults or not graph.decided:
        return
    outputs, inputs, overrides, loads = run = data.draw(runs(graph))
    named = {("outputs", number): name for number, name in enumerate(outputs)}

    wanted = Wanted(named, config, inputs, overrides, loads)
    found = check_run(graph, wanted)
    assert found == look_closely(graph, wanted)
    with tempfile.TemporaryDirectory() as folder:
        said = refusal_of(Path(folder), files, modules, config, run)

    event("refused" if said else "starts")
    whats = [finding.what for finding in found if finding.kind != "missing"]
    missing = {finding.what.split()[2] for finding in found if finding.kind == "missing"}
    left_open = {need for node in graph.nodes.values() for need, how in node.needs.items() if how is None}
    for line in said:
        if line.startswith("missing input"):
            assert missing <= set(re.findall(r"(\w+) \(", line.partition(": ")[2])) <= missing | left_open
        elif not (line.startswith("override ") and " is not a" in line):  # nobody is asked about values here
            assert any(line.startswith(what) for what in whats), (line, whats)
    assert said or {finding.kind for finding in found} <= {"unused"}


@st.composite
def runs(draw: st.DrawFn, graph: Graph) -> tuple[list[str], ...]:
    """Outputs, inputs, overrides and loads, most of them of the graph; often every input is given."""
    nodes, external = sorted(graph.nodes) or ["none"], sorted(graph.inputs.keys() - graph.config.values.keys())
    odd = st.sampled_from(ODD)
    outputs = draw(st.lists(st.sampled_from(nodes) | odd, unique=True, min_size=1, max_size=3))
    given = external if draw(st.booleans()) else draw(st.lists(st.sampled_from([*external, "n0"]), unique=True))
    few = st.lists(st.sampled_from(nodes) | odd, unique=True, max_size=2) if draw(st.booleans()) else st.just([])
    return outputs, given, draw(few), draw(few)
