"""What a plug-in's check of plans refuses can be set aside by its code, in sight of who approves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from redis import Redis
from support.command_line import FILES, command_line
from support.in_process import Here

CHECK = """
from flowerpower.checking import Finding, PlanCheck
def frozen(plan):
    for change in plan["resource_changes"]:
        if change["address"] == "schedule.nightly":
            yield Finding("ICE1", "nightly is frozen", address=change["address"], hint="wait for January.")
FROZEN = PlanCheck(frozen)
"""
REFUSED = "x ICE1: schedule.nightly: nightly is frozen\n    wait for January; if it is meant: --allow-check ICE1\n"
ASIDE = "! ICE1: schedule.nightly: nightly is frozen\n    set aside by --allow-check ICE1\n"


@pytest.fixture
def here(redis_connection: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """A project whose plug-in refuses changes of `nightly`."""
    folder = tmp_path / "site" / "ice-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: ice\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[flowerpower.checks]\nfrozen = fp_ice_of_test:FROZEN\n")
    (tmp_path / "site/fp_ice_of_test.py").write_text(CHECK)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    project = tmp_path / "acme"
    project.mkdir()
    yaml = FILES["flowerpower.yaml"] + "plugins: [ice]\n"
    command_line(project, redis_url, {**FILES, "flowerpower.yaml": yaml})
    return Here(project, redis_url)


def test_a_refusal_names_the_flag_that_sets_it_aside_and_a_plan_shows_that(here: Here) -> None:
    refused = here("apply", "--auto-approve")
    assert (refused.code, REFUSED in refused.out) == (3, True), refused.out
    assert "--allow-check ICE1" in refused.err

    other = here("apply", "--auto-approve", "--allow-check", "ICE2")
    assert (other.code, REFUSED in other.out) == (3, True)
    plan = here("plan", "--allow-check", "ICE2,ICE1")
    assert (plan.code, ASIDE in plan.out, "Apply would be refused" in plan.out) == (0, True, False)
    assert here("apply", "--auto-approve", "--allow-check", "ICE1").code == 0


def test_a_saved_plan_is_applied_with_what_was_set_aside_when_it_was_made(here: Here) -> None:
    assert here("plan", "--out", "refused.json").code == 0
    assert here("plan", "--out", "plan.json", "--allow-check", "ICE1").code == 0

    assert json.loads((here.folder / "plan.json").read_bytes())["overrides"]["checks"] == ["ICE1"]
    assert "checks" not in json.loads((here.folder / "refused.json").read_bytes())["overrides"]
    assert here("apply", "refused.json").code == 3
    beside = here("apply", "refused.json", "--allow-check", "ICE1")
    assert (beside.code, "belong to `plan --out`" in beside.err) == (1, True)
    shown = here("show", "plan.json")
    assert ASIDE in shown.out
    applied = here("apply", "plan.json")
    assert (applied.code, applied.out.count("ICE1:")) == (0, 1)


@pytest.mark.parametrize("by", ["hash", "file"])
def test_an_approval_holds_for_what_was_set_aside_in_it_and_for_nothing_else(here: Here, by: str) -> None:
    here("plan", "--out", "plan.json", "--allow-check", "ICE1")
    document = json.loads((here.folder / "plan.json").read_bytes())
    approved = "plan.json" if by == "file" else document["plan_hash"]

    assert here("apply", "--approved", approved).code == 4
    assert here("apply", "--approved", approved, "--allow-check", "ICE1", "--allow-check", "ICE2").code == 4
    assert here("apply", "--approved", approved, "--allow-check", "ICE1").code == 0


def test_what_is_no_code_is_a_mistake_of_the_call(here: Here) -> None:
    odd = here("plan", "--allow-check", "schedule.nightly")

    assert odd.code == 1
    assert "'schedule.nightly' is no code of a check" in odd.err
