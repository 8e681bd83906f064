"""The language server for the tests here, and a project for it to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.language_server import LanguageServer, language_server

from flowerpower.scaffold import init


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="Write what the language server answers into the cases.")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project."""
    folder = tmp_path_factory.mktemp("editor") / "acme"
    init(folder)
    return folder


@pytest.fixture(scope="session")
def server(project: Path) -> Iterator[LanguageServer]:
    """The language server with the project open."""
    with language_server(project) as running:
        yield running
