"""`render`: the specs as they are after defaults, patches and variables."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerpower.cli.options import Revision, command
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.specs.loader import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app, "render", "Print the specs as they are in an environment.", "flowerpower render --env prod nightly_sales"
    )(render)


def render(
    session: Session,
    revision: Revision,
    names: Annotated[
        list[str] | None, typer.Argument(help="Pipelines and schedules to show; without any, all of them.")
    ] = None,
) -> None:
    """Print the specs after defaults, environment patches and variables, so that nobody has to guess."""
    project = session.project().spec
    found = _documents(project, names or [])
    session.document({kind: {name: spec for (k, name), spec in found.items() if k == kind} for kind in _KINDS})
    session.result(
        "---\n".join(
            f"# {kind} {name}  {project.places[f'{kind}.{name}' if kind != 'project' else 'project']}\n{_yaml(spec)}"
            for (kind, name), spec in found.items()
        ).rstrip()
    )


_KINDS = ("project", "pipeline", "schedule")


def _documents(project: Project, names: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
    found = {
        **({} if names else {("project", project.spec.name): project.spec}),
        **{("pipeline", name): spec for name, spec in sorted(project.pipelines.items())},
        **{("schedule", name): spec for name, spec in sorted(project.schedules.items())},
    }
    unknown = set(names) - {name for _, name in found}
    if unknown:
        raise UsageError(
            f"no pipeline or schedule is named {sorted(unknown)[0]!r} in environment {project.env!r}",
            hint="`flowerpower render` without names shows all",
        )
    return {key: _plain(spec) for key, spec in found.items() if not names or key[1] in names}


def _plain(spec: Any) -> dict[str, Any]:
    from flowerpower.state.connection import hide_credentials

    values: dict[str, Any] = spec.model_dump(mode="json", exclude_none=True, exclude={"environments"})
    redis = values.get("redis")
    if isinstance(redis, str) and "://" in redis:
        values["redis"] = hide_credentials(redis)
    return values


def _yaml(value: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    stream = StringIO()
    writer = YAML(pure=True)
    writer.default_flow_style = False
    writer.width = 4096
    writer.dump(value, stream)
    return stream.getvalue()
