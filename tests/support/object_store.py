"""A real S3 API on this machine, for tests: moto's server, with a bucket of its own for each test."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Bucket:
    """A bucket, and what a spec needs to reach it."""

    name: str
    endpoint: str
    client: Any

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    @property
    def options(self) -> dict[str, str]:
        return {"endpoint_url": self.endpoint, "key": "test-key", "secret": "test-secret"}

    @property
    def keys(self) -> list[str]:
        return [item["Key"] for item in self.client.list_objects_v2(Bucket=self.name).get("Contents", ())]


@contextmanager
def object_store() -> Iterator[str]:
    """Yield the address of a server that keeps its objects in memory."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@cache
def _client(endpoint: str) -> Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="test-key",
        aws_secret_access_key="test-secret",
        region_name="us-east-1",
    )


def new_bucket(endpoint: str) -> Bucket:
    client = _client(endpoint)
    name = f"bucket-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    return Bucket(name, endpoint, client)
