"""Specs that stand on pages are good ones, and the page about the layout shows what `fmt` makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command_line import CommandLine

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    "docs/index.md",
    "docs/time.md",
    "docs/messages.md",
    "docs/quick-start.md",
    "docs/availability.md",
]
AROUND = {
    "flowerpower.yaml": "name: acme\n",
    "flows/sales.py": "def report(orders: int = 1) -> int:\n    return orders\n",
    "pipelines/sales.yaml": "modules: [sales]\noutputs: [report]\n",
    "pipelines/daily_sales.yaml": "modules: [sales]\noutputs: [report]\n",
    "pipelines/licences.yaml": "modules: [sales]\noutputs: [report]\n",
}


@pytest.mark.parametrize("page", PAGES)
def test_the_specs_of_a_page_are_valid(page: str, tmp_path: Path) -> None:
    line = CommandLine(tmp_path)
    for path, text in AROUND.items():
        line.write(path, text)
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    for number, block in enumerate(blocks):
        named = re.match(r"# ((?:[a-z]+/)?\w+\.yaml)", block)
        path = named[1] if named else f"schedules/one{number}.yaml" if "pipeline:" in block else "flowerpower.yaml"
        line.write(path, block if path != "flowerpower.yaml" else f"name: acme\n{block}")

    answer = line("validate")

    assert blocks
    assert (answer.code, answer.err) == (0, ""), answer.out


def test_the_example_of_the_layout_is_what_fmt_makes(tmp_path: Path) -> None:
    before, after = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/fmt.md").read_text(encoding="utf-8"), re.DOTALL)
    line = CommandLine(tmp_path)
    for path, text in {**AROUND, "schedules/one.yaml": before}.items():
        line.write(path, text)

    assert line("fmt").code == 0
    assert (tmp_path / "schedules/one.yaml").read_text(encoding="utf-8") == after
