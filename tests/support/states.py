"""Wanted states without spec files: schedules and pipelines as values, and Hypothesis strategies of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from flowerpower.schedule.trigger import Trigger
from flowerpower.state.codec import canonical, digest, pipeline_digest, schedule_digest
from flowerpower.state.desired import trigger_of
from flowerpower.state.keys import Keys
from flowerpower.state.models import Desired, Pipeline, Schedule, Source, State

KEYS = Keys("acme", "test")
SOURCE = Source(commit="c0ffee", repository="git.example/acme/data", who="ana")


def schedule(name: str, keys: Keys = KEYS, **given: Any) -> tuple[Schedule, str]:
    """Return a wanted schedule and its run spec."""
    fields: dict[str, Any] = {
        "pipeline": "report",
        "timezone": "UTC",
        "queue": "default",
        "catchup": "latest",
        "catchup_window": 86400,
        "overlap": "skip",
        "jitter": 0,
        "timeout": 60,
        "result_ttl": 500,
        "failure_ttl": 5000,
        **given,
    }
    if not {"cron", "every", "at"} & fields.keys():
        fields["cron"] = "0 2 * * *"
    spec = canonical({"namespace": keys.namespace, "schedule": name, "pipeline": fields["pipeline"], "fields": fields})
    timing = trigger_of(fields).key
    run = digest(spec)
    basis = digest(str(fields["pipeline"]))
    return Schedule(name, fields, timing, basis, run, schedule_digest(name, fields, timing, basis)), spec


def pipeline(name: str, code: str = "0" * 64, **given: Any) -> Pipeline:
    """Return a wanted pipeline."""
    fields: dict[str, Any] = {"modules": ["flow"], "outputs": ["report"], "timeout": 60, **given}
    return Pipeline(name, fields, code, pipeline_digest(name, fields, code))


def desired(schedules: Iterable[tuple[Schedule, str]] = (), pipelines: Iterable[Pipeline] = ()) -> Desired:
    """Return a wanted namespace."""
    pairs = list(schedules)
    return Desired(
        state=State({wanted.name: wanted for wanted, _ in pairs}, {wanted.name: wanted for wanted in pipelines}),
        run_specs={wanted.run: spec for wanted, spec in pairs},
        places={},
    )


_triggers = st.one_of(
    st.sampled_from(["0 2 * * *", "@daily", "*/5 * * * *", "30 1 * * sun", "0 0 1 1 *"]).map(
        lambda cron: {"cron": cron}
    ),
    st.sampled_from([1, 60, 900, 86400]).map(lambda every: {"every": every}),
    st.sampled_from(["2001-01-01T00:00:00", "2099-01-01T00:00:00"]).map(lambda at: {"at": at}),
)
_fields = st.fixed_dictionaries(
    {},
    optional={
        "queue": st.sampled_from(["default", "heavy"]),
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
        "timeout": st.sampled_from([60, 3600]),
        "paused": st.booleans(),
        "retry": st.sampled_from(
            [{"max": 2, "intervals": [10]}, {"max": 1, "intervals": []}, {"max": 0, "intervals": []}]
        ),
        "jitter": st.sampled_from([0, 30]),
        "inputs": st.dictionaries(st.sampled_from(["a", "ü"]), st.sampled_from([1, 1.5, "x", None, [], {}, "${tick}"])),
        "owner": st.sampled_from(["ana", "日本"]),
    },
)
_names = st.sampled_from(["alpha", "beta", "gamma", "delta-1", "epsilon_2"])


@st.composite
def desired_states(draw: st.DrawFn, keys: Keys = KEYS) -> Desired:
    """Return any wanted namespace of a few schedules and pipelines."""
    names = draw(st.lists(_names, unique=True, max_size=5))
    schedules = [schedule(name, keys, **draw(_fields), **draw(_triggers)) for name in names]
    pipelines = [pipeline(name, code=draw(st.sampled_from("ab")) * 64) for name in draw(st.lists(_names, unique=True))]
    return desired(schedules, pipelines)


def ticks_between(trigger: Trigger, since: int, until: int) -> list[int]:
    """Return the ticks after *since* up to *until* (epoch seconds)."""
    found, tick = [], trigger.next_tick(since)
    while tick is not None and tick <= until:
        found.append(tick)
        tick = trigger.next_tick(tick)
    return found
