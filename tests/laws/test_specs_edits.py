"""A check that remembers says after every edit what one says that does not."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerpower.memory import Memory
from flowerpower.specs.checks import check_sources, verdict_of
from flowerpower.specs.environments import declared, verdict_everywhere
from flowerpower.specs.files.cache import VerdictCache
from flowerpower.specs.files.sources import Sources
from flowerpower.specs.shares import left_to_do, taken_apart
from flowerpower.specs.verdict import Question, Verdict

EXAMPLES = int(os.environ.get("FLOWERPOWER_TEST_EDITS", "40"))
NOW = 1_800_000_000  # 2027-01-15
ASKED = Question("default", {}, NOW)
PROJECTS = (
    "name: acme\nqueues: {default: {}, heavy: {}}\nenvironments: {prod: {}, staging: {}}\n",
    "name: acme\nenvironments: {prod: {timezone: Europe/Rome}}\npolicies: {warn: {require: [owner]}}\n",
    (
        "name: acme\nenvironments: {prod: {}, staging: {}}\n"
        "defaults: {schedule: {pipeline: sales, queue: heavy, timeout: 9h}}\n"
        "policies: {enforce: {max_timeout: 6h}, warn: {allowed_queues: [default]}}\n"
    ),
    "name: acme\nredis: redis://:pw@r\nenvironments: {prod: {}, staging: {}}\ndefaults: {pipeline: {modules: [x]}}\n",
    "name: acme\nenvironments: {prod: {}, staging: {}}\ntimezone: Europe/Berln\n",
    "name: acme\nenvironments: {prod: {redis: 3, guards: {max_delets: 1}}, staging: {schedules: paused}}\n",
    "name: acme\nenvironments: {prod: {queues: {default: {}}, policies: {enforce: {require: [owner]}}}, default: {}}\n",
    "name: acme\nenvironments: {prod: {defaults: {schedule: {pipeline: stock, queue: [x]}}}, staging: {nam: x}}\n",
    "name: acme\nenvironments: {prod: 3, staging: {timezone: Mars/X, modules: [x]}, default: {schedules: paused}}\n",
)
MODULES = (
    "def report(region: str) -> str:\n    return region\n\n\ndef total(report: str) -> int:\n    return 1\n",
    "def report() -> str:\n    return ''\n\n\ndef total(report: str, region: str = '') -> int:\n    return 1\n",
    "def report(region: str) -> str:\n    return region\n\n\nif report:\n    def total() -> int:\n        return 1\n",
    "def report(region) -> str:\n    return region\n",
    "def report(:\n",
)
PIPELINES = (
    "modules: [flow]\noutputs: [report]\n",
    "modules: [flow]\noutputs: [total]\ninputs: {region: EU}\nowner: x\n",
    "modules: [flow]\noutputs: [reprot]\n",
    "modules: [flow]\noutputs: [report]\nconfig: {region: '${secret:X}'}\n",
    "modules: [gone]\noutputs: [report]\ntimeout: 8h # flowerpower: ignore FP313 because\n",
    "name: sales\nmodules: [flow]\noutputs: [report]\n",
    "name: stock\nmodules: [flow]\noutputs: [report]\nenvironments: {prod: null}\n",
    (
        "name: stock\nmodules: [flow]\noutputs: [report]\nexecutor: {max_workers: 3}\n---\n"
        "name: sales\nmodules: [flow]\noutputs: [total]\n"
    ),
    "outputs: [report]\n",
    "modules: [flow]\noutputs: report\n",
    "modules: [flow\n",
    "modules: [flow]\noutputs: [report]\nenvironments: {prod: {outputs: [reprot], timout: 1h}, staging: null}\n",
    "modules: [flow]\noutputs: [report]\nenvironments: {staging: {inputs: {region: EU}}, default: {retry: {ma: 1}}}\n",
    "{name: unknown, modules: [flow], outputs: [report]}\n",
)
SCHEDULES = (
    "pipeline: sales\nevery: 1h\n",
    "pipeline: sales\ninputs: {region: EU}\nevery: 1h\n",
    "pipeline: sales\ninputs: {region: EU, more: 1}\ncron: '0 2 * * *'\nowner: y\n",
    "pipeline: stock\nevery: 1h\ninputs: {region: '${var:REGION:-EU}'}\n",
    "pipeline: stock\nevery: 1h\nenvironments: {prod: {pipeline: sales}}\n",
    "every: 1h\nqueue: heavi\n",
    "pipeline: nobody\nevery: 1h\n",
    "pipeline: stock\nevery: soon\n",
    "pipeline: [sales]\nevery: 1h\n",
    "pipeline: sales\nat: 2027-01-15T09:00:00\n",
    "pipeline: sales\nevery: 1h\nend: 2026-01-01\ntimeout: 7h\n",
    "name: nightly\npipeline: ${var:REGION:-sales}\nevery: 1h\n",
    "name: nightly\npipeline: sales\nevery: 1h\nprevious_names: [hourly]\n",
    "name: one\npipeline: sales\nevery: 1h\n---\nname: two\npipeline: stock\nevery: 1h\n",
    "pipeline: unknown\nevery: 1h\ninputs: {region: US}\n",
    "pipeline: sales\nevery: 1h # flowerpower: ignore FP999\n",
    "pipeline: sales\nevery: 1h\ninputs: {region: EU}\nenvironments: {prod: {every: soon}, staging: {queue: heavi}}\n",
    "pipeline: sales\nevery: 1h\nenvironments: {prod: {inputs: {region: '${var:R}'}}, staging: {every: null}}\n",
    "pipeline: stock\nevery: 1h\nenvironments: {prod: null, staging: {pipeline: sales}, gone: {}}\n",
    'pipeline: stock\nevery: 1h\n"envi\\x72onments": {prod: {at: 2020-01-01, every: null}}\n',
    "- pipeline: sales\n",
    "pipeline: sales\nevery: 1h\nafter: [hourly]\n",
    "pipeline: sales\nevery: 1h\n'after' : [nightly, weekly]\nenvironments: {prod: {after: [gone]}, staging: null}\n",
    'pipeline: sales\nevery: 1h\n"aft\\x65r": [deep]\n',
)
FILES: Mapping[str, tuple[str, ...]] = {
    **{f"pipelines/{name}.yaml": PIPELINES for name in ("sales", "stock", "spare")},
    **{f"schedules/{name}.yaml": SCHEDULES for name in ("nightly", "hourly", "weekly", "deep/daily")},
}
QUIET = {  # what no edit touches, so that it is worth to check the rest alone
    "pipelines/quiet.yaml": "modules: [flow]\noutputs: [report]\nowner: z\n",
    "pipelines/extra.yaml": (
        "modules: [flow]\noutputs: [report]\ninputs: {region: EU}\nowner: z\n"
        "environments: {prod: {outputs: [reprot]}, staging: {owner: y}}\n"
    ),
    "schedules/patched.yaml": (
        "pipeline: quiet\nevery: 1h\ninputs: {region: EU}\nowner: z\n"
        "environments: {prod: {timeout: 9h, queue: heavi}, staging: {every: null, at: 2027-01-15T09:00:00}}\n"
    ),
    **{f"schedules/q{n}.yaml": "pipeline: quiet\nevery: 1h\ninputs: {region: EU}\nowner: z\n" for n in range(6)},
}
EDITS = st.sampled_from(sorted(FILES)).flatmap(
    lambda path: st.tuples(st.just(path), st.none() | st.sampled_from(FILES[path]))
)
RARE = st.tuples(st.just("flowerpower.yaml"), st.sampled_from(PROJECTS)) | st.tuples(
    st.just("flows/flow.py"), st.sampled_from(MODULES)
)
QUESTIONS = st.builds(
    Question,
    env=st.sampled_from(["default", "default", "default", "prod"]),
    variables=st.sampled_from([{}, {}, {"REGION": "stock"}]),
    now=st.sampled_from([NOW, NOW, NOW + 3600, NOW + 86_400]),
    every=st.sampled_from([False, False, True, True, True]),
)
STEPS = st.lists(st.tuples(st.lists(EDITS | EDITS | EDITS | RARE, min_size=1, max_size=2), QUESTIONS), max_size=8)
START = st.fixed_dictionaries({}, optional={path: st.sampled_from(some[:4]) for path, some in FILES.items()})


def sources_of(files: Mapping[str, str]) -> Sources:
    texts = {path: text.encode() for path, text in sorted(files.items())}
    modules = {path: texts.pop(path) for path in list(texts) if path.endswith(".py")}
    return Sources(texts, (), modules)


def checked(sources: Sources, asked: Question) -> Verdict:
    if asked.every:
        each = [(env, asked._replace(env=env, every=False)) for env in declared(sources.texts)]
        return verdict_everywhere([(env, checked(sources, question)) for env, question in each])
    return verdict_of(check_sources(sources, env=asked.env, variables=asked.variables, now=asked.now), asked.now)


def told(verdict: Verdict) -> Any:
    """Return what people are told, and until when it is true."""
    counts = verdict.namespace, verdict.pipelines, verdict.schedules, verdict.is_valid, verdict.environments
    return counts, verdict.problems, sorted(ending.next_tick for ending in verdict.endings)


def follow(
    start: Mapping[str, str], steps: Sequence[tuple[Sequence[tuple[str, str | None]], Question]]
) -> list[Verdict]:
    """Check after each step with one cache, compare with a check without, and return what both said."""
    files = {"flowerpower.yaml": PROJECTS[0], "flows/flow.py": MODULES[0], **QUIET, **start}
    said = []
    with TemporaryDirectory() as folder:
        cache = VerdictCache(Path(folder))
        for edits, question in [((), ASKED), *steps]:
            for path, text in edits:
                files.pop(path, None) if text is None else files.__setitem__(path, text)
            sources = sources_of(files)

            remembering = Memory(cache, question, lambda sources=sources: (sources, 0)).verdict  # type: ignore[misc]

            said.append(checked(sources, question))
            assert told(remembering) == told(said[-1])
    return said


@settings(max_examples=EXAMPLES, deadline=None)
@given(start=START, steps=STEPS)
def test_after_every_edit_a_check_that_remembers_says_what_one_says_that_does_not(
    start: dict[str, str], steps: list[Any]
) -> None:
    follow(start, steps)


GOOD = "pipeline: sales\nevery: 1h\ninputs: {region: EU}\n"
LACKING = "pipeline: sales\nevery: 1h\n"
SALES = {"pipelines/sales.yaml": PIPELINES[0]}
AFTER = "after: [s1]\n"
CIRCLE: tuple[Any, ...] = (NOW, [], ["FP310"])
GONE: tuple[Any, ...] = (("s1", None), *CIRCLE)


@pytest.mark.parametrize(
    ("start", "edit", "now", "before", "after"),
    [
        pytest.param(
            {"s1": GOOD, "s2": GOOD}, ("s2", LACKING), NOW, [], ["FP322"], id="one run of several lacks a value"
        ),
        pytest.param(
            {"s1": LACKING, "s2": LACKING}, ("s2", GOOD), NOW, ["FP322"], ["FP322"], id="another has it again"
        ),
        pytest.param(
            {"s1": GOOD.replace("sales", "!tag sales"), "s2": LACKING},
            ("s1", GOOD),
            NOW,
            ["FP012"],
            ["FP322"],
            id="a mistake hid another",
        ),
        pytest.param(
            {"s1": GOOD + "labels: {a: !tag x}\n", "s2": LACKING},
            ("s1", GOOD),
            NOW,
            ["FP012", "FP322"],
            ["FP322"],
            id="a mistake hid nothing",
        ),
        pytest.param({"s1": GOOD}, ("s1", None), NOW, [], ["FP322"], id="nobody runs the pipeline any more"),
        pytest.param({"s1": GOOD + "previous_names: [s3]\n"}, ("s3", GOOD), NOW, [], ["FP308"], id="an earlier name"),
        pytest.param(
            {"s1": GOOD + '"previous\\u005fnames": [s3]\n'}, ("s3", GOOD), NOW, [], ["FP308"], id="a key in escapes"
        ),
        pytest.param({"s1": GOOD}, ("s2", GOOD + "previous_names: [s1]\n"), NOW, [], ["FP308"], id="a present name"),
        pytest.param({"s1": GOOD, "s2": GOOD + AFTER}, ("s1", None), NOW, [], ["FP310"], id="what it comes after goes"),
        pytest.param(
            {"s1": GOOD, "s2": GOOD + AFTER.replace("after", '"aft\\u0065r"')}, *GONE, id="the same, a key in escapes"
        ),
        pytest.param(
            {"s1": GOOD, "s2": GOOD + "labels: {a: &k after}\n" + AFTER.replace("after", "*k ")},
            *GONE,
            id="by an alias",
        ),
        pytest.param({"s1": GOOD, "s2": GOOD + AFTER}, ("s1", GOOD + "after: [s2]\n"), *CIRCLE, id="a circle"),
        pytest.param({"s1": GOOD, "s2": "name: s1\n" + GOOD}, ("s1", None), NOW, ["FP110"], [], id="twice, then once"),
        pytest.param({"s1": GOOD}, ("s2", "name: s1\n" + GOOD), NOW, [], ["FP110"], id="once, then twice"),
        pytest.param(
            {"s1": "pipeline: sales\nat: 2027-01-15T09:00:00\ninputs: {region: EU}\n"},
            *(("s2", GOOD), NOW + 86_400, [], ["FP304"]),
            id="time goes by",
        ),
    ],
)
def test_what_one_file_says_of_another_is_told_after_an_edit(
    start: dict[str, str], edit: tuple[str, str | None], now: int, before: list[str], after: list[str]
) -> None:
    files = {**SALES, **{f"schedules/{name}.yaml": text for name, text in start.items()}}
    (name, text), later = edit, Question("default", {}, now)
    quiet = "pipeline: quiet\nevery: 2h\ninputs: {region: EU}\n"

    said = follow(files, [([(f"schedules/{name}.yaml", text)], later), ([("schedules/q0.yaml", quiet)], later)])

    assert [[problem.code for problem in verdict.problems] for verdict in said] == [before, after, after]


SOUND = {
    "flowerpower.yaml": PROJECTS[0],
    "flows/flow.py": MODULES[0],
    "pipelines/sales.yaml": "modules: [flow]\noutputs: [report]\n",
    "pipelines/stock.yaml": "modules: [flow]\noutputs: [report]\ninputs: {region: EU}\n",
    "schedules/hourly.yaml": "pipeline: sales\nevery: 1h\ninputs: {region: EU}\n",
    "schedules/nightly.yaml": "pipeline: sales\nevery: 1h\ninputs: {region: EU}\n",
    "schedules/weekly.yaml": "pipeline: stock\nevery: 7d\n",
    "schedules/once.yaml": "pipeline: stock\nat: 2027-01-15T09:00:00\n",
}


@pytest.mark.parametrize(
    ("edit", "unknown", "context"),
    [
        ({}, set(), set()),
        ({"schedules/hourly.yaml": "pipeline: sales\nevery: 2h\n"}, {"hourly"}, {"sales"}),
        ({"schedules/hourly.yaml": "pipeline: stock\nevery: 1h\n"}, {"hourly"}, {"sales", "stock"}),
        ({"schedules/hourly.yaml": ""}, set(), set()),
        ({"schedules/new.yaml": "pipeline: stock\nevery: 2h\n"}, {"new"}, {"stock"}),
        ({"pipelines/stock.yaml": "modules: [flow]\noutputs: [total]\n"}, {"stock", "weekly", "once"}, set()),
        ({"schedules/weekly.yaml": "", "schedules/once.yaml": ""}, {"stock"}, set()),
    ],
)
def test_after_an_edit_no_more_is_checked_than_it_concerns(
    edit: dict[str, str], unknown: set[str], context: set[str]
) -> None:
    before = sources_of(SOUND)
    loaded = check_sources(before, env="default", variables={}, now=NOW)
    shares = taken_apart(loaded, before.texts, (), NOW)
    assert shares is not None

    work = left_to_do(shares, sources_of({path: text for path, text in {**SOUND, **edit}.items() if text}).texts, NOW)

    assert work is not None
    stems = [{Path(path).stem for path in paths} for paths in (work.unknown, work.context)]
    assert stems == [unknown, context]
