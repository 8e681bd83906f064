"""The status as a page, as a document with a schema, and on a screen."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from support.statuses import FAILS, NOW, PLAIN, SCHEDULES, STATUS, WELL, many

from flowerpower.cli.schema import text_of
from flowerpower.jobs.monitoring.status import Status
from flowerpower.planning.sync import Wanted
from flowerpower.render.alarms import alarms_of, health_of
from flowerpower.render.status import status_screen, status_text
from flowerpower.render.status_html import status_html
from flowerpower.render.status_json import status_dict
from flowerpower.render.status_schema import status_schema
from flowerpower.specs.text.width import columns
from flowerpower.state.models import Head, Hold, Schedule

ROOT = Path(__file__).resolve().parents[3]
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e&lt;\x1b[2J"
EMPTY = Status("acme.prod", NOW, Head(), ())
VALIDATOR = Draft7Validator(status_schema())


class Page(HTMLParser):
    """What a browser would make of a page: every element, every attribute, all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def evil_status() -> Status:
    bad = replace(FAILS[0], reason=EVIL, run=EVIL, status="failed")
    schedule = replace(
        PLAIN,
        name=EVIL,
        pipeline=EVIL,
        queue=EVIL,
        timezone=EVIL,
        trigger=EVIL,
        commit=EVIL,
        owner=EVIL,
        place=EVIL,
        last=bad,
        recent=(bad,),
    )
    held = replace(schedule, hold=Hold(EVIL, EVIL, 0))
    worker = replace(STATUS.listening[0], name=EVIL, state=EVIL, queues=(EVIL,), host=EVIL, run=EVIL)
    return replace(
        STATUS,
        namespace=EVIL,
        head=replace(STATUS.head, who=EVIL, commit=EVIL, repository=f"github.com/{EVIL}"),
        schedules=(schedule, held),
        scheduler=EVIL,
        troubles=(EVIL,),
        heals=(replace(STATUS.heals[0], event=EVIL, schedule=EVIL, reason=EVIL),),
        missing=(EVIL,),
        listening=(worker,),
        queues=(replace(STATUS.queues[0], name=EVIL, rq_name=EVIL),),
    )


@pytest.mark.parametrize("status", [STATUS, WELL, EMPTY, evil_status(), many(300)], ids=range(5))
def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(status: Status) -> None:
    page = Page(status_html(status, refresh=5))

    assert page.open == []
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "style")]
    links = [value or "" for name, value in page.attributes if name == "href"]
    assert all(link.startswith(("#", "https://github.com/acme/pipelines/commit/1a2b")) for link in links)


def test_what_others_wrote_is_shown_as_it_is_and_nothing_more() -> None:
    page = Page(status_html(evil_status()))

    assert page.words.count("<script>alert(1)</script>") > 15
    assert "\u202e" not in page.words
    assert "\x1b" not in page.words


def test_a_page_says_what_a_table_says_worst_first() -> None:
    page = Page(status_html(STATUS))
    table = page.words.partition("8 schedules")[2]
    places = {one.name: table.index(one.name) for one in SCHEDULES}

    assert sorted(places, key=lambda name: places[name])[:4] == [
        "nightly_sales",
        "stock_levels",
        "fx_rates",
        "vendor_feed",
    ]
    for words in ("ValueError: no orders for region EU", "America/New_York", "maría@example.org", "web-1.4711.a1b2c3"):
        assert words in page.words
    assert "3 alarms" in page.words
    assert "All well" in Page(status_html(WELL)).words


@pytest.mark.parametrize("status", [STATUS, WELL, EMPTY, evil_status(), many(40)], ids=range(5))
def test_every_document_fits_the_schema(status: Status) -> None:
    document = json.loads(json.dumps(status_dict(status)))

    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


def test_a_document_that_lacks_something_does_not_fit() -> None:
    document = status_dict(STATUS)
    del document["schedules"][0]["sync"]

    assert [error.message for error in VALIDATOR.iter_errors(document)] == ["'sync' is a required property"]


def test_the_committed_schema_is_that_of_the_code() -> None:
    Draft7Validator.check_schema(status_schema())
    file = ROOT / "schemas" / "status.schema.json"

    assert file.read_text(encoding="utf-8") == text_of("status"), "run: make docs"


def test_the_page_on_monitoring_has_every_word_the_worst_first() -> None:
    page = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    table = page.split("\n|---|---|\n")[1].split("\n\n")[0]
    words = [word for row in table.splitlines() for word in re.findall(r"`(\w+)`", row.split("|")[1])]
    schema = status_schema()["properties"]

    assert words == schema["schedules"]["items"]["properties"]["state"]["enum"]
    told = page.split("`alarms` has codes that stay: ")[1].split(".\n")[0]
    assert re.findall(r"`(\w+)`", told) == schema["alarms"]["items"]["properties"]["code"]["enum"]


def test_alarms_say_what_is_wrong_errors_first() -> None:
    assert [alarm.code for alarm in alarms_of(STATUS)] == [
        "no_worker",
        "failed",
        "late",
        "missed",
        "drifted",
        "out_of_sync",
        "orphaned",
        "missing",
    ]
    assert alarms_of(WELL) == ()
    assert [alarm.code for alarm in alarms_of(replace(WELL, scheduler=""))] == ["no_scheduler"]


def test_health_has_the_words_of_other_tools() -> None:
    found = {one.name: health_of(one) for one in SCHEDULES}

    assert found == {
        "orders_hourly": "healthy",
        "nightly_sales": "degraded",
        "stock_levels": "late",
        "fx_rates": "degraded",
        "vendor_feed": "suspended",
        "customers": "progressing",
        "fresh": "unknown",
        "old_report": "suspended",
    }


def test_what_is_not_as_git_wants_it_says_so() -> None:
    text = status_text(STATUS, width=200)

    assert "due 5m ago and not fired; not as the specs here want it" in text
    assert "the scheduler was away (3 ticks); altered in Redis" in text
    assert "not in the specs here" in text
    assert "In the specs here and not applied: new_feed" in text
    held = replace(STATUS, schedules=(replace(SCHEDULES[4], sync="out_of_sync"),))
    assert "(18:20 UTC); not as the specs here want it" in status_text(held, width=200)
    left = replace(STATUS, schedules=(replace(PLAIN, sync="unmanaged", drifted=True),))
    assert "altered" not in status_text(left)


LIVE = Schedule("a", {}, timing="", basis="", run="r" * 64, digest="d" * 64)


@pytest.mark.parametrize(
    ("wanted", "drifted", "word"),
    [
        (Wanted({"a": ("d" * 32, "r" * 32)}, "c", ""), False, "synced"),
        (Wanted({"a": ("d" * 64, "r" * 64)}, "c", ""), True, "out_of_sync"),
        (Wanted({"a": ("d" * 32, "x" * 32)}, "c", ""), False, "out_of_sync"),
        (Wanted({}, "c", ""), False, "orphaned"),
        (Wanted(unknown="broken"), False, "unknown"),
        (Wanted(unknown="broken"), True, "out_of_sync"),
    ],
)
def test_the_sync_of_a_schedule_is_told_from_digests(wanted: Wanted, drifted: bool, word: str) -> None:
    assert wanted.sync_of(LIVE, frozenset(), drifted=drifted) == word
    assert wanted.missing({}) == tuple(wanted.schedules)


def test_a_forgotten_schedule_is_nobodys_business_unless_the_specs_name_it_again() -> None:
    assert Wanted({}, "c", "").sync_of(LIVE, {"a"}, drifted=True) == "unmanaged"
    assert Wanted({"a": ("d", "r")}, "c", "").sync_of(LIVE, {"a"}, drifted=False) == "out_of_sync"


@pytest.mark.parametrize(("width", "height"), [(20, 3), (40, 12), (80, 24), (200, 60)])
def test_a_screen_is_never_overrun_and_the_worst_stay_on_it(width: int, height: int) -> None:
    lines = status_screen(many(2000), width=width, height=height)

    assert len(lines) <= height
    assert all(columns(line) <= width for line in lines[:4])
    if height >= 24:
        assert "nightly_sales_00001" in "\n".join(lines)
        assert any(line.startswith("  and 1,9") and " ok" in line for line in lines)
        assert lines[-1].startswith("Healed in the last day") or "not managed" in lines[-1]
