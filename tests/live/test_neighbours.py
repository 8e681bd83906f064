"""Other namespaces of one Redis, as somebody sees them who may not see everything."""

from __future__ import annotations

from redis import Redis
from support.states import desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.models import Neighbour, Source
from flowerpower.state.neighbours import read_neighbours
from flowerpower.state.store import Store

OURS = Keys("acme", "prod")


def apply(connection: Redis, project: str, env: str, *names: str) -> None:
    store = Store(connection, Keys(project, env))
    wanted = desired([schedule(name) for name in names])
    apply_plan(make_plan(store.keys, wanted, store.read(), Source(f"of-{project}", "git.example/data")), store, "apply")


def test_namespaces_that_hold_schedules_are_seen_and_nothing_else(redis_connection: Redis) -> None:
    apply(redis_connection, "acme", "prod", "mine")
    apply(redis_connection, "bolt", "prod", "nightly", "orders")
    apply(redis_connection, "bolt", "staging", "nightly")
    apply(redis_connection, "bolt", "staging")
    redis_connection.sadd(OURS.queues, "rq:queue:default", "rq:queue:a--b", b"rq:queue:\xff--prod--default")
    redis_connection.set("flowerpower:odd.prod:schedules", "of another type")
    redis_connection.sadd(OURS.queues, "rq:queue:odd--prod--default")

    redis_connection.set(Keys("bolt", "prod").lease, "one")

    found = read_neighbours(Store(redis_connection, OURS))

    theirs = frozenset({"nightly", "orders"})
    assert found == (Neighbour("bolt", "prod", "of-bolt", "git.example/data", theirs, "one"),)


def test_a_list_of_queues_of_another_type_names_no_neighbour(redis_connection: Redis) -> None:
    redis_connection.set(OURS.queues, "x")

    assert read_neighbours(Store(redis_connection, OURS)) == ()


def test_what_an_acl_hides_is_left_out(redis_connection: Redis, redis_url: str) -> None:
    apply(redis_connection, "bolt", "prod", "nightly")
    allowed = ["~flowerpower:acme.prod:*", "~rq:*", "+@read"]
    redis_connection.execute_command("ACL", "SETUSER", "planner", "on", ">word", "resetkeys", *allowed)
    try:
        user = Redis.from_url(redis_url, username="planner", password="word")

        assert read_neighbours(Store(user, OURS)) == ()
    finally:
        redis_connection.execute_command("ACL", "DELUSER", "planner")
