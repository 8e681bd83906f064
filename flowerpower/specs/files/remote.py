"""The texts of a project at a URL: the same files as in a folder, by the same rules, and what is said when none come.

Whatever befalls there, the words about it show no secret of the URL and none of what was given to open it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from flowerpower.errors import FlowerPowerError, ProjectNotFoundError, UsageError
from flowerpower.filesystem import ALL_AT_ONCE, Filesystem, refuse_without_library
from flowerpower.specs.files.folder import module_folders
from flowerpower.specs.files.kinds import PROJECT_FILES, SKIPPED_FOLDERS, SPEC_FOLDERS, kind_of_file
from flowerpower.specs.files.reading import MAX_MODULE_BYTES, MAX_SPEC_BYTES, Reading, Sources
from flowerpower.specs.files.tree import Entry, Tree

_CREDENTIALS = (
    "they come from the environment or from the configuration of fsspec, as docs/io.md says, "
    "and in Python from `storage_options`"
)
_PAGES, _WITHOUT_USER = ("http", "https"), ("s3", "s3a", "gs", "gcs")
_AGAIN = "look whether the address is right, and run the command again"
# How the exceptions of many libraries are named, since there is no common one.
_SAID = (
    (("Credential", "NoAuth", "Unauthorized"), "there are no credentials for {place}, or none that can be used"),
    (("Timeout",), "{place} does not answer in time"),
    (("Connect", "Endpoint", "gaierror", "DNS"), "{place} cannot be reached"),
    (("BadZip", "ReadError", "TarError", "ArchiveError"), "{place} is no archive that can be read"),
)
_DENIED = (401, 403)
_DENIED_LOGINS = ("AuthenticationException", "LogonFailure", "AuthenticationError")
_MOST_NAMED = 5  # folders
_LONGEST = 200  # characters of what a library says
_PLAIN_OPTIONS = re.compile(r".*(url|host|region|region_name|protocol|project|port)")
_QUERY, _USER = re.compile(r"(\w://[^\s?'\"]*)\?[^\s'\")]*"), re.compile(r"(\w://)[^\s/@'\"]*@")


def project_at(url: str, options: Mapping[str, Any], ref: str | None, *, wary: bool = False) -> Filesystem:
    """Return what reads the project at a URL; nothing is asked of it before it is read.

    Be *wary* of somebody else's web server: it may not lead elsewhere, perhaps to what only this machine can reach.
    Raises UsageError for a URL that no project can be read from, MissingExtraError where a library is missing.
    """
    files = Filesystem(url, options=_without_redirects(url, options) if wary else options)
    if ref is not None:
        hint = "name a folder in a clone, or leave the revision away"
        raise UsageError(f"a git revision is one of a folder, and the project is at {files}", hint=hint)
    _refuse_misplaced_secrets(files)
    refuse_without_library(url)
    return files


def _without_redirects(url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that let no web server of a URL, which may be a chain of them, lead elsewhere."""
    found = dict(options)
    parts = url.split("::")
    for scheme in {part.partition("://")[0] for part in parts} & set(_PAGES):
        of_scheme = found if len(parts) == 1 else dict(found.get(scheme, {}))
        client = {**of_scheme.get("client_kwargs", {}), "raise_for_status": _refuse_redirect}
        of_scheme |= {"allow_redirects": False, "client_kwargs": client}
        if of_scheme is not found:
            found[scheme] = of_scheme
    return found


async def _refuse_redirect(response: Any) -> None:
    if response.status // 100 == 3:
        raise FlowerPowerError(
            "the server leads to another place", hint="for an untrusted project it is not followed there"
        )


def _refuse_misplaced_secrets(files: Filesystem) -> None:
    scheme, _, rest = files.root.partition("://")
    if scheme in _PAGES and re.search("[?#]", rest):
        hint = "name an archive of it, as zip://::https://host/acme.zip?token=..., or pass headers in `storage_options`"
        raise UsageError(f"what follows the `?` of {files} belongs to one file, and a project has many", hint=hint)
    bucket = rest.partition("/")[0]
    if scheme in _WITHOUT_USER and ("@" in bucket or ("@" in rest and ":" in bucket)):
        raise UsageError(f"a URL of {scheme}:// holds no credentials", hint=_CREDENTIALS)


def read_remote(files: Filesystem) -> Sources:
    """Return the spec files and modules at a URL; FlowerPowerError if there is no project, or it cannot be read."""
    reading = Reading()
    with _told(files):
        tree = Tree(files)
        top = _read_project_file(files, tree, reading)
        folders = [*SPEC_FOLDERS, *module_folders(reading.texts)]
        found = {entry.path: entry for entry in _usable(_below(tree, top, folders), reading)}
        specs = [entry for path, entry in found.items() if kind_of_file(path) in ("pipeline", "schedule")]
        _read(tree, specs, MAX_SPEC_BYTES, reading.texts, reading)
        inside = tuple("" if name == "." else f"{name}/" for name in folders[len(SPEC_FOLDERS) :])
        modules = [entry for path, entry in found.items() if path.endswith(".py") and path.startswith(inside)]
        _read(tree, modules if inside else [], MAX_MODULE_BYTES, reading.modules, reading)
    for path in sorted(found):
        if not kind_of_file(path):
            reading.report_lookalike(path)
    return reading.done()


def remote_project_texts(files: Filesystem) -> Mapping[str, bytes]:
    """Return the text of the project file alone; nothing of one that cannot be used."""
    reading = Reading()
    with _told(files):
        _read_project_file(files, Tree(files), reading)
    return reading.texts


def _read_project_file(files: Filesystem, tree: Tree, reading: Reading) -> set[str]:
    """Read the project file, and return the folders beside it."""
    top = tree.top()
    folders = {entry.path.partition("/")[0] for entry in top if entry.kind == "folder" or "/" in entry.path}
    found = [entry for entry in top if entry.path in PROJECT_FILES and entry.kind != "folder"]
    if not found:
        raise _not_found(files, sorted(folders))
    _read(tree, list(_usable(found, reading)), MAX_SPEC_BYTES, reading.texts, reading)
    for entry in top:  # as some programs on Windows pack archives: what is not read would be deleted by apply
        if "\\" in entry.path and kind_of_file(entry.path.replace("\\", "/")):
            reading.report("FP022", entry.path, "it is not read: there are backslashes in its path for slashes")
    return folders


def _below(tree: Tree, top: set[str], folders: Iterable[str]) -> Iterator[Entry]:
    """Yield the files below some folders of the project, those that lie in another of them once."""
    wanted = [folder for folder in dict.fromkeys(folders) if folder == "." or folder.partition("/")[0] in top]
    if "." in wanted:
        wanted = ["."]
    for folder in wanted:
        if not any(folder.startswith(f"{other}/") for other in wanted):
            yield from tree.below("" if folder == "." else folder)


def _usable(entries: Iterable[Entry], reading: Reading) -> Iterator[Entry]:
    """Yield the files that a reader of a folder would find and read; those that it could not are noted."""
    for entry in entries:
        ours = kind_of_file(entry.path) or entry.path.endswith(".py")
        if any(part in ("", ".", "..") for part in entry.path.split("/")):
            if ours:
                reading.report("FP022", entry.path, "it is not read: a part of its path is empty, `.` or `..`")
        elif _is_hidden(entry.path) or not reading.accepts(entry.path):
            continue
        elif entry.kind == "file":
            yield entry
        elif ours and entry.kind == "link":
            reading.report("FP005", entry.path, "the file is a link; at a URL links are not followed")
        elif ours:
            reading.report("FP001", entry.path, "it is not a regular file")


def _is_hidden(path: str) -> bool:
    *folders, _ = parts = path.split("/")
    return any(part.startswith(".") for part in parts) or not SKIPPED_FOLDERS.isdisjoint(folders)


def _read(tree: Tree, entries: Iterable[Entry], limit: int, into: dict[str, bytes], reading: Reading) -> None:
    wanted = []
    for entry in entries:
        if entry.size is not None and entry.size > limit:
            reading.report("FP002", entry.path, f"the file has more than {limit:,} bytes")
        else:
            wanted.append(entry)
    for path, content in tree.contents(wanted, limit):
        if isinstance(content, FileNotFoundError):
            reading.report("FP001", path, "it was deleted while the project was read")
        elif isinstance(content, PermissionError):
            reading.report("FP001", path, "it cannot be read: access is denied")
        elif isinstance(content, Exception):
            raise content
        elif len(content) > limit:
            reading.report("FP002", path, f"the file has more than {limit:,} bytes")
        else:
            into[path] = content


@contextmanager
def _told(files: Filesystem) -> Iterator[None]:
    """Say in our own words what goes wrong with a store, and without its secrets."""
    try:
        yield
    except FlowerPowerError:
        raise
    except FileNotFoundError as error:
        cause: BaseException | None = error  # some stores say so of all that they cannot get
        while isinstance(cause, FileNotFoundError):
            cause = cause.__cause__
        raise (isinstance(cause, Exception) and _known(files, cause)) or _not_found(files) from None
    except Exception as error:  # noqa: BLE001 - each library has its own, and what they say may hold a secret
        raise _as_ours(files, error) from None


def _not_found(files: Filesystem, folders: Sequence[str] = ()) -> ProjectNotFoundError:
    there = (
        f"; there are {', '.join(folders[:_MOST_NAMED])}{' ...' if folders[_MOST_NAMED:] else ''}" if folders else ""
    )
    hint = f"name the folder that holds it, in an archive as zip://FOLDER::URL{there}"
    return ProjectNotFoundError(f"no flowerpower.yaml at {files}", hint=hint)


def _as_ours(files: Filesystem, error: Exception) -> FlowerPowerError:
    words = f"{files} cannot be read: {type(error).__name__}{_said_by(error, files)}"
    return _known(files, error) or FlowerPowerError(words, hint=_AGAIN)


def _known(files: Filesystem, error: Exception) -> FlowerPowerError | None:
    """Return what an exception means, if it is of a kind that many stores have."""
    if any(words in str(error) for words in ALL_AT_ONCE):
        hint = "let it be fetched at once: write `simplecache::` before its URL, as zip://acme::simplecache::https://host/a.zip"
        return FlowerPowerError(f"the server of {files} sends no parts of a file", hint=hint)
    kinds = " ".join(kind.__name__ for kind in type(error).__mro__)
    told = _said_by(error, files)
    refused = isinstance(error, PermissionError) or any(name in kinds for name in _DENIED_LOGINS)
    if refused or getattr(error, "status", None) in _DENIED:
        return FlowerPowerError(f"access to {files} is denied{told}", hint=f"look at the credentials: {_CREDENTIALS}")
    for names, words in _SAID:
        if any(name in kinds for name in names):
            hint = _CREDENTIALS if "credentials" in words else _AGAIN
            return FlowerPowerError(f"{words.format(place=files)}{told}", hint=hint)
    return None


def _said_by(error: Exception, files: Filesystem) -> str:
    """Return the first line of what a library said, without what was given to open the store and without queries."""
    line = str(error).strip().partition("\n")[0]
    for secret in sorted(_secrets_of(files), key=len, reverse=True):
        line = line.replace(secret, "***")
    line = _USER.sub(r"\1", _QUERY.sub(r"\1", line))[:_LONGEST]
    return f" ({line})" if line else ""


def _secrets_of(files: Filesystem) -> Iterator[str]:
    for part in files.root.split("::"):
        rest = part.partition("://")[2]
        queries = rest.partition("?")[2].partition("#")[0].split("&")
        for found in (*re.split("[:@]", rest.rpartition("@")[0]), *(query.partition("=")[2] for query in queries)):
            yield from (text for text in (found, unquote(found)) if len(text) > 2)
    yield from _texts_in(files.options)


def _texts_in(options: object, name: str = "") -> Iterator[str]:
    """Yield the texts of options that may be secret, which all are that are not known to be none."""
    if isinstance(options, Mapping):
        for key, value in options.items():
            yield from _texts_in(value, str(key))
    elif isinstance(options, list | tuple):
        for value in options:
            yield from _texts_in(value, name)
    elif isinstance(options, str) and len(options) > 2 and not _PLAIN_OPTIONS.fullmatch(name):
        yield options
