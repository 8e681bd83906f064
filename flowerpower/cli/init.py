"""`init`: a new project that validates, plans and runs at once."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import FlowerPowerError

if TYPE_CHECKING:
    from flowerpower.scaffold import Answers


@dataclass(frozen=True)
class Wanted:
    """The flags that answer the questions; what is not given is asked on a terminal."""

    name: Annotated[str | None, flag("--name", help="Name of the project; without it, the folder's.")] = None
    ci: Annotated[
        Literal["github", "gitlab", "none"] | None,
        flag(
            "--ci",
            env="FLOWERPOWER_INIT_CI",
            help="Whose CI plans and applies; without it, that of `origin`, else github.",
        ),
    ] = None
    compose: Annotated[
        bool | None,
        flag(
            "--compose/--no-compose",
            env="FLOWERPOWER_INIT_COMPOSE",
            help="Files for Docker Compose: Redis, scheduler, workers, dashboard; without, yes.",
        ),
    ] = None
    timezone: Annotated[
        str | None,
        flag(
            "--timezone",
            env="FLOWERPOWER_INIT_TIMEZONE",
            help="Time zone of the schedules; without it, UTC.",
            metavar="NAME",
        ),
    ] = None


@command("init", "Make a new project.", "flowerpower init acme && cd acme && flowerpower plan")
def init(
    session: Session,
    wanted: Wanted,
    *,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder of the new project; without it, this one.")
    ] = None,
    keep: Annotated[
        bool, flag("--keep", env="FLOWERPOWER_INIT_KEEP", help="Leave files that are there, and write the others.")
    ] = False,
    git: Annotated[bool, flag("--git/--no-git", help="Start a git repository with a first commit.")] = True,
    defaults: Annotated[
        bool, flag("-y", "--defaults", env="FLOWERPOWER_INIT_DEFAULTS", help="Ask nothing, take the likely answers.")
    ] = False,
) -> None:
    """Make a new project that plans and runs at once: specs, a pipeline with its test, CI, containers, editor settings.

    On a terminal it asks what no flag has answered; nothing is written before the last answer, and never over a file.
    """
    from flowerpower import scaffold

    if folder is None and session.settings.url:
        from flowerpower.filesystem import no_folder

        raise no_folder(session.settings.url)
    folder = folder or session.settings.project
    scaffold.refuse_taken(folder, keep=keep)
    answers = scaffold.answers_for(folder, **vars(wanted))
    if session.can_ask and not defaults:
        answers = _ask(answers, vars(wanted))
    kept = scaffold.kept_files(folder, answers) if keep else []
    files = scaffold.init(folder, answers, keep=keep)
    repository = scaffold.start_repository(folder, files) if git else "no git"
    document = {"folder": str(folder), "name": answers.name, "repository": repository}
    session.document({**document, "files": [*map(Path.as_posix, files)], "kept": [*map(Path.as_posix, kept)]})
    session.result("\n".join(f"{session.style('+', 'create')} {folder / path}" for path in files))
    session.talk(_last_words(session, folder, answers, repository, kept))


def _ask(answers: Answers, given: Mapping[str, Any]) -> Answers:
    """Ask what is not given; what cannot be is said at once, and asked again."""
    from flowerpower.scaffold import QUESTIONS

    for name in (name for name in given if given[name] is None):
        default = getattr(answers, name)
        answer: Any
        if isinstance(default, bool):
            answer = typer.confirm(QUESTIONS[name], default=default, err=True)
        else:
            answer = typer.prompt(QUESTIONS[name], default=default, value_proc=_checks(answers, name), err=True)
        answers = replace(answers, **{name: answer})
    return answers


def _checks(answers: Answers, name: str) -> Callable[[str], str]:
    """Return the function that takes an answer, or says what is wrong with it and lets it be asked again."""

    def check(text: str) -> str:
        answer: Any = text.strip()
        try:
            replace(answers, **{name: answer}).checked()
        except FlowerPowerError as error:
            raise typer.BadParameter(f"{error} ({error.hint})" if error.hint else str(error)) from None
        return text.strip()

    return check


_OF_GIT = {
    "committed": "under git, with a first commit",
    "not committed": "under git; git does not know who you are yet, so the files wait for you to commit them",
    "already in one": "in the repository that was there; nothing is committed",
    "no git": "without git",
}
_TO_COMMIT = {
    'git config --global user.name "Your Name"': "",
    "git config --global user.email you@example.org": "",
    'git commit --message "Start the project"': "the files are added already",
}


def _last_words(session: Session, folder: Path, answers: Answers, repository: str, kept: Sequence[Path]) -> str:
    """Return what was made, and the next commands: at most four, and before them those that git waits for."""
    style = session.talk_style
    lines = [f"\nThe project {answers.name} is in {folder.resolve()}, {_OF_GIT[repository]}."]
    if kept:
        lines.append(f"Left as they were: {', '.join(map(str, kept))}.{_of_ignored(kept)}")
    lines += _of_a_subfolder(answers) if answers.folder != "." else []
    commands = {
        f"cd {_in_shell(folder)}": "",
        **(_TO_COMMIT if repository == "not committed" else {}),
        "flowerpower run licences": "run the pipeline here, without Redis; the result is in out/",
        "flowerpower plan": "what would change in Redis, and what that means in time",
        "flowerpower apply": "make it so",
    }
    shown = [(text, why) for text, why in commands.items() if text != "cd ."]
    wide = max(len(text) for text, _ in shown)
    lines += [
        "\nNext:",
        *(f"  {text:<{wide}}  {style(f'# {why}', 'faint') if why else ''}".rstrip() for text, why in shown),
    ]
    return "\n".join(lines)


def _of_ignored(kept: Sequence[Path]) -> str:
    return " Let .gitignore leave out .flowerpower/, .env and out/." if Path(".gitignore") in kept else ""


def _of_a_subfolder(answers: Answers) -> list[str]:
    """Return what there is to do where the project is not the whole repository."""
    homes = {
        "github": "GitHub reads .github/workflows/ of the root alone: move flowerpower.yml there.",
        "gitlab": f"GitLab reads .gitlab-ci.yml of the root alone: `include: {answers.folder}/.gitlab-ci.yml` in it.",
        "none": "",
    }
    hooks = "pre-commit reads .pre-commit-config.yaml of the root alone: move it there, or its hooks."
    return [
        f"It is the folder {answers.folder} of its repository:",
        *(f"- {text}" for text in (homes[answers.ci], hooks) if text),
    ]


def _in_shell(folder: Path) -> str:
    text = str(folder)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)
