"""What `worker` says of flags that cannot be meant, and of jobs that its flags leave out."""

from __future__ import annotations

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from support.command_line import CommandLine


def test_the_log_of_a_worker_names_its_own_flags(applied: CommandLine, redis_connection: Redis) -> None:
    Queue("acme--default--default", connection=redis_connection, serializer=JSONSerializer).enqueue("shop.stock.count")

    answer = applied.process("worker", "--burst", "--no-scheduler")

    assert "this worker does not run 'shop.stock.count'" in answer.err
    assert "hint: name it with --allow-function if it is meant" in answer.err
    assert "allowed=" not in answer.err
