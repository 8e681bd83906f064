"""What the facts of a Redis server mean for flowerpower."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flowerpower.doctor.findings import Finding, Unknown, not_known
from flowerpower.doctor.server import ServerFacts

OLDEST = (6, 2)
MOST_SKEW = 2.0
SLOW_TRIP = 0.05
_AREA = "redis"
_finding = partial(Finding, _AREA)


def server_findings(facts: ServerFacts) -> list[Finding]:
    """Return what each check says of a server that answers."""
    info = facts.info
    if isinstance(info, Unknown):
        hint = "allow it with +info: version, role, memory and persistence are not known"
        found = [not_known(_AREA, "info", info, hint)]
    else:
        found = [_version(info), _role(info), _eviction(info), _persistence(info, facts.settings), _memory(info)]
    return [*found, _clock(facts), _trip(facts), _rights(facts)]


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def _version(info: Mapping[str, Any]) -> Finding:
    spoken = str(info.get("redis_version", ""))
    name = f"Valkey {info['valkey_version']}" if info.get("valkey_version") else f"Redis {spoken or '(unknown)'}"
    parts = tuple(int(part) for part in spoken.split(".")[:2] if part.isdigit())
    if not parts:
        return _finding("version", "unknown", f"the server names no version: {spoken!r}")
    if parts < OLDEST:
        return _finding("version", "fail", f"{name} is too old", "flowerpower needs Redis 6.2 or newer, or Valkey")
    return _finding("version", "ok", name)


def _role(info: Mapping[str, Any]) -> Finding:
    role = str(info.get("role", ""))
    if _number(info.get("loading")):
        return _finding("role", "fail", "the server is still loading its data", "wait, and look again")
    if str(info.get("cluster_enabled", "0")) == "1":
        hint = "use one server, with Sentinels for failover: a script touches keys of several slots"
        return _finding("role", "fail", "this is a Redis Cluster", hint)
    if role == "master":
        return _finding("role", "ok", "master")
    if role in ("slave", "replica"):
        master = f"{info.get('master_host', '?')}:{info.get('master_port', '?')}"
        return _finding(
            "role", "fail", f"this is a replica of {master}: nothing can be applied", "connect to its master"
        )
    return _finding("role", "unknown", f"the server names no role: {role!r}")


def _eviction(info: Mapping[str, Any]) -> Finding:
    policy, limit = str(info.get("maxmemory_policy", "")), _number(info.get("maxmemory"))
    hint = "set maxmemory-policy noeviction: Redis must not throw records away when memory is short"
    if not policy:
        return _finding("eviction", "unknown", "the server names no maxmemory-policy", hint)
    if policy == "noeviction":
        return _finding("eviction", "ok", "maxmemory-policy noeviction")
    if policy.startswith("allkeys") and limit:
        return _finding("eviction", "fail", f"maxmemory-policy {policy}: schedules vanish when memory is short", hint)
    if policy.startswith("allkeys"):
        message = f"maxmemory-policy {policy}: harmless only as long as there is no maxmemory"
        return _finding("eviction", "warn", message, hint)
    return _finding("eviction", "warn", f"maxmemory-policy {policy}: results and workers' marks may vanish early", hint)


def _persistence(info: Mapping[str, Any], settings: Mapping[str, str] | Unknown) -> Finding:
    known: Mapping[str, str] = {} if isinstance(settings, Unknown) else settings
    if info.get("aof_last_write_status", "ok") != "ok" or info.get("rdb_last_bgsave_status", "ok") != "ok":
        message = "the server's last write to its disk failed, so it may refuse writes"
        return _finding("persistence", "fail", message, "look at its log and its disk")
    if _number(info.get("aof_enabled")):
        return _append_only(known.get("appendfsync", ""))
    hint = "set appendonly yes"
    if not known:
        message = "no append-only file; whether snapshots are made, this user may not ask"
        return _finding("persistence", "warn", message, hint)
    if known.get("save"):
        message = "snapshots only: a crash loses what was applied and run since the last one"
        return _finding("persistence", "warn", message, hint)
    return _finding("persistence", "fail", "nothing is written to disk: a restart loses every schedule", hint)


def _append_only(sync: str) -> Finding:
    if sync == "no":
        message = "appendonly yes, but appendfsync no: a crash can lose half a minute"
        return _finding("persistence", "warn", message, "set appendfsync everysec, or always")
    more = {"everysec": ": a crash can lose the last second", "always": ""}.get(sync, "")
    return _finding("persistence", "ok", f"appendonly yes{', appendfsync ' + sync if sync else ''}{more}")


def _memory(info: Mapping[str, Any]) -> Finding:
    used, limit = _number(info.get("used_memory")), _number(info.get("maxmemory"))
    if not limit:
        return _finding("memory", "ok", f"{used / 2**20:,.0f} MiB used, no maxmemory")
    share, message = used / limit, f"{used / 2**20:,.0f} of {limit / 2**20:,.0f} MiB used"
    hint = "raise maxmemory, or shorten result_ttl: when it is full Redis refuses every write"
    if share >= 0.8:
        return _finding("memory", "fail" if share >= 0.98 else "warn", f"{message} ({share:.0%})", hint)
    return _finding("memory", "ok", message)


def _clock(facts: ServerFacts) -> Finding:
    skew = facts.skew
    if isinstance(skew, Unknown):
        return not_known(_AREA, "clock", skew)
    if abs(skew) <= MOST_SKEW:
        return _finding("clock", "ok", f"within {MOST_SKEW:.0f} s of this machine's")
    way = "ahead of" if skew > 0 else "behind"
    message = f"its clock is {abs(skew):,.1f} s {way} this machine's"
    return _finding("clock", "warn", message, "let both follow NTP; ticks are decided by the clock of Redis")


def _trip(facts: ServerFacts) -> Finding:
    trip = facts.trip
    if isinstance(trip, Unknown):
        return not_known(_AREA, "latency", trip)
    message = f"{trip * 1000:,.1f} ms for a round trip"
    if trip <= SLOW_TRIP:
        return _finding("latency", "ok", message)
    return _finding("latency", "warn", message, "run workers and schedulers near their Redis")


def _rights(facts: ServerFacts) -> Finding:
    refused = facts.refused
    if isinstance(refused, Unknown):
        return not_known(_AREA, "rights", refused)
    if refused == ("HLEN",):
        hint = "give it the keys flowerpower:PROJECT.ENV:* and rq:*; or is it the user of another project?"
        return _finding("rights", "fail", "this user may not read what flowerpower keeps here", hint)
    if refused == ("EVAL",):
        message = "this user may not run scripts: enough for `plan` and `status`, and for nothing else"
        return _finding(
            "rights",
            "warn",
            message,
            "apply, pause, workers and schedulers need a user that may also write and run scripts",
        )
    if refused:
        message = f"this user may not run {', '.join(refused[:4])}{' and more' if len(refused) > 4 else ''}"
        return _finding("rights", "fail", message, "give it the keys flowerpower:* and rq:*, and write commands")
    return _finding("rights", "ok", "this user may read, write and run scripts")
