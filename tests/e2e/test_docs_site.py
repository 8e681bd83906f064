"""The documentation is a site that builds strictly, fetches nothing from elsewhere, and breaks when a link does."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
SMALL = {
    "index.md": "# Start\n\n[other](other.md#here) and [the licence](../LICENSE)\n",
    "site.css": "",
    "search.js": "",
    "other.md": "# Other\n\n## Here\n",
}
BROKEN = {
    "a page that is not there": ({"index.md": "[gone](gone.md)\n"}, "gone.md"),
    "a place that is not there": ({"index.md": "[gone](other.md#gone)\n"}, "#gone"),
    "a file of the repository that is not there": ({"index.md": "[gone](../GONE.md)\n"}, "GONE.md"),
    "a page that the navigation does not have": ({"more.md": "# More\n"}, "more.md"),
    "a page of the navigation that nobody wrote": ({"other.md": None}, "other.md"),
}

FETCHED = re.compile(
    r"<(?:script|img|iframe)[^>]+src=.?(?:https?:)?//"
    r"|<link[^>]+rel=.?(?:stylesheet|preconnect|preload|icon)[^>]+href=.?(?:https?:)?//"
)


def build(folder: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "properdocs", "build", "--config-file", str(folder / "properdocs.yml")]
    return subprocess.run([*command, "--site-dir", str(target)], capture_output=True, text=True, check=False)


def small_site(folder: Path) -> Path:
    """Write a site of two pages with the settings of the real one."""
    settings = (DOCS.parent / "properdocs.yml").read_text(encoding="utf-8")
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(DOCS.parent / ".ci/site_links.py", folder / ".ci")
    (folder / "LICENSE").touch()
    (folder / "docs").mkdir()
    for name, text in SMALL.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    head = settings[: settings.index("\nnav:")].replace("name: material", "name: null")  # which is quicker
    head = re.sub(r"  font: false(?:.*\n)+?(?=\nextra_css)", "  custom_dir: theme\n", head)
    (folder / "theme").mkdir()
    (folder / "theme/main.html").write_text("{{ page.content }}", encoding="utf-8")
    (folder / "properdocs.yml").write_text(head + "\nnav: [index.md, other.md]\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real site, built strictly."""
    target = tmp_path_factory.mktemp("site")
    done = build(DOCS.parent, target)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, str]:
    """What each page of the site is in HTML."""
    return {str(path.relative_to(site)): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def test_the_site_builds_strictly_and_fetches_nothing(pages: dict[str, str]) -> None:
    assert len(pages) > 50
    assert [path for path, text in pages.items() if FETCHED.search(text)] == []
    lists = [path for path, text in pages.items() if re.search(r"<p>[^<]*\n[-*] ", text)]
    assert lists == [], "a list needs an empty line before it"


@pytest.mark.skipif(not shutil.which("node"), reason="the search of the site is asked with Node.js")
def test_flags_are_found_as_they_are_typed(site: Path) -> None:
    script = DOCS.parent / "tests/support/search_site.js"
    plain = {
        "--approved": "approved",
        "plan --out": "plan out",
        "--allow-deletes 12": "allow-deletes 12",
        "-n 5": "n 5",
    }
    without = {"redis -cluster": "redis cluster"}
    queries = [*plain, *plain.values(), *without, *without.values()]

    done = subprocess.run(["node", str(script), str(site), *queries], capture_output=True, text=True, check=True)

    found = json.loads(done.stdout)
    assert {flag: found[flag] for flag in plain} == {flag: found[words] for flag, words in plain.items()}
    assert "cli.html#approved" in found["--approved"]
    assert all(found[words] != found[query] for query, words in without.items()), "one dash leaves pages out, as ever"


def test_every_page_loads_what_lets_flags_be_found(pages: dict[str, str]) -> None:
    lacking = [path for path, text in pages.items() if not re.search(r'<script src="[./]*search.js">', text)]
    assert [path for path in lacking if path != "404.html"] == []


def test_a_bar_in_a_table_is_shown_without_its_escape(pages: dict[str, str]) -> None:
    assert "<code>--color auto|always|never</code>" in pages["cli.html"]
    assert [path for path, text in pages.items() if re.search(r"<td>[^\n]*\\\|", text)] == []


def test_a_long_page_has_headings_to_find_ones_way_by() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}

    assert [name for name, text in texts.items() if len(text.split()) > 600 and text.count("\n## ") < 2] == []


def test_a_heading_has_one_name_and_keeps_it(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        names = [name for name in re.findall(r' id="([^"]+)"', text) if not name.startswith("__")]
        assert sorted(set(names)) == sorted(names), path
    assert '<h3 id="schedule-pipeline">' in pages["specs.html"]


def test_the_button_of_a_console_copies_its_commands_and_nothing_else(pages: dict[str, str]) -> None:
    hidden = "[data-md-copying] :is(.gp, .go), [data-md-copying]:has(.gp) .c1 { display: none; }"
    assert hidden in (DOCS / "site.css").read_text(encoding="utf-8")

    consoles = [
        (path, block)
        for path, text in pages.items()
        for block in re.findall(r'<div class="highlight"><pre>(.*?)</pre>', text, re.DOTALL)
        if html_text(block).startswith("$ ")
    ]
    assert len(consoles) > 50
    for path, block in consoles:
        commands = re.findall(r"^\$ (.*?)(?: +#.*)?$", html_text(block), re.MULTILINE)
        copied = html_text(re.sub(r'<span class="(?:g[op]|c1)">[^<]*</span>', "", block))
        assert [line.rstrip() for line in copied.splitlines() if line] == commands, path


def test_what_people_type_fits_into_the_column(pages: dict[str, str]) -> None:
    assert ".md-typeset pre > code { font-size: .75em; }" in (DOCS / "site.css").read_text(encoding="utf-8")

    blocks = [block for text in pages.values() for block in re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)]
    typed = [line for block in blocks for line in html_text(block).splitlines() if line.startswith("$ ")]
    assert len(typed) > 100
    assert [line for line in typed if len(line) > 120] == []


def html_text(part: str) -> str:
    """Return what a browser shows of a part of a page."""
    return html.unescape(re.sub(r"<[^>]*>", "", part))


def test_a_small_site_without_mistakes_builds(tmp_path: Path) -> None:
    assert build(small_site(tmp_path / "site"), tmp_path / "built").returncode == 0


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_page_fails_the_build(what: str, tmp_path: Path) -> None:
    folder = small_site(tmp_path / "site")
    files, said = BROKEN[what]
    for name, text in files.items():
        file = folder / "docs" / name
        file.unlink() if text is None else file.write_text(text, encoding="utf-8")

    done = build(folder, tmp_path / "bad")

    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize("drawing", sorted(DOCS.rglob("*.svg")), ids=lambda path: path.stem)
def test_a_drawing_can_be_read_by_day_and_night_and_aloud(drawing: Path) -> None:
    text = drawing.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)

    assert root.get("aria-label")
    assert "prefers-color-scheme: dark" in text
    assert "<script" not in text
    assert drawing.stat().st_size < 8000
    assert any(f"]({drawing.name})" in page.read_text(encoding="utf-8") for page in drawing.parent.glob("*.md"))
