"""Names that a shell completes: those of the checkout around, read in passing. No code of the project runs, no Redis is
asked, and what cannot be read offers nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

# The name of a spec or an environment; anything else in a checkout is no name, and no shell needs to quote these.
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:-[a-z0-9_]+)*", re.ASCII)
_OWN_NAME = re.compile(rb"^name:[ \t]*['\"]?([a-z0-9_-]+)", re.MULTILINE)
_REVISION = re.compile(r"[\w./+@-]+", re.ASCII)
_MOST_READ = 1_000  # spec files; in a larger project a name is that of the file
_SECONDS = 2

Names = Callable[[Sequence[str], str], list[str]]
"""From the words before the one at the cursor, and its beginning, to what may stand there."""


def schedules(args: Sequence[str], incomplete: str) -> list[str]:
    """Return the schedules whose names begin so."""
    return _beginning(incomplete, _spec_names(_project(args), "schedules"))


def pipelines(args: Sequence[str], incomplete: str) -> list[str]:
    """Return the pipelines whose names begin so."""
    return _beginning(incomplete, _spec_names(_project(args), "pipelines"))


def both(args: Sequence[str], incomplete: str) -> list[str]:
    """Return the schedules and pipelines whose names begin so."""
    return sorted({*schedules(args, incomplete), *pipelines(args, incomplete)})


def addresses(args: Sequence[str], incomplete: str) -> list[str]:
    """Return the schedules and pipelines as a plan names them: `schedule.nightly`."""
    folder = _project(args)
    return _beginning(
        incomplete,
        (f"{kind}.{name}" for kind in ("schedule", "pipeline") for name in _spec_names(folder, f"{kind}s")),
    )


def environments(args: Sequence[str], incomplete: str) -> list[str]:
    """Return the environments that the project file names, and `default`."""
    return _beginning(incomplete, [*_of_project(args, "environments"), "default"])


def queues(args: Sequence[str], incomplete: str) -> list[str]:
    """Return the queues that the project file names, and `default`."""
    return _beginning(incomplete, [*_of_project(args, "queues"), "default"])


def _of_project(args: Sequence[str], key: str) -> list[str]:
    """Return the names that stand under a key of the project file."""
    import yaml

    folder = _project(args)
    if folder is None:
        return []
    text = next(_read(folder / name for name in ("flowerpower.yaml", "flowerpower.yml")), b"")
    node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [name for name in _keys(dict(_items(node)).get(key)) if _NAME.fullmatch(name)]


def zones(args: Sequence[str], incomplete: str) -> list[str]:
    """Return the time zones whose names begin so."""
    del args
    from importlib.resources import files

    listed = files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return _beginning(incomplete, listed.split())


def revisions(args: Sequence[str], incomplete: str) -> list[str]:
    """Return the branches and tags of the repository around."""
    from flowerpower.git import git

    folder = _project(args) or Path.cwd()
    shown = git(folder, "for-each-ref", "--format=%(refname:short)", seconds=_SECONDS, wary=True)
    names = shown.decode("utf-8", errors="replace").split()
    return _beginning(incomplete, ("HEAD", *(name for name in names if _REVISION.fullmatch(name))))


def words(*known: str) -> Names:
    """Return what offers some fixed words."""
    return lambda args, incomplete: _beginning(incomplete, known)


def _beginning(start: str, names: Iterator[str] | Sequence[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(start)})


def _project(args: Sequence[str]) -> Path | None:
    """Return the folder of the project that the words before the cursor name, or that is around."""
    from flowerpower.errors import FlowerPowerError
    from flowerpower.settings import read_settings
    from flowerpower.specs.files.walk import find_project

    named = ""
    for word, following in zip(args, [*args[1:], ""], strict=True):
        if word == "--project" and following:
            named = following
        elif word.startswith("--project="):
            named = word.partition("=")[2]
    named = named or str(read_settings().project)
    try:  # of a project at a URL nothing is fetched for somebody who types
        return None if ":/" in named else find_project(Path(named).expanduser())
    except FlowerPowerError:
        return None


@cache
def _spec_names(folder: Path | None, kind: str) -> tuple[str, ...]:
    """Return the names of the specs of a kind; what a file calls itself counts where there are not very many."""
    if folder is None:
        return ()
    files = list(_spec_files(str(folder / kind)))
    found = {Path(file).stem for file in files}
    if len(files) <= _MOST_READ:
        named = {file: _OWN_NAME.findall(text) for file in files for text in _read([Path(file)])}
        found = {Path(file).stem for file in files if not named.get(file)}
        found |= {name.decode() for names in named.values() for name in names}
    return tuple(name for name in found if _NAME.fullmatch(name))


def _spec_files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as scan:
        entries = list(scan)
    for entry in entries:
        if entry.name.endswith((".yaml", ".yml")):
            yield entry.path
        elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from _spec_files(entry.path)


def _read(files: Iterator[Path] | Sequence[Path]) -> Iterator[bytes]:
    for file in files:
        try:
            yield file.read_bytes()
        except OSError:
            continue


def _items(node: object) -> Iterator[tuple[str, object]]:
    value = getattr(node, "value", None)
    for pair in value if isinstance(value, list) else ():
        if isinstance(pair, tuple):
            yield str(pair[0].value), pair[1]


def _keys(node: object) -> list[str]:
    return [key for key, _ in _items(node)]
