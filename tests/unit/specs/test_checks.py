"""Specs and code together: what is told of a whole project, and that each mistake is told once."""

from __future__ import annotations

from flowerpower.errors import Problem
from flowerpower.specs.checks import check_sources
from flowerpower.specs.files.reading import Sources

PROJECT = {
    "flowerpower.yaml": "name: acme\n",
    "pipelines/sales.yaml": "modules: [flow]\noutputs: [total]\n",
}
FLOW = "def total(day: str, region: str = 'EU') -> int:\n    return 1\n"


def problems_of(texts: dict[str, str], flow: str = FLOW) -> list[Problem]:
    everything = {**PROJECT, **texts}
    specs = {file: text.encode() for file, text in everything.items()}
    sources = Sources(specs, (), {"flows/flow.py": flow.encode()})
    return list(check_sources(sources, env="default", variables={}, now=1_790_000_000).problems)


def told(texts: dict[str, str], flow: str = FLOW) -> list[tuple[str, str]]:
    return [(problem.code, str(problem.place)) for problem in problems_of(texts, flow)]


def test_a_null_that_is_written_is_told_also_above_a_broken_line() -> None:
    start = "modules: [flow]\noutputs: [total]\ninputs:\n"

    written = told({"pipelines/sales.yaml": f"{start}  day: null\nowner 'x'\n"})
    open_ = told({"pipelines/sales.yaml": f"{start}  day:\n    'x\nowner: me\n"})

    assert written == [("FP335", "pipelines/sales.yaml:4:8"), ("FP010", "pipelines/sales.yaml:5:1")]
    assert open_ == [("FP010", "pipelines/sales.yaml:5:5")]
