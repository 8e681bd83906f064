"""What `--set` gives to a run of what is applied is refused at once, where the code that was applied lies here."""

from __future__ import annotations

import pytest
from support.command_line import CommandLine

from flowerpower import FlowerPowerProject
from flowerpower.errors import UsageError

_WRONG = {
    "a name": ("nmber=4", "there is no node for the input 'nmber'", "did you mean 'number'? It is given already"),
    "a type": (
        "number=many",
        "input 'number': 'many' is not an int",
        "`doubled` in flows/flow.py:1 wants a whole number",
    ),
    "a node": (
        "doubled=4",
        "'doubled' is no input, the graph computes it",
        "to replace it, put it under `overrides`",
    ),
}
_BACKFILL = ("backfill", "hourly", "--from", "3h", "--auto-approve")


def known_runs(line: CommandLine) -> int:
    """Return how many runs there are, by hand or not."""
    return len(line("runs", "--json").document["runs"])


@pytest.mark.parametrize(("pair", "what", "hint"), _WRONG.values(), ids=_WRONG)
@pytest.mark.parametrize("name", ["report", "nightly"])
def test_an_input_that_the_run_would_refuse_is_refused_at_once(
    applied: CommandLine, name: str, pair: str, what: str, hint: str
) -> None:
    answer = applied("trigger", name, "--set", pair)

    assert (answer.code, answer.err.splitlines()) == (1, [f"Error: {what}", f"hint: {hint}"])
    assert known_runs(applied) == 0


def test_all_that_is_wrong_is_told(applied: CommandLine) -> None:
    answer = applied("trigger", "nightly", "--set", "nmber=4", "--set", "number=x", "--json")

    message = answer.document["error"]["message"].splitlines()
    assert [line.partition(":")[0] for line in message] == [
        "there is no node for the input 'nmber' (did you mean 'number'? It is given already)",
        "input 'number'",
    ]


@pytest.mark.parametrize("pair", ["number=4", "number=${secret:NUMBER}", 'number="4"'])
def test_inputs_that_fit_or_that_only_the_run_knows_are_enqueued(applied: CommandLine, pair: str) -> None:
    assert applied("trigger", "nightly", "--set", pair).code == 0
    assert known_runs(applied) == 1


def test_a_pipeline_that_lacks_an_input_is_not_enqueued_without_it(flowerpower: CommandLine) -> None:
    flowerpower.write("pipelines/bare.yaml", "modules: [flow]\noutputs: [doubled]\n")
    assert flowerpower("apply", "--auto-approve", "--allow-dirty").code == 0

    answer = flowerpower("trigger", "bare")

    assert (answer.code, answer.err.splitlines()) == (
        1,
        ["Error: missing input: number (int, needed by doubled)", "hint: give it with --set NAME=VALUE"],
    )
    assert flowerpower("trigger", "bare", "--set", "number=4").code == 0


@pytest.mark.parametrize("kind", ["another", "gone", "broken"])
def test_other_code_than_was_applied_says_nothing_of_inputs(applied: CommandLine, kind: str) -> None:
    file = applied.folder / "flows/flow.py"
    if kind == "gone":
        file.unlink()
    else:
        file.write_text("def doubled(other: int) -> int:\n    return other\n" if kind == "another" else "def (\n")

    answer = applied("trigger", "nightly", "--set", "nope=1")

    assert answer.code == 0, answer.err
    assert known_runs(applied) == 1


def test_edited_code_counts_once_it_is_applied(applied: CommandLine) -> None:
    applied.write("flows/flow.py", "def doubled(number: int, more: int = 0) -> int:\n    return number + more\n")
    assert applied("apply", "--auto-approve", "--allow-dirty").code == 0

    assert applied("trigger", "nightly", "--set", "mre=1").err.splitlines()[-1] == "hint: did you mean 'more'?"
    assert applied("trigger", "nightly", "--set", "more=1").code == 0


def test_other_module_folders_than_were_applied_are_not_looked_into(applied: CommandLine) -> None:
    applied.write("flowerpower.yaml", "name: acme\nmodules: [flows, more]\n")

    assert applied("trigger", "nightly", "--set", "nope=1").code == 0


def test_past_ticks_are_not_run_with_wrong_inputs(applied: CommandLine) -> None:
    backfill = applied(*_BACKFILL, "--set", "nmber=4")
    assert (backfill.code, backfill.err.splitlines()[-1]) == (1, "hint: did you mean 'number'? It is given already")
    assert known_runs(applied) == 0


def test_python_names_its_own_arguments(applied: CommandLine, redis_url: str) -> None:
    applied.write("pipelines/bare.yaml", "modules: [flow]\noutputs: [doubled]\n")
    assert applied("apply", "--auto-approve", "--allow-dirty").code == 0

    with FlowerPowerProject.load(applied.folder, redis=redis_url) as project:
        with pytest.raises(UsageError, match="no node for the input 'nope'"):
            project.jobs.enqueue("nightly", {"nope": 1})
        with pytest.raises(UsageError, match=r"\(1, 2\) is not an int|\[1, 2\] is not an int"):
            project.jobs.enqueue_in("report", 60, {"number": (1, 2)})
        with pytest.raises(UsageError, match="missing input: number") as raised:
            project.jobs.enqueue("bare")
        assert raised.value.advice == 'give it with inputs={"NAME": VALUE}'
        past = project.jobs.plan_backfill("hourly", "3h").ticks[0].tick
        with pytest.raises(UsageError, match="no node for the input 'nope'"):
            project.jobs.rerun("hourly", past, inputs={"nope": 1})
        assert project.jobs.runs().runs == ()
        assert project.jobs.rerun("hourly", past, inputs={"number": 1}).status() == "queued"
