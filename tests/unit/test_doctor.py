"""What facts mean: the judgements of `doctor`, without a server and without a repository."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowerpower.doctor.findings import Examination, Finding, Unknown, worst_first
from flowerpower.doctor.live import LiveFacts, Workers
from flowerpower.doctor.live_checks import live_findings
from flowerpower.doctor.machine import GitFacts, MachineFacts, PluginFacts
from flowerpower.doctor.machine_checks import git_findings, machine_findings, plugin_findings, project_findings
from flowerpower.doctor.records import Records
from flowerpower.doctor.server import ServerFacts
from flowerpower.doctor.server_checks import server_findings
from flowerpower.errors import Place, Problem
from flowerpower.jobs.monitoring.status import Heal, QueueStatus, ScheduleStatus, Status
from flowerpower.jobs.records import RunRecord
from flowerpower.render.doctor import doctor_dict, doctor_text
from flowerpower.revision import Revision
from flowerpower.specs.verdict import Verdict
from flowerpower.state.models import STOCK_SCHEDULER, Damage, Head, Hold

NOW = 1_800_000_000
DAY = 86_400
INFO = {
    "redis_version": "7.2.4",
    "role": "master",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "used_memory": 1 << 20,
    "aof_enabled": 1,
}
SERVER = ServerFacts(INFO, {"appendfsync": "everysec", "save": ""}, skew=0.1, trip=0.0004, refused=())


def verdicts(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in findings}


def server(name: str, settings: Any = None, **info: Any) -> Finding:
    facts = replace(SERVER, info={**INFO, **info}, settings=settings if settings is not None else SERVER.settings)
    return next(finding for finding in server_findings(facts) if finding.name == name)


def test_a_server_as_it_should_be_is_well() -> None:
    assert set(verdicts(server_findings(SERVER)).values()) == {"ok"}


@pytest.mark.parametrize(
    ("name", "info", "verdict", "words"),
    [
        ("version", {"redis_version": "6.0.16"}, "fail", "Redis 6.0.16 is too old"),
        ("version", {"redis_version": "6.2.0"}, "ok", "Redis 6.2.0"),
        ("version", {"redis_version": "10.0.1"}, "ok", "Redis 10.0.1"),
        ("version", {"valkey_version": "9.1.2"}, "ok", "Valkey 9.1.2"),
        ("version", {"redis_version": "unstable"}, "unknown", "names no version"),
        ("role", {"role": "slave", "master_host": "redis-1", "master_port": 6379}, "fail", "replica of redis-1:6379"),
        ("role", {"cluster_enabled": 1}, "fail", "Redis Cluster"),
        ("role", {"loading": 1}, "fail", "still loading"),
        ("role", {"role": "sentinel"}, "unknown", "no role"),
        ("eviction", {"maxmemory_policy": "allkeys-lru", "maxmemory": 1 << 30}, "fail", "schedules vanish"),
        ("eviction", {"maxmemory_policy": "allkeys-lru"}, "warn", "no maxmemory"),
        ("eviction", {"maxmemory_policy": "volatile-ttl"}, "warn", "vanish early"),
        ("eviction", {"maxmemory_policy": ""}, "unknown", "no maxmemory-policy"),
        ("persistence", {"rdb_last_bgsave_status": "err"}, "fail", "last write to its disk failed"),
        ("persistence", {"aof_last_write_status": "err"}, "fail", "last write to its disk failed"),
        ("persistence", {"aof_enabled": 0}, "fail", "nothing is written to disk"),
        ("memory", {"maxmemory": 1 << 21, "used_memory": 1 << 20}, "ok", "1 of 2 MiB"),
        ("memory", {"maxmemory": 100, "used_memory": 80}, "warn", "80%"),
        ("memory", {"maxmemory": 100, "used_memory": 99}, "fail", "99%"),
        ("memory", {"maxmemory": "?", "used_memory": None}, "ok", "no maxmemory"),
    ],
)
def test_what_info_says_is_judged(name: str, info: dict[str, Any], verdict: str, words: str) -> None:
    finding = server(name, **info)

    assert (finding.verdict, words in finding.message) == (verdict, True), finding
    assert finding.hint or verdict in ("ok", "unknown")


@pytest.mark.parametrize(
    ("settings", "info", "verdict", "words"),
    [
        ({"appendfsync": "always"}, {}, "ok", "appendfsync always"),
        ({"appendfsync": "everysec"}, {}, "ok", "the last second"),
        ({"appendfsync": "no"}, {}, "warn", "half a minute"),
        ({"save": "3600 1"}, {"aof_enabled": 0}, "warn", "snapshots only"),
        (Unknown("NOPERM"), {"aof_enabled": 0}, "warn", "may not ask"),
        (Unknown("NOPERM"), {}, "ok", "appendonly yes"),
    ],
)
def test_persistence_is_judged(settings: Any, info: dict[str, Any], verdict: str, words: str) -> None:
    finding = server("persistence", settings, **info)

    assert (finding.verdict, words in finding.message) == (verdict, True), finding


@pytest.mark.parametrize(
    ("given", "name", "verdict", "words"),
    [
        ({"skew": 2.0}, "clock", "ok", "within"),
        ({"skew": 3.0}, "clock", "warn", "3.0 s ahead"),
        ({"skew": -7200.0}, "clock", "warn", "7,200.0 s behind"),
        ({"trip": 0.2}, "latency", "warn", "200.0 ms"),
        ({"refused": ("EVAL",)}, "rights", "warn", "may not run scripts"),
        ({"refused": ("HLEN",)}, "rights", "fail", "may not read what flowerpower keeps"),
        ({"refused": ("HSET x", "DEL y")}, "rights", "fail", "HSET x, DEL y"),
        ({"refused": Unknown("cannot tell")}, "rights", "unknown", "cannot tell"),
        ({"skew": Unknown("NOPERM")}, "clock", "unknown", "NOPERM"),
        ({"trip": Unknown("NOPERM")}, "latency", "unknown", "NOPERM"),
        ({"info": Unknown("NOPERM")}, "info", "unknown", "NOPERM"),
    ],
)
def test_other_facts_of_a_server_are_judged(given: dict[str, Any], name: str, verdict: str, words: str) -> None:
    finding = next(one for one in server_findings(replace(SERVER, **given)) if one.name == name)

    assert (finding.verdict, words in finding.message) == (verdict, True), finding


SCHEDULE = ScheduleStatus(
    "nightly", "report", "default", "UTC", "cron 0 2 * * *", False, None, NOW + 60, 0, 0, None, "c0ffee"
)
DAMAGE = Damage("a is damaged", "key a", "mend it")
RECORDS = Records(NOW, Head(generation=3, commit="c0ffee", when=NOW - DAY, tzdata="2026.1"), 1, 1)
LIVE = LiveFacts(
    RECORDS,
    Status("acme.prod", NOW, Head(), (SCHEDULE,), scheduler="host-1"),
    {"default": Workers(1, 1)},
    "2026.1",
)


def live(records: Any = None, status: Any = None, **more: Any) -> dict[str, Finding]:
    found = replace(LIVE, records=records or RECORDS, status=status or LIVE.status, **more)
    return {finding.name: finding for finding in live_findings(found)}


def test_a_namespace_as_it_should_be_is_well() -> None:
    assert {finding.verdict for finding in live().values()} == {"ok"}


@pytest.mark.parametrize(
    ("records", "name", "verdict", "words"),
    [
        (replace(RECORDS, head=Unknown("format 9")), "head", "fail", "format 9"),
        (replace(RECORDS, head=Head()), "head", "ok", "nothing applied yet"),
        (replace(RECORDS, head=Head(), remains=True), "head", "fail", "looks reset"),
        (replace(RECORDS, damaged=(DAMAGE,)), "records", "fail", "a is damaged (key a)"),
        (replace(RECORDS, run_specs=(DAMAGE, DAMAGE)), "run specs", "fail", "a is damaged (key a) (and 1 more)"),
        (replace(RECORDS, altered=("schedule.x",)), "records", "warn", "schedule.x"),
        (replace(RECORDS, holds={"x": Hold("a", "b", NOW - 15 * DAY)}), "holds", "warn", "more than 14 days: x"),
        (replace(RECORDS, holds={"x": Hold("a", "b", NOW, None, NOW - 15 * DAY)}), "holds", "warn", "14 days: x"),
        (replace(RECORDS, holds={"x": Hold("a", "b", NOW - DAY, NOW - 90)}), "holds", "warn", "not lifted: x"),
        (replace(RECORDS, holds={"x": Hold("a", "b", NOW - DAY, NOW + 90)}), "holds", "ok", "1 hold"),
        (replace(RECORDS, ahead={"x": NOW + DAY, "y": NOW + 30}), "cursors", "warn", "where it was: x (1d)"),
        (Unknown("NOPERM"), "records", "unknown", "NOPERM"),
    ],
)
def test_records_are_judged(records: Any, name: str, verdict: str, words: str) -> None:
    finding = live(records)[name]

    assert (finding.verdict, words in finding.message) == (verdict, True), finding


def test_zone_rules_of_another_version_are_a_warning() -> None:
    assert live(tzdata="2027.1")["tzdata"].verdict == "warn"


@pytest.mark.parametrize(
    ("status", "workers", "expected"),
    [
        ({"scheduler": ""}, Workers(1, 1), {"scheduler": "warn", "late": "ok", "workers": "ok"}),
        ({"scheduler": STOCK_SCHEDULER}, Workers(1, 1), {"scheduler": "warn", "late": "ok", "workers": "ok"}),
        ({"schedules": (), "scheduler": ""}, Workers(0, 0), {"scheduler": "ok", "workers": "ok"}),
        ({"schedules": (replace(SCHEDULE, late=31),)}, Workers(0, 0), {"late": "fail", "workers": "warn"}),
        ({"schedules": (replace(SCHEDULE, next_tick=None),)}, Workers(0, 0), {"workers": "ok"}),
        ({}, Workers(2, 0), {"workers": "warn"}),
    ],
)
def test_what_should_run_is_judged(status: dict[str, Any], workers: Workers, expected: dict[str, str]) -> None:
    assert not isinstance(LIVE.status, Unknown)
    found = live(status=replace(LIVE.status, **status), workers={"default": workers})

    assert {name: found[name].verdict for name in expected} == expected


def test_workers_that_died_are_counted() -> None:
    message = live(workers={"default": Workers(2, 0)})["workers"].message

    assert message == "nobody works on queue default (2 workers died without a word)"


def test_a_queue_with_runs_in_it_needs_a_worker_though_no_schedule_uses_it() -> None:
    assert not isinstance(LIVE.status, Unknown)
    left = replace(LIVE.status, queues=(QueueStatus("heavy", "acme--prod--heavy", 0, {"queued": 1}),))

    finding = live(status=left, workers={"default": Workers(1, 1), "heavy": Workers(0, 0)})["workers"]

    assert (finding.verdict, finding.message) == ("warn", "nobody works on queue heavy")


def test_a_worker_is_proposed_for_each_queue_that_has_none() -> None:
    assert not isinstance(LIVE.status, Unknown)
    used = [replace(SCHEDULE, name=queue, queue=queue) for queue in ("default", "eu", "heavy")]
    status = replace(LIVE.status, schedules=tuple(used))
    alive, none = Workers(1, 1), Workers(0, 0)

    some = live(status=status, workers={"default": alive, "eu": none, "heavy": none})["workers"]
    all_of_them = live(status=status, workers={"default": none, "eu": none, "heavy": none})["workers"]

    assert (some.message, some.hint) == (
        "nobody works on queues eu, heavy",
        "start one: flowerpower worker --queue eu --queue heavy",
    )
    assert all_of_them.hint == "start one: flowerpower worker"


def test_schedules_whose_last_run_failed_are_named() -> None:
    ended = RunRecord("nightly", NOW - 60, NOW - 60, "failed", run="acme--prod--nightly--1")
    failing, held = replace(SCHEDULE, last=ended), replace(SCHEDULE, name="x", last=ended, hold=Hold("a", "b", NOW))
    skipped = replace(SCHEDULE, name="often", last=replace(ended, status="skipped"), before_skipped=ended)
    assert not isinstance(LIVE.status, Unknown)

    found = live(status=replace(LIVE.status, schedules=(failing, held, skipped)))["runs"]
    well = live(status=replace(LIVE.status, schedules=(replace(SCHEDULE, last=replace(ended, status="succeeded")),)))

    assert (found.verdict, found.message) == ("warn", "2 schedules whose last runs failed: nightly, often")
    assert (well["runs"].verdict, well["runs"].message) == ("ok", "no schedule's last run failed")
    assert live()["runs"].message == "none has ended yet"


def test_the_last_run_that_lost_its_worker_is_named_with_its_time() -> None:
    heals = (
        Heal("healed", NOW - 5),
        Heal("closed", NOW - 7200, run="acme--prod--nightly--1"),
        Heal("lost", NOW - 8000),
    )
    assert not isinstance(LIVE.status, Unknown)

    found = live(status=replace(LIVE.status, heals=heals))["heals"]

    told = "3 things mended in the last day; 2 runs lost a worker, the last one 2h ago: nightly--1"
    assert (found.verdict, found.message) == ("warn", told)


@pytest.mark.parametrize(
    ("troubles", "words"),
    [
        (("Redis holds generation 0; nothing fires until the next apply",), "look at `flowerpower plan`, then apply"),
        (("a", "b"), "flowerpower status lists them"),
        (("a",), "it goes away by itself"),
    ],
)
def test_what_the_scheduler_reports_has_its_way_out(troubles: tuple[str, ...], words: str) -> None:
    assert not isinstance(LIVE.status, Unknown)

    assert words in live(status=replace(LIVE.status, troubles=troubles))["troubles"].hint


def test_a_state_that_cannot_be_read_hides_no_other_check() -> None:
    found = live(status=Unknown("a damaged record is in the way"), workers=Unknown("x"))

    assert found["schedules"].verdict == "unknown"
    assert found["head"].verdict == "ok"


MACHINE = MachineFacts("CPython 3.12.1", "0.1.0", (("rq", "3.0"), ("hiredis", "3.0")), ())
GIT = GitFacts("git version 2.39.5", Path("/x"), shallow=False, revision=Revision("c0ffee" * 6))


def test_a_machine_is_judged() -> None:
    assert verdicts(machine_findings(MACHINE)) == {"python": "ok", "libraries": "ok"}
    assert verdicts(machine_findings(replace(MACHINE, libraries=(("rq", "3"),))))["hiredis"] == "warn"
    assert verdicts(machine_findings(replace(MACHINE, wrong=("rq 2.0 (>=3 is needed)",))))["libraries"] == "fail"
    assert verdicts(machine_findings(replace(MACHINE, wrong=Unknown("not installed"))))["libraries"] == "unknown"


@pytest.mark.parametrize(
    ("given", "env", "expected"),
    [
        ({}, "prod", {"version": "ok", "repository": "ok"}),
        ({"version": Unknown("git is not installed")}, "prod", {"version": "warn"}),
        ({"repository": None}, "prod", {"version": "ok", "repository": "warn"}),
        ({"revision": Unknown("dubious ownership")}, "prod", {"version": "ok", "repository": "fail"}),
        ({"revision": Revision()}, "prod", {"version": "ok", "repository": "warn"}),
        ({"revision": Revision("c0ffee", dirty=True)}, "prod", {"version": "ok", "repository": "warn"}),
        ({"revision": Revision("c0ffee", dirty=True)}, "default", {"version": "ok", "repository": "ok"}),
        ({"shallow": True}, "prod", {"version": "ok", "repository": "ok", "depth": "warn"}),
    ],
)
def test_git_is_judged(given: dict[str, Any], env: str, expected: dict[str, str]) -> None:
    assert verdicts(git_findings(replace(GIT, **given), env)) == expected


def test_specs_and_plugins_are_judged() -> None:
    error = Problem("FP101", Place("a.yaml", 3), "unknown key 'x'")
    found = [
        project_findings(Verdict("acme.prod", 2, 3, problems))[0]
        for problems in ((), (error._replace(severity="warning"),), (error, error._replace(severity="note")))
    ]

    assert [(one.verdict, one.message) for one in found] == [
        ("ok", "2 pipelines, 3 schedules, no problem"),
        ("warn", "2 pipelines, 3 schedules, 1 warning; first: a.yaml:3:1 FP101 unknown key 'x'"),
        ("fail", "1 error; first: a.yaml:3:1 FP101 unknown key 'x'"),
    ]
    assert verdicts(plugin_findings(PluginFacts(()))) == {"loaded": "ok"}
    assert verdicts(plugin_findings(PluginFacts(("b",), ("b is broken",), ("a",)))) == {
        "installed": "fail",
        "loaded": "fail",
    }


EXAMINATION = Examination(
    "acme.prod",
    "redis://***@host:6379/0",
    worst_first(
        [
            Finding("redis", "version", "ok", "Redis 7.2.4", "never shown"),
            Finding("redis", "eviction", "warn", "maxmemory-policy \x1b[31m " + "word " * 30, "set it to noeviction"),
            Finding("live", "late", "fail", "due and not fired: a  b"),
            Finding("redis", "rights", "unknown", "NOPERM"),
        ]
    ),
)


def test_the_worst_comes_first_and_nothing_leaves_its_column() -> None:
    assert doctor_text(EXAMINATION, width=80) == (
        "acme.prod at redis://***@host:6379/0\n"
        "\n"
        "fail     live late              due and not fired: a  b\n"
        "warn     redis eviction         maxmemory-policy \\x1b[31m word word word word\n"
        + "                                word word word word word word word word word\n"
        * 2
        + "                                word word word word word word word word\n"
        "                                set it to noeviction\n"
        "unknown  redis rights           NOPERM\n"
        "ok       redis version          Redis 7.2.4\n"
        "\n"
        "1 ok, 1 warning, 1 failure, 1 unknown"
    )


def test_the_document_says_whether_all_is_well() -> None:
    document = doctor_dict(EXAMINATION)

    assert (document["ok"], document["counts"]) == (False, {"fail": 1, "warn": 1, "unknown": 1, "ok": 1})
    assert document["checks"][0] == {
        "area": "live",
        "name": "late",
        "verdict": "fail",
        "message": "due and not fired: a  b",
        "hint": "",
    }
