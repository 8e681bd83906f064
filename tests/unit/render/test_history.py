"""The history as people and programs see it."""

from __future__ import annotations

from dataclasses import replace

from support.states import pipeline, schedule

from flowerpower.planning.diff import differences
from flowerpower.planning.past import PastChange, PastView
from flowerpower.planning.plan import Change
from flowerpower.render.history import history_dict, history_text, past_document, past_text
from flowerpower.state.models import Head, History, PastApply, Source

NOW = 1_800_000_000
NEWEST = PastApply(
    entry="3-0",
    apply_id="aaaaaaaa11111111",
    generation=3,
    when=NOW - 60,
    commit="1a2b3c4d5e6f",
    who="ana",
    changed=2,
    rollback_of="bbbbbbbb22222222",
    before=Source("9f8e7d6c5b4a"),
)
DAMAGED = PastApply(entry="2-0", apply_id="bbbb\x1b[2J", damaged=True)
FIRST = replace(
    NEWEST,
    apply_id="cccccccc33333333",
    generation=1,
    when=NOW - 90_000,
    added=10,
    changed=0,
    rollback_of="",
    who="ü\x1b",
)
HEAD = Head(generation=3, commit="1a2b3c4d5e6f", who="ana", when=NOW - 60, rolled_back=("9f8e7d6c5b4a",))
HISTORY = History(NOW, HEAD, (NEWEST, DAMAGED, FIRST))


def test_applies_stand_in_columns_and_a_damaged_one_among_them() -> None:
    assert history_text(HISTORY, namespace="acme.prod", timezone="Europe/Berlin").splitlines() == [
        "acme.prod: commit 1a2b3c4 in force, applied 1m ago by ana; rolled back: 9f8e7d6; times in Europe/Berlin (UTC)",
        "",
        "  aaaaaaaa     #3  Fri 15 Jan 08:59 (07:59)  1m ago  +0 ~2 -0   1a2b3c4  ana  (rollback of bbbbbbbb)",
        "  bbbb\\x1b[2J  damaged: entry 2-0 of the history cannot be read",
        "  cccccccc     #1  Thu 14 Jan 08:00 (07:00)  1d ago  +10 ~0 -0  1a2b3c4  ü\\x1b",
    ]


def test_on_a_narrow_screen_an_apply_takes_more_lines() -> None:
    lines = history_text(HISTORY, namespace="acme.prod", timezone="UTC", width=40).splitlines()

    assert lines[lines.index("") + 1 :] == [
        "  aaaaaaaa     #3  Fri 15 Jan 07:59",
        "      1m ago  +0 ~2 -0   1a2b3c4",
        "      ana  (rollback of bbbbbbbb)",
        "  bbbb\\x1b[2J  damaged: entry 2-0 of the history cannot be read",
        "  cccccccc     #1  Thu 14 Jan 07:00",
        "      1d ago  +10 ~0 -0  1a2b3c4",
        "      ü\\x1b",
    ]


def test_nothing_applied_is_said() -> None:
    empty = History(NOW, Head(), ())

    assert history_text(empty, namespace="acme.prod", timezone="UTC") == "acme.prod: nothing was applied yet."


def test_one_apply_is_shown_field_by_field() -> None:
    before, after = schedule("nightly", timeout=60)[0], schedule("nightly", timeout=90)[0]
    old, new = pipeline("report", code="a" * 64), pipeline("report", code="b" * 64)
    view = PastView(
        NOW,
        NEWEST,
        (
            PastChange(Change("pipeline.report", old, new, differences(old, new))),
            PastChange(Change("schedule.gone", before, None, differences(before, None)), "had been altered"),
            PastChange(Change("schedule.nightly", before, after, differences(before, after))),
        ),
        unknown="more",
    )

    assert past_text(view, timezone="Europe/Berlin", width=80).splitlines() == [
        "apply aaaaaaaa11111111, #3  (rollback of bbbbbbbb)",
        "Fri 15 Jan 08:59 Europe/Berlin (Fri 15 Jan 07:59 UTC), 1m ago, by ana",
        "commit 1a2b3c4, before it 9f8e7d6",
        "",
        "  ~ pipeline.report",
        "      ~ code: aaaaaaa -> bbbbbbb  its modules changed",
        "",
        "  - schedule.gone  had been altered",
        "",
        "  ~ schedule.nightly",
        "      ~ timeout: 1m -> 1m30s",
        "",
        "Note: more",
        "",
        "Applied: 0 added, 2 changed, 0 destroyed.",
    ]
    document = past_document(view, namespace="acme.prod")
    assert [change["change"]["actions"] for change in document["resource_changes"]] == [
        ["update"],
        ["delete"],
        ["update"],
    ]
    assert document["complete"] is False


def test_a_program_gets_every_entry_with_times_in_utc() -> None:
    document = history_dict(HISTORY, namespace="acme.prod")

    assert [past["when"] for past in document["applies"]] == [
        "2027-01-15T07:59:00Z",
        None,
        "2027-01-14T07:00:00Z",
    ]
    assert [past["damaged"] for past in document["applies"]] == [False, True, False]
    assert document["rolled_back"] == ["9f8e7d6c5b4a"]
