"""A lifecycle adapter of Hamilton that only watches: it writes the name of each node to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowerpower.pipelines.adapters.setting import Setting


class Notebook:
    """Has methods named as Hamilton's events; what it raises is logged and never fails the run."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def post_node_execute(self, *, node_: Any, success: bool, **event: Any) -> None:
        """Note a node that has been computed."""
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(f"{node_.name} {'done' if success else 'failed'}\n")


def notebook(setting: Setting) -> Notebook:
    """Return the adapter of one run; `setting` has its context and its secrets."""
    return Notebook(Path(setting.secrets.setting("EXAMPLE_NOTEBOOK")))
