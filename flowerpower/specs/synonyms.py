"""What other schedulers call a thing, and what it is called here: for a hint when somebody writes their word."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

_CALLED: Mapping[str, str] = {
    "address": "scheduler scheduler_address cluster cluster_address endpoint url uri host",
    "adapters": "hooks lifecycle callbacks",
    "after": "depends_on dependencies dependency requires upstream upstreams needs wait_for previous run_after",
    "allowed_queues": "queues queue_whitelist",
    "at": "run_at once date datetime when run_date eta",
    "cache": "caching memoize",
    "catchup": "backfill misfire misfire_policy coalesce catch_up",
    "catchup_window": "misfire_grace_time misfire_grace grace_time",
    "config": "driver_config hamilton_config settings configuration conf",
    "cron": "schedule crontab cron_expression cron_schedule cron_string expression schedule_interval timetable "
    "on_calendar",
    "database": "db",
    "defaults": "default_args common base",
    "description": "title comment doc docs documentation summary about desc",
    "end": "end_date ends_at end_time until to stop expires not_after",
    "enforce": "error errors rules rule deny block forbid must",
    "environments": "env envs profiles stages overlays targets",
    "every": "interval rate period frequency freq repeat repeat_every seconds minutes hours",
    "executor": "backend runner parallel parallelism engine workers max_workers",
    "failure_ttl": "keep_failures failed_ttl",
    "format": "type fmt kind filetype reader writer",
    "inputs": "params parameters args arguments kwargs variables vars input with env",
    "intervals": "delay delays wait waits backoff interval retry_delay",
    "jitter": "splay random_delay randomized_delay spread",
    "labels": "tags annotations metadata",
    "load": "inputs_from sources loaders materialize_from",
    "max": "count retries max_retries attempts max_attempts times limit number",
    "max_deletes": "max_delete delete_limit",
    "max_timeout": "timeout",
    "max_workers": "workers n_workers num_workers concurrency threads processes parallelism",
    "min_interval": "interval every",
    "modules": "module module_path modules_dir src source sources paths path code file files",
    "name": "id key title",
    "on_failure": "notify notifications alerts alert email_on_failure on_failure_callback on_error failure "
    "slack email mail webhook webhooks teams channel channels",
    "on_success": "on_success_callback success",
    "options": "args kwargs params parameters",
    "outputs": "final_vars final_variables targets target nodes node output results result execute",
    "overlap": "concurrency concurrency_policy max_active_runs max_instances max_running_jobs overlap_policy parallel",
    "overrides": "override",
    "owner": "owners team maintainer maintainers author responsible",
    "password": "pass passwd",
    "path": "file filename file_path filepath url uri location destination dir folder",
    "paused": "enabled disabled active suspend suspended is_paused is_paused_upon_creation disable enable inactive "
    "default_status",
    "pipeline": "job dag dag_id flow task workflow function func command run target",
    "policies": "rules policy",
    "previous_names": "renamed_from aliases alias moved old_name old_names",
    "protected": "prevent_destroy protect lifecycle",
    "queue": "queue_name pool task_queue work_pool",
    "redis": "redis_url broker broker_url connection url redis_dsn",
    "result_ttl": "ttl keep_results result_expires",
    "retry": "retries max_retries retry_policy attempts max_attempts retry_count retry_limit backoff_limit retry_delay "
    "retry_interval backoff",
    "save": "materialize materializers sinks writers saves",
    "schedules": "paused suspended suspend enabled disabled",
    "sentinels": "hosts nodes",
    "service": "master master_name service_name",
    "start": "start_date starts_at start_time from begin not_before",
    "start_deadline": "starting_deadline_seconds deadline",
    "timeout": "execution_timeout job_timeout task_timeout time_limit run_timeout dagrun_timeout max_runtime "
    "active_deadline_seconds timeout_minutes timeout_seconds",
    "type": "name kind class",
    "timezone": "tz time_zone zone tzinfo execution_timezone",
    "url": "uri dsn address host port",
    "username": "user login",
    "warn": "warning warnings",
}
COUNTS_OF_RETRIES = frozenset(
    ("retries", "max_retries", "attempts", "max_attempts", "retry_count", "retry_limit", "backoff_limit")
)
DELAYS_OF_RETRIES = frozenset(("retry_delay", "retry_interval", "retry_wait", "backoff", "retry_backoff"))
_OF_PROJECTS: Mapping[str, str] = {"project": "name", "project_name": "name", "namespace": "name"}
_VARIABLES = frozenset(("vars", "variables", "env_vars", "environment_variables"))
_WITHOUT_KIN: Mapping[str, str] = {
    **dict.fromkeys(("version", "api_version", "schema_version", "spec_version"), "remove it: specs have no version"),
    **dict.fromkeys(("priority", "priority_weight", "weight"), "remove it: what is urgent gets a `queue:` of its own"),
    **dict.fromkeys(
        ("successful_jobs_history_limit", "failed_jobs_history_limit", "max_history"),
        "remove it: `result_ttl:` and `failure_ttl:` say for how long runs are kept",
    ),
    "depends_on_past": "remove it: a run asks in `after:` only for those of other schedules",
}
_ADDED: Mapping[tuple[str, str], str] = {
    **{(word, "paused"): f" `{word}: false` is `paused: true`" for word in ("enabled", "enable", "active")},
    **{(word, "schedules"): " Write `schedules: paused`" for word in ("paused", "suspended", "suspend", "disabled")},
    **{(word, "retry"): " Write `retry: {max: 3}`" for word in COUNTS_OF_RETRIES},
    **{(word, "url"): " Write `url: redis://HOST:PORT/0`" for word in ("host", "port")},
    **{
        (word, "overlap"): " `overlap: skip` is one run at a time"
        for word in ("concurrency", "max_active_runs", "max_instances")
    },
}
_VALUES: Mapping[str, str] = {
    "all": "true",
    "none": "false never",
    "latest": "last newest once",
    "skip": "forbid drop ignore single no false wait",
    "allow": "parallel concurrent yes true",
    "cancel_other": "replace terminate_other kill cancel restart",
    "buffer_all": "queue enqueue buffer",
    "local": "sequential serial synchronous sync inline default",
    "threads": "threading multithreading multithreaded threadpool",
    "processes": "multiprocessing process_pool fork",
    "paused": "disabled false inactive no off stopped suspended",
    "active": "enabled on running true",
    "deleted": "absent delete destroy destroyed gone none removed",
    "keep": "leave finish",
    "cancel": "kill abort stop",
    "git": "remote commit repository",
}


_KINDS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("after", "at", "buffer_limit", "catchup", "catchup_window", "cron", "end", "every", "jitter"),
            *("on_inflight", "overlap", "paused", "pipeline", "previous_names", "protected", "queue"),
            *("start", "start_deadline"),
        ),
        "a schedule",
    ),
    "timezone": "a schedule or flowerpower.yaml",
    **dict.fromkeys(("on_failure", "on_success"), "a schedule, or under `notify:` in flowerpower.yaml"),
    **dict.fromkeys(("cache", "executor", "load", "modules", "outputs", "save"), "a pipeline"),
    **dict.fromkeys(("config", "failure_ttl", "inputs", "result_ttl", "retry", "timeout"), "a pipeline or a schedule"),
    **dict.fromkeys(("allow", "defaults", "guards", "notify", "policies", "queues", "redis"), "flowerpower.yaml"),
}


def belongs_elsewhere(word: str) -> str:
    """Return the hint for a key, or another tool's word for one, of another kind of spec; or nothing."""
    plain = snake(word)
    found = next((name for name in (plain, *_meanings(plain, _CALLED)) if name in _KINDS), None)
    if found and found != plain:
        return f"it is called '{found}' here, and belongs in {_KINDS[found]}"
    return f"'{found}' belongs in {_KINDS[found]}" if found else ""


def synonym(word: str, known: Collection[str]) -> str:
    """Return the hint for a key that other tools use for one of the *known* ones, or nothing."""
    plain = snake(word)
    found = plain if plain in known else next((name for name in _meanings(plain, _CALLED) if name in known), None)
    if "queues" in known and plain in _OF_PROJECTS:
        found = _OF_PROJECTS[plain]
    return f"did you mean '{found}'?{_ADDED.get((plain, found), '')}" if found else ""


def without_kin(word: str, known: Collection[str]) -> str:
    """Return what to do about a key of other tools that none of the *known* ones is like; or nothing."""
    plain = snake(word)
    if "queues" in known and plain in _VARIABLES:
        return (
            "remove it: a variable is given with --var NAME=VALUE or FLOWERPOWER_VAR_NAME, and asked for by ${var:NAME}"
        )
    return _WITHOUT_KIN.get(plain, "")


def value_synonym(word: str, choices: Collection[str]) -> str:
    """Return the hint for a value that other tools use for one of the *choices*, or nothing."""
    found = meant_value(word, choices)
    return f"did you mean '{found}'?" if found else ""


def meant_value(word: str, choices: Collection[str]) -> str:
    """Return the one of the *choices* that other tools call so, or nothing."""
    return next((name for name in _meanings(snake(word), _VALUES) if name in choices), "")


def _meanings(word: str, table: Mapping[str, str]) -> Iterator[str]:
    return (name for name, words in table.items() if word in words.split())


def snake(word: str) -> str:
    """Return `maxRetries` and `max-retries` as `max_retries`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).replace("-", "_").replace(" ", "_").lower()
