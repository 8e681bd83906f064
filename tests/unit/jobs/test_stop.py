from __future__ import annotations

import signal
import threading

import pytest
from redis import ConnectionPool

from flowerpower.jobs.stop import Stop


@pytest.mark.timeout(20)
def test_a_signal_may_ask_to_stop_while_the_main_thread_looks_whether_it_was_asked() -> None:
    stop = Stop()
    before = signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    try:
        with stop._cond:  # as `wait` does
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert stop.is_set()


def test_a_thread_that_waits_hears_of_it() -> None:
    stop, heard = Stop(), threading.Event()
    waiter = threading.Thread(target=lambda: stop.wait(60) and heard.set(), daemon=True)
    waiter.start()

    stop.set()

    waiter.join(20)
    assert heard.is_set()


def test_a_signal_may_ask_redis_while_the_main_thread_takes_a_connection() -> None:
    pool = ConnectionPool()

    with pool._lock:  # RQ tells Redis that a worker shall stop in the handler of the signal
        assert pool._lock.acquire(blocking=False), "this redis-py waits for itself there"
        pool._lock.release()
