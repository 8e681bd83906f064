"""The status as one page: no script, nothing from elsewhere, for light and dark screens, the worst at the top."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from flowerpower.render.alarms import State, alarms_of, no_scheduler_words, run_words, state_of, worst_first
from flowerpower.render.records import clean_reason, short_run, why_words
from flowerpower.render.words import count, hold_words, iso, moment, rough_duration, safe, short, stopwatch, typed

if TYPE_CHECKING:
    from flowerpower.jobs.monitoring.status import QueueStatus, ScheduleStatus, Status, WorkerStatus
    from flowerpower.jobs.records import RunRecord

_KIND: Mapping[State, str] = {
    "damaged": "bad",
    "failed": "bad",
    "late": "bad",
    "missed": "warn",
    "cancelled": "warn",
    "held": "calm",
    "skipped": "warn",
    "ok": "good",
    "new": "rest",
    "paused": "rest",
}
_ENDS = {"succeeded": "good", "failed": "bad"}
_SYNC = {
    "synced": ("good", "synced"),
    "out_of_sync": ("warn", "out of sync"),
    "orphaned": ("warn", "not in git"),
    "unmanaged": ("rest", "unmanaged"),
}
_LONGEST_REASON = 300
_HEX = re.compile(r"[0-9a-f]{7,64}")
_PLACE = re.compile(r"[a-z0-9.-]+\.[a-z]{2,}(/[A-Za-z0-9._~-]+)+")
_HEIGHTS = 4


def status_html(status: Status, *, refresh: int = 0) -> str:
    """Return the page; with *refresh* a browser loads it anew after so many seconds."""
    look = typed("flowerpower status --format html", status.namespace)
    parts = [
        _head(status, refresh),
        _header(status),
        _tiles(status),
        _alarms(status),
        _schedules(status),
        _queues(status),
        _workers(status),
        _heals(status),
        (
            f"<footer>Read {_at(status.now)} by <code>{_text(look)}</code>. "
            "Times that say &ldquo;ago&rdquo; or &ldquo;in&rdquo; are as of then.</footer>"
        ),
        "</main></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _text(value: str) -> str:
    """Return a text as HTML: nothing in it is markup, and it keeps its own direction of writing."""
    escaped = escape(safe(value), quote=True)
    return escaped if value.isascii() else f"<bdi>{escaped}</bdi>"


def _attribute(value: str) -> str:
    return escape(safe(value), quote=True)


def _head(status: Status, refresh: int) -> str:
    style = files("flowerpower.render").joinpath("status.css").read_text(encoding="utf-8")
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{again}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_worst(status)} · {_attribute(status.namespace)}</title>\n"
        f"<style>\n{style}</style></head>\n<body><main>"
    )


def _worst(status: Status) -> str:
    alarms = alarms_of(status)
    if not alarms:
        return "All well"
    errors = sum(alarm.severity == "error" for alarm in alarms)
    return count(errors, "alarm") if errors else count(len(alarms), "warning")


def _header(status: Status) -> str:
    alarms = alarms_of(status)
    kind = "good" if not alarms else "bad" if alarms[0].severity == "error" else "warn"
    head = status.head
    if "head" in status.damaged:
        line = "What was applied last cannot be read."
    elif head.generation:
        who = f" by {_text(head.who)}" if head.who else ""
        ago = rough_duration(max(0, status.now - head.when))
        line = f"{_commit(head.commit, head.repository)}, apply {head.generation}, applied {ago} ago{who}"
    else:
        line = "Nothing is applied yet."
    wanted = status.wanted
    compared = f" · compared with {_text(short(wanted.commit))}" if wanted.commit else ""
    return (
        f'<header><h1>{_text(status.namespace)}</h1><span class="pill {kind}">{_worst(status)}</span></header>\n'
        f'<p class="sub">{line}{compared}</p>'
    )


def _commit(commit: str, repository: str) -> str:
    """Return a commit, as a link where its page is known."""
    shown = f"<code>{_text(short(commit)) or 'unknown commit'}</code>"
    bare = commit.removesuffix("+dirty")
    if not (_HEX.fullmatch(bare) and _PLACE.fullmatch(repository)):
        return shown
    host = repository.partition("/")[0]
    if host == "github.com":
        return f'<a href="https://{repository}/commit/{bare}">{shown}</a>'
    return f'<a href="https://{repository}/-/commit/{bare}">{shown}</a>' if "gitlab" in host else shown


def _tiles(status: Status) -> str:
    states = Counter(state_of(schedule) for schedule in status.schedules)
    tiles = [
        f'<a class="card tile {kind}" href="#{state}"><b>{states[state]:,}</b><span>{state}</span></a>'
        for state, kind in _KIND.items()
        if states[state]
    ]
    active = sum(schedule.active for schedule in status.schedules)
    workers = len(status.listening) or sum(status.workers.values())
    tiles.append(f'<div class="card tile calm"><b>{active:,}</b><span>active now</span></div>')
    kind = "good" if workers else "bad"
    tiles.append(f'<div class="card tile {kind}"><b>{workers:,}</b><span>workers</span></div>')
    kind, word = ("good", "alive") if status.scheduler else ("bad", "none")
    tiles.append(f'<div class="card tile {kind}"><b>{word}</b><span>scheduler</span></div>')
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _alarms(status: Status) -> str:
    kinds = {"error": "bad", "warning": "warn"}
    lines = [f'<li class="{kinds[alarm.severity]}">{_text(alarm.message)}</li>' for alarm in alarms_of(status)]
    return f'<ul class="card alarms">{"".join(lines)}</ul>' if lines else ""


def _schedules(status: Status) -> str:
    if not status.schedules:
        command = _text(typed("flowerpower apply", status.namespace))
        return f'<h2>Schedules</h2><div class="card empty">No schedule is live. <code>{command}</code></div>'
    compared = any(schedule.sync in _SYNC for schedule in status.schedules)
    named = ("", "Schedule", "Last runs", "Last", "Next", "Applied", *(["Sync"] if compared else []))
    wide = ("Last runs", "Applied")
    head = "".join(f'<th class="wide">{name}</th>' if name in wide else f"<th>{name}</th>" for name in named)
    rows = "\n".join(_rows(status, compared=compared))
    return (
        f"<h2>{count(len(status.schedules), 'schedule')}, {count(status.pipelines, 'pipeline')}</h2>"
        f'<div class="card scroll"><table class="main"><thead><tr>{head}</tr></thead>'
        f'<tbody class="rows">\n{rows}\n</tbody></table></div>'
    )


def _rows(status: Status, *, compared: bool) -> Iterator[str]:
    before = ""
    for schedule in worst_first(status.schedules):
        state = state_of(schedule)
        anchor = "" if state == before else f' id="{state}"'
        before = state
        cells = [
            f'<td class="state"><span class="pill {_KIND[state]}">{state}</span></td>',
            f"<td>{_name(schedule)}</td>",
            f'<td class="wide"><div class="runs">{_bars(schedule, status)}</div></td>',
            f'<td class="last">{_last(schedule, status)}</td>',
            f'<td class="next">{_next(schedule, status)}</td>',
            (
                f'<td class="wide nowrap">{_commit(schedule.commit, status.head.repository)}'
                f'<div class="more">revision {schedule.revision}</div></td>'
            ),
        ]
        if compared:
            kind, word = ("warn", "altered") if schedule.drifted else _SYNC.get(schedule.sync, ("rest", "unknown"))
            cells.append(f'<td class="sync"><span class="pill {kind}">{word}</span></td>')
        yield f"<tr{anchor}>{''.join(cells)}</tr>"


def _name(schedule: ScheduleStatus) -> str:
    where = f"{_text(schedule.pipeline)} on {_text(schedule.queue)}"
    more = " · ".join([_text(schedule.trigger), where, *([_text(schedule.owner)] if schedule.owner else [])])
    return (
        f'<div class="name" title="{_attribute(schedule.place)}">{_text(schedule.name)}</div>'
        f'<div class="more">{more}</div>'
    )


def _bars(schedule: ScheduleStatus, status: Status) -> str:
    """Return the last outcomes as bars, the newest at the right, as high as they took long."""
    longest = max((outcome.seconds for outcome in schedule.recent), default=0.0)
    return "".join(_bar(outcome, longest, schedule, status) for outcome in schedule.recent)


def _bar(outcome: RunRecord, longest: float, schedule: ScheduleStatus, status: Status) -> str:
    height = f" h{1 + int((_HEIGHTS - 1) * outcome.seconds / longest)}" if longest and outcome.seconds else " h1"
    took = f", {stopwatch(outcome.seconds)}" if outcome.seconds else ""
    several = f" ({count(outcome.count, 'tick')})" if outcome.count > 1 else ""
    words = f"{moment(outcome.last, schedule.timezone, status.now)}: {outcome.status}{several}{took}"
    return f'<i class="{_ENDS.get(outcome.status, "warn")}{height}" title="{_attribute(words)}"></i>'


def _last(schedule: ScheduleStatus, status: Status) -> str:
    last = schedule.ended or (None if schedule.active else schedule.last)
    told = run_words(schedule, status.workers, status.now)
    running = "".join(f'<div class="more">{_text(words)}</div>' for words in told)
    if last is None:
        return running or '<span class="more">never ran</span>'
    when = last.at or last.last
    took = f" in {stopwatch(last.seconds)}" if last.seconds else ""
    took = took.replace(" ", "\u00a0")
    ago = rough_duration(max(0, status.now - when))
    title = _attribute(f"{iso(when)} {short_run(last.run)}".strip())
    reason = why_words(last)
    reason = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…"
    kind = "why" if last.status == "failed" else "why warn"
    why = f'<div class="{kind}">{_text(reason)}</div>' if reason else ""
    good = ""  # when it last went well
    if last.status != "succeeded" and schedule.succeeded_at:
        good = f'<div class="more">succeeded {rough_duration(max(0, status.now - schedule.succeeded_at))} ago</div>'
    return f'<span title="{title}">{last.status} {ago} ago{took}</span>{why}{good}{running}'


def _next(schedule: ScheduleStatus, status: Status) -> str:
    if schedule.hold is not None:
        return f'<span class="more">held {_text(hold_words(schedule.hold, schedule.timezone, status.now))}</span>'
    due = schedule.next_tick
    if due is None:
        return '<span class="more">—</span>'
    shown = f'<span class="nowrap" title="{iso(due)}">{moment(due, schedule.timezone, status.now)}</span>'
    far = (
        f"due {rough_duration(schedule.late)} ago"
        if schedule.late
        else f"in {rough_duration(max(0, due - status.now))}"
    )
    return f'{shown}<div class="more">{_text(schedule.timezone)}, {far}</div>'


def _queues(status: Status) -> str:
    if not status.queues:
        return ""
    kinds = ("queued", "started", "scheduled", "failed", "finished")
    head = "".join(f'<th class="num">{name}</th>' for name in ("workers", *kinds))
    return _table("Queues", f"<th>queue</th>{head}", (_queue_row(queue, kinds) for queue in status.queues))


def _queue_row(queue: QueueStatus, kinds: Sequence[str]) -> str:
    numbers = "".join(f'<td class="num">{queue.jobs.get(kind, 0):,}</td>' for kind in kinds)
    workers = queue.workers or '<span class="pill bad">none</span>'
    name = f'<td class="name">{_text(queue.name)}<div class="more"><code>{_text(queue.rq_name)}</code></div></td>'
    return f'{name}<td class="num">{workers}</td>{numbers}'


def _workers(status: Status) -> str:
    lease = f", lease for {status.lease_seconds:.0f} s more" if status.lease_seconds else ""
    scheduler = f"<code>{_text(status.scheduler)}</code>{lease}" if status.scheduler else no_scheduler_words(status)
    line = f'<p class="sub">Scheduler: {scheduler}</p>'
    if not status.listening:
        return f'<h2>Workers</h2><div class="card empty">No worker is alive.</div>{line}'
    names = ("worker", "state", "queues", "run", "heartbeat")
    head = "".join(f"<th>{name}</th>" for name in names) + '<th class="num">succeeded</th><th class="num">failed</th>'
    return _table("Workers", head, (_worker_row(worker, status.now) for worker in status.listening)) + line


def _worker_row(worker: WorkerStatus, now: int) -> str:
    kind = "calm" if worker.state == "busy" else "good"
    beat = f"{rough_duration(max(0, now - worker.heartbeat))} ago" if worker.heartbeat else "—"
    return (
        f'<td><div class="name">{_text(worker.name)}</div><div class="more">{_text(worker.host)}, '
        f"process {worker.pid}</div></td>"
        f'<td><span class="pill {kind}">{_text(worker.state)}</span></td><td>{_text(", ".join(worker.queues))}</td>'
        f"<td><code>{_text(short_run(worker.run)) if worker.run else '—'}</code></td><td>{beat}</td>"
        f'<td class="num">{worker.succeeded:,}</td><td class="num">{worker.failed:,}</td>'
    )


def _heals(status: Status) -> str:
    if not status.heals:
        return ""
    head = "<th>when</th><th>what</th><th>schedule</th><th>why</th>"
    shown = status.heals[:20]
    rows = (
        f'<td class="nowrap">{rough_duration(max(0, status.now - heal.at))} ago</td><td>{_text(heal.event)}</td>'
        f"<td>{_text(heal.schedule or short_run(heal.run))}</td><td>{_text(clean_reason(heal.reason))}</td>"
        for heal in shown
    )
    more = f" (the newest {len(shown)} of {len(status.heals)})" if len(status.heals) > len(shown) else ""
    return _table(f"Mended in the last day{more}", head, rows)


def _table(title: str, head: str, rows: Iterable[str]) -> str:
    lines = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<h2>{title}</h2><div class="card scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{lines}\n</tbody></table></div>"
    )


def _at(when: int) -> str:
    return f'<time datetime="{iso(when)}">{iso(when).replace("T", " ").replace("Z", " UTC")}</time>'
