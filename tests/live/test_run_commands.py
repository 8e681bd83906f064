"""`runs`, `trigger --wait`, `cancel`, `rerun`, `backfill` as a user calls them, with one real worker for all."""

from __future__ import annotations

import json
import re
import shlex
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.command_line import command_line
from support.in_process import Here
from support.projects import Worker, running_worker

from flowerpower.state.keys import Keys

DOCS = Path(__file__).resolve().parents[2] / "docs"
FILES = {
    "flowerpower.yaml": "name: kueche\nmodules: [flows]\ntimezone: Europe/Berlin\n",
    "pipelines/daily_sales.yaml": (
        "modules: [flow]\noutputs: [loaves]\n"
        "inputs: {flour: 10, region: EU, seconds: 0, day: '${tick:%Y-%m-%d}', who: Zoë}\n"
        "save:\n  - {outputs: [loaves], format: text, path: 'out/${tick:%Y-%m-%dT%H%M%S}.txt'}\n"
    ),
    "schedules/nightly_sales.yaml": "pipeline: daily_sales\nevery: 1h\noverlap: allow\n",
    "schedules/sales_often.yaml": "pipeline: daily_sales\nevery: 1s\npaused: true\n",
    "flows/flow.py": (
        "import time\n\n\ndef dough(flour: int, day: str, who: str, region: str) -> float:\n"
        "    who and print(f'{who} mixes {flour}')\n    return 100 / flour\n\n\n"
        "def loaves(dough: float, seconds: float) -> str:\n    time.sleep(seconds)\n    return f'{dough:.0f} loaves'\n"
    ),
}
KEYS = Keys("kueche", "default")


@pytest.fixture(scope="module")
def project(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Here, Worker]]:
    """An applied project with a worker."""
    with Redis.from_url(redis_server) as connection:
        connection.flushall()
    folder = tmp_path_factory.mktemp("kueche")
    command_line(folder, redis_server, FILES)
    here = Here(folder, redis_server)
    assert here("apply", "--auto-approve").code == 0
    with running_worker(redis_server, KEYS, folder) as worker:
        yield here, worker


@pytest.fixture
def here(project: tuple[Here, Worker]) -> Here:
    return project[0]


def newest(here: Here, *arguments: str) -> Any:
    return here("runs", *arguments, "--json").document["runs"][0]


def test_a_run_that_is_waited_for_is_shown_in_full_and_its_outcome_is_the_exit_code(here: Here) -> None:
    good = here("trigger", "nightly_sales", "--wait")
    assert good.code == 0, good.err
    assert re.search(r"^nightly_sales--m\w+  succeeded in ", good.out)
    assert '  who = "Zoë"' in good.out
    assert "  saved out/" in good.out
    assert "Ctrl-C stops waiting, not the run" in good.err

    bad = here("trigger", "daily_sales", "--wait", "--set", "flour=0", "--json")
    assert bad.code == 1
    document = bad.document
    assert (document["status"], document["error"]["node"], document["inputs"]["flour"]) == ("failed", "dough", 0)
    assert document["error"]["details"].splitlines()[1].startswith("  flows/flow.py:6, in dough")

    shown = here("runs", "--job", document["run"].split("--", 2)[-1])
    assert shown.out.index("Error: node 'dough' failed at flows/flow.py:6") < shown.out.index("Where the time went")
    assert here("runs", document["run"], "--log").out == "Zoë mixes 0\n"
    names = [run["name"] for run in here("runs", "--json").document["runs"]]
    assert names == ["daily_sales", "nightly_sales"]
    assert [run["status"] for run in here("runs", "--status", "failed", "--json").document["runs"]] == ["failed"]


def test_a_run_that_wrote_nothing_has_an_empty_log(here: Here) -> None:
    run = here("trigger", "daily_sales", "--wait", "--set", 'who=""', "--json").document["run"]

    log, document = here("runs", "--job", run, "--log"), here("runs", "--job", run, "--log", "--json").document

    assert (log.code, log.out, log.err) == (0, "", f"Run {run} wrote nothing.\n")
    assert (document["run"], document["attempt"], document["log"]) == (run, 1, "")
    assert document["silence"] == "wrote nothing"


def test_a_backfill_shows_its_ticks_runs_them_and_goes_on_where_it_was(here: Here) -> None:
    asked = ("backfill", "nightly_sales", "--from", "3h")
    dry = here(*asked, "--dry-run")
    assert (dry.code, dry.out.count("  run ")) == (0, 3)
    refused = here(*asked)
    assert refused.code == 1
    assert "look at --dry-run, then --auto-approve" in refused.err

    failed = here(*asked, "--auto-approve", "--set", "flour=0", "--fail-fast")
    assert failed.code == 1
    assert "Backfill ended: 0 succeeded, 1 did not, 2 not started." in failed.out
    done = here(*asked, "--auto-approve", "--max-concurrent", "2", "--json")
    assert done.code == 0
    assert [tick["ended"]["attempt"] for tick in done.document["ticks"]] == [2, 1, 1]
    nothing = here(*asked, "--auto-approve")
    assert nothing.code == 0
    both = here("runs", "daily_sales", "--json").document["runs"]
    assert {run["name"] for run in both} == {"daily_sales", "nightly_sales"}
    assert [run["last"] for run in both] == sorted((run["last"] for run in both), reverse=True)
    assert "Backfill: 0 to run, 3 skipped" in nothing.out
    guarded = here("backfill", "sales_often", "--from", "365d", "--auto-approve")
    assert guarded.code == 3
    assert "--allow-ticks" in guarded.err


def test_a_running_run_is_cancelled_and_a_tick_is_run_again(here: Here) -> None:
    here("trigger", "daily_sales", "--set", "seconds=60")
    wait_for(lambda: newest(here, "daily_sales")["status"] == "running")

    cancelled = here("cancel", "daily_sales", "--reason", "too long")
    assert cancelled.code == 0, cancelled.err
    assert "its worker stopped it" in cancelled.out
    assert newest(here, "daily_sales")["reason"] == "cancelled by ana: too long"
    again = here("cancel", newest(here, "daily_sales")["run"], "--json")
    assert (again.code, again.document["runs"][0]["result"]) == (0, "over")

    before = here("backfill", "nightly_sales", "--from", "1h", "--auto-approve", "--json").document["ticks"][0]
    assert before["before"] in ("succeeded", "unknown", "failed", "missed")
    tick = before["tick"]
    refused = here("rerun", "nightly_sales", "--tick", tick)
    assert (refused.code, "--again" in refused.err) == (3, True)
    rerun = here("rerun", "nightly_sales", "--tick", tick, "--again", "--wait", "--json")
    assert (rerun.code, rerun.document["status"]) == (0, "succeeded")
    assert rerun.document["attempt"] >= 2


def test_all_that_failed_is_run_again_with_the_flags_that_list_it(here: Here) -> None:
    here("trigger", "daily_sales", "--wait", "--set", "flour=0")
    assert here("backfill", "nightly_sales", "--from", "1h", "--auto-approve", "--again", "--set", "flour=0").code == 1
    asked = ("rerun", "--status", "failed", "--since", "2h")
    dry = here(*asked, "--dry-run")
    assert dry.code == 0
    assert "  nightly_sales  1 tick  " in dry.out
    assert re.search(r"left out: \d runs? of daily_sales: by hand", dry.out)
    assert "look at --dry-run, then --auto-approve" in here(*asked).err

    done = here(*asked, "--auto-approve")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Rerun complete: 1 succeeded, 0 did not.")
    nothing = here(*asked, "nightly_sales", "--auto-approve", "--json")
    assert (nothing.code, nothing.document["schedules"], nothing.document["ended"]) == (0, [], [])


def test_ctrl_c_stops_waiting_and_not_the_run(here: Here) -> None:
    main = threading.main_thread().ident
    assert main is not None
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs tests side by side ignores it
    threading.Timer(2.0, signal.pthread_kill, (main, signal.SIGINT)).start()

    try:
        stopped = here("trigger", "daily_sales", "--wait", "--set", "seconds=3")
    finally:
        signal.signal(signal.SIGINT, before)

    assert stopped.code == 130
    assert "the run goes on" in stopped.err
    assert "To stop it: flowerpower cancel daily_sales--m" in stopped.err
    wait_for(lambda: newest(here, "daily_sales")["status"] == "succeeded")


def test_a_record_that_somebody_damaged_is_told_and_hides_nothing_else(here: Here, redis_server: str) -> None:
    assert here("backfill", "nightly_sales", "--from", "1h", "--again", "--auto-approve").code == 0
    with Redis.from_url(redis_server) as connection:
        key = KEYS.outcomes("nightly_sales")
        connection.zadd(key, {"not json": 5, json.dumps({"first": "x"}): 6, '{"first": 1e99, "last": 1}': 7})
        connection.zadd(key, {json.dumps({"first": 9, "last": 9, "count": 1, "status": "\x1b[2Jfine"}): 9})
        run = newest(here, "nightly_sales", "--status", "succeeded")["run"]
        connection.hset(
            KEYS.kept(run), mapping={"live": "{", "attempt:x": "?", "attempt:1": "[]", "log:1": b"\xff\xfe"}
        )
        try:
            shown = here("runs", "nightly_sales")
            assert "4 records could not be read" in shown.out
            assert "\x1b" not in shown.out
            assert here("runs", "--job", run).code == 0
            assert here("runs", "--job", run, "--log").code == 0
            assert here("backfill", "nightly_sales", "--from", "3h", "--dry-run").code == 0
        finally:
            connection.zremrangebyscore(key, 0, 10)
            connection.delete(KEYS.kept(run))


def test_who_may_only_read_sees_runs_and_changes_none(here: Here, redis_server: str) -> None:
    run = here("trigger", "daily_sales", "--wait", "--json").document["run"]
    with Redis.from_url(redis_server) as connection:
        rules = ["reset", "on", ">pw", "~*", "&*", "-@all", "+@read", "+@connection", "+time", "+info"]
        connection.execute_command("ACL", "SETUSER", "reader", *rules)
        reader = Here(here.folder, redis_server.replace("unix://", "unix://reader:pw@"))
        try:
            answers = [reader("runs"), reader("runs", "nightly_sales", "--since", "1d"), reader("runs", "--job", run)]
            refused = reader("cancel", run)
        finally:
            connection.execute_command("ACL", "DELUSER", "reader")

    assert [answer.code for answer in answers] == [0, 0, 0], answers
    assert (refused.code, "Redis refused" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("runs", "nightly_slaes"), "did you mean 'nightly_sales'?"),
        (("runs", "--status", "broken"), "there are: running, queued"),
        (("runs", "--status", "canceled"), "did you mean 'cancelled'?"),
        (("run", "daily_sales", "--executor", "thread"), "did you mean 'threads'?"),
        (("runs", "--since", "soon"), "--since 'soon' names no moment"),
        (("runs", "--job", "daily_sales--99"), "nothing is known of a run 'daily_sales--99'"),
        (("runs", "--log"), "name it: --job RUN"),
        (("runs", "daily_sales", "--job", "daily_sales--1"), "--job shows one run"),
        (("rerun", "nightly_sales"), "--tick TIME"),
        (("rerun",), "--status failed --since 12h"),
        (("rerun", "--status", "failed"), "since when?"),
        (("rerun", "--status", "succeeded", "--since", "1d"), "--status failed, missed, skipped, cancelled"),
        (("rerun", "nightly_sales", "--since", "1d"), "add --status failed"),
        (("rerun", "daily_sales", "--tick", "1h"), "no schedule 'daily_sales' is live"),
        (("backfill", "nightly_sales"), "--from 7d"),
        (("backfill", "nothing", "--from", "7d", "--dry-run"), "no schedule 'nothing' is live"),
        (("cancel", "daily_sales"), "no run of 'daily_sales' is active"),
    ],
)
def test_a_call_that_cannot_be_meant_says_what_to_write(here: Here, arguments: tuple[str, ...], what: str) -> None:
    answer = here(*arguments)

    assert answer.code == 1
    assert what in answer.err


def wait_for(condition: Any, seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


COMMANDS = [
    line
    for page in ("runs.md", "dag.md")
    for line in re.findall(r"^\$ flowerpower (.*?)(?: +#.*)?$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
]


def test_the_documented_commands_do_what_the_page_says(here: Here) -> None:
    here("trigger", "nightly_sales", "--wait")
    tick = here("backfill", "nightly_sales", "--from", "1h", "--auto-approve", "--json").document["ticks"][0]["tick"]
    run = newest(here, "nightly_sales", "--since", tick, "--status", "succeeded,failed")
    ids = {"nightly_sales--1795312800": f"nightly_sales--{run_tick(here)}", "2026-11-22T03:00": tick, "2d": "3h"}

    codes = {}
    for command in COMMANDS:
        words = [ids.get(word, word) for word in shlex.split(command)]
        codes[command] = here(*words).code

    unhappy = {command: code for command, code in codes.items() if code}
    assert unhappy == {"rerun nightly_sales --tick 2026-11-22T03:00": 3}  # it has succeeded just before
    assert run["name"] == "nightly_sales"


def test_the_documented_fields_are_those_of_the_documents(here: Here) -> None:
    page = (DOCS / "runs.md").read_text(encoding="utf-8").partition("## For programs")[2]
    tables = [
        {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
        for table in page.split("\n\n")
        if table.startswith("| field")
    ]
    assert here("trigger", "daily_sales", "--wait").code == 0

    listed = newest(here, "daily_sales")
    one = here("runs", "--job", listed["run"], "--json").document

    assert tables[0] == set(listed)
    assert tables[0] | tables[1] | {"format_version", "namespace", "read_at"} == set(one)
    attempt = re.search(r"`attempts` \| a list of (.*?) \|", page)
    assert attempt is not None
    assert set(re.findall(r"`(\w+)`", attempt[1])) == set(one["attempts"][0])


def run_tick(here: Here) -> str:
    """Return the tick of a scheduled run, as run ids have it."""
    runs = here("runs", "nightly_sales", "--json").document["runs"]
    ticks = [run["run"].rpartition("--")[2] for run in runs if run["run"] and "--m" not in run["run"]]
    return str(ticks[0])
