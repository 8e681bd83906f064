"""A file of TLS that is of no use is named: redis-py tells of it as if the server had said so."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from flowerpower.errors import StoreError
from flowerpower.state.connection import connect, is_away, redis_errors


def said_of(url: str) -> StoreError:
    with pytest.raises(StoreError) as caught, connect(url) as connection, redis_errors("looking"):
        connection.ping()
    return caught.value


@pytest.mark.parametrize(
    ("query", "file", "why"),
    [
        ("ssl_ca_certs={there}/none.pem", "none.pem", "No such file or directory"),
        ("ssl_ca_certs={there}", "", "Is a directory"),
        ("ssl_ca_certs={there}/text.pem", "text.pem", "NO_CERTIFICATE_OR_CRL_FOUND"),
        ("ssl_certfile={there}/text.pem&ssl_keyfile={there}/none.key", "none.key", "No such file or directory"),
        ("ssl_certfile={there}/none.pem&ssl_keyfile={there}/text.pem", "none.pem", "No such file or directory"),
        ("ssl_certfile={there}/text.pem&ssl_keyfile={there}/text.pem", "text.pem", "PEM lib"),
    ],
)
def test_a_file_that_is_of_no_use_is_named(tmp_path: Path, query: str, file: str, why: str) -> None:
    (tmp_path / "text.pem").write_text("no certificate")

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        error = said_of(f"rediss://127.0.0.1:{port}/0?{query.format(there=tmp_path)}")

    assert str(error).startswith(f"Redis failed while looking: the TLS file {(tmp_path / file)} cannot be used: ")
    assert why in str(error)
    assert "permissions" in error.hint
    assert is_away(error), "the file may be there in a moment, as when it is changed"


def test_a_server_that_is_away_is_not_blamed_on_files() -> None:
    assert "Connection refused" in str(said_of("rediss://127.0.0.1:1/0"))
