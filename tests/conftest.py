"""What every test may ask for: above all a real Redis, started here, private to one test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings
from support.object_store import Bucket, new_bucket, object_store

from flowerpower.embedded import embedded_server
from flowerpower.settings import read_settings

settings.register_profile("any machine", deadline=None)  # no test fails because a machine is slow
settings.load_profile("any machine")


@pytest.fixture(autouse=True, scope="session")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what commands remember apart from what the user's own remember; and let them buffer, as they do there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONUNBUFFERED", raising=False)
        patch.setenv("FLOWERPOWER_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("GIT_TEMPLATE_DIR", "")  # hundreds of repositories need no samples of hooks
        yield


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real server without persistence; FLOWERPOWER_TEST_REDIS_SERVER names another program."""
    folder = tmp_path_factory.mktemp("redis")
    with embedded_server(folder, binary=read_settings().redis_server, durable=False) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str, redis_connection: redis.Redis) -> str:
    """The URL of the test server, empty at the start of each test."""
    return redis_server


@pytest.fixture
def redis_connection(redis_server: str) -> Iterator[redis.Redis]:
    """A connection to the test server, empty at the start of each test."""
    with redis.Redis.from_url(redis_server) as connection:
        connection.flushall()
        yield connection


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder of the checkout that is being tested."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of an S3 API."""
    with object_store() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    """A bucket of its own there."""
    return new_bucket(endpoint)
