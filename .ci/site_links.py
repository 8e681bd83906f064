"""Hooks of the site: links out of `docs/` lead to the repository, headings keep their names, bars lose their escape."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
log = logging.getLogger("properdocs.hooks.site")
_NAMED = re.compile(r"^(#+) <a id=\"([^\"]+)\"></a>(.+)$", re.MULTILINE)
_CELL = re.compile(r"<td.*?</td>", re.DOTALL)
_LEAVES = re.compile(r"(?<=\]\()(?P<path>(?:\.\./)+[^)#\s]+)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Return the text of a page for the site.

    Its links out of the documentation lead to the repository. A heading with an anchor in it, as GitHub needs it, has
    that name: one made of its words is another as soon as an equal heading comes before it.
    """
    folder = Path(config["docs_dir"], page.file.src_path).parent

    def turned(found: re.Match[str]) -> str:
        target = (folder / found["path"]).resolve()
        if target.is_relative_to(config["docs_dir"]):
            return found["path"]
        if not target.exists():
            log.warning("%s links to %s, which is not there", page.file.src_path, found["path"])
        kind = "tree" if target.is_dir() else "blob"
        return f"{config['extra']['repository']}/{kind}/main/{target.relative_to(CHECKOUT)}"

    return _NAMED.sub(r"\1 \3 {#\2}", _LEAVES.sub(turned, markdown))


def on_page_content(html: str, **_: Any) -> str:
    """Return a page on which `\\|` in a table is a bar, also within code, as GitHub shows it."""
    return _CELL.sub(lambda cell: cell[0].replace("\\|", "|"), html)
