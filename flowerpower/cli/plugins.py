"""`plugins`: which plug-ins are installed, which of them the project uses, and what is wrong."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.cli.terminal import prints_to_stderr
from flowerpower.errors import ProjectNotFoundError

Group = Literal["io", "adapters", "executors", "secrets", "messaging", "checks"]


@command("plugins", "Show the plug-ins that are installed.", "flowerpower plugins list")
def plugins(
    session: Session,
    action: Annotated[Literal["list"], typer.Argument(help="What to do: list them.")] = "list",
    group: Annotated[Group | None, flag("--group", env="", help="Of one group only.")] = None,
) -> int:
    """Show the plug-ins that are installed, from which distribution, and whether the project allows and can load them.

    Only those of distributions that the project names under `plugins:` are loaded.
    """
    del action
    from flowerpower.plugins import installed_plugins, is_installed
    from flowerpower.render.plugins import plugins_dict, plugins_text
    from flowerpower.settings import plugins_are_off

    named = _named(session)
    with prints_to_stderr(active=True):
        everything = installed_plugins(named)
    found = [one for one in everything if not group or one.group.removeprefix("flowerpower.") == group]
    missing = [name for name in named or () if not is_installed(name)]
    session.document(plugins_dict(found, named, missing, off=plugins_are_off()))
    session.result(plugins_text(found, named, missing, off=plugins_are_off(), style=session.style))
    return 0


def _named(session: Session) -> tuple[str, ...] | None:
    """Return the distributions that the project names, None where there is no project."""
    try:
        with session.project() as project:
            return tuple(project.home.plugins)
    except ProjectNotFoundError:
        return None
