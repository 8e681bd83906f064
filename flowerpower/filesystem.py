"""One small filesystem over fsspec, rooted at a folder or a URL, that never leaves its root.

No filesystem object outlives a call: those of object stores are not safe to use after a fork, and workers fork.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from flowerpower.errors import FlowerPowerError, MissingExtraError, RefusedError, UsageError
from flowerpower.stores import (
    SERVERS,
    draft_name,
    is_draft,
    is_draft_of,
    limit_silence,
    options_for,
    place_and_name,
    put,
    reading,
    room_for_copies,
)

_WRAPPERS = frozenset({"simplecache", "zip", "tar"})  # before `::`; what they wrap is what is checked
_LOCAL = ("file://", "local://")
_EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("abfs", "abfss", "az"), "azure"),
    **dict.fromkeys(("http", "https"), "http"),
    **dict.fromkeys(("sftp", "ssh"), "sftp"),
    "smb": "smb",
}
_WITH_LOGIN = SERVERS | {"http", "https"}
_NAMED_BY_USER = ("github",)  # github://organization:repository@revision/folder
_TOKEN = re.compile(r"gh[a-z]_|github_pat_")  # which somebody may write there
_PARTS_OF_URL = re.compile(r"([^/?#]*)(.*)", re.DOTALL)
ALL_AT_ONCE = ("range requests", "seek streaming")
"""Words in what fsspec says where a web server sends no parts of a file, or not its length."""
_WITH_CACHE = (
    "let the archive be fetched at once: write `simplecache::` before its URL, as zip://x.csv::simplecache::https://..."
)
_DRAFT_IS_LEFT = 60.0  # seconds after which a draft that nobody holds was left by a writer that died


@dataclass(frozen=True, slots=True)
class Filesystem:
    """Files below *root*, a local folder or any fsspec URL.

    Paths are relative to the root. An absolute path or URL, or one that leaves the root, raises RefusedError, unless
    it lies in one of the *allowed* folders or URL prefixes. *options* go to fsspec and may hold credentials.
    This keeps honest specs in their place; it is no sandbox for hostile code.
    """

    root: str
    allowed: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"Filesystem({hide_credentials(self.root)!r})"

    def __str__(self) -> str:
        return hide_credentials(self.root)

    def opened(self) -> tuple[Any, str]:
        """Return the store of fsspec that *root* is a URL of, and where the root is in it; not to be kept."""
        refuse_without_library(self.root)
        return _opened(self.root, self.options)

    def resolve(self, path: str) -> str:
        """Return the full path or URL that *path* means; raises RefusedError when it is out of bounds."""
        _refuse_odd(path)
        path = _without_local_protocol(path)
        if "::" in path:
            return self._wrapped(path)
        if is_url(path):
            return self._allowed_url(path)
        if is_url(self.root):
            if path.startswith("/") or ".." in path.split("/"):
                raise _refusal(path, self.root)
            return f"{self.root.rstrip('/')}/{path}"
        return self._local(path)

    def refuse_without_library(self, path: str) -> None:
        """Raise MissingExtraError, or another FlowerPowerError, where what *path* needs is not installed here."""
        refuse_without_library(self.resolve(path))

    def refuse_unwritable(self, path: str) -> None:
        """Raise FlowerPowerError where it is certain that no file can be written at a path of this machine."""
        full = self.resolve(path)
        if is_url(full):
            return
        try:
            why = _unwritable(Path(full))
        except OSError as error:  # a folder above that may not be entered, a name that is too long
            why = error.strerror or type(error).__name__
        if why:
            raise FlowerPowerError(f"{path} cannot be written: {why}", hint="name another place, or make this one fit")

    def refuse_unless_allowed(self, url: str) -> None:
        """Raise RefusedError unless *url*, of something that is no file, lies in an allowed prefix."""
        self._allowed_url(url)

    @contextmanager
    def open(self, path: str, *, page: bool = True) -> Iterator[BinaryIO]:
        """Open *path* for reading, as bytes; raises FileNotFoundError when it is not there.

        Where no *page* is wanted, one of HTML that a web server gives in the place of a file raises PageError.
        """
        full = self.resolve(path)
        if not is_url(full):
            with Path(full).open("rb") as handle:
                yield handle
            return
        store, inner = self._store(full)
        with reading(store, full, inner, page=page) as handle:
            yield handle

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        """Open *path* for writing, as bytes; what was there before stays until the block ends well.

        A local file is replaced in one step after its bytes are on the disk; elsewhere the file is put in one piece, as
        atomic as the store can. Folders are made as needed.
        """
        full = self.resolve(path)
        if "::" in full:
            raise RefusedError(
                f"{hide_credentials(path)} can only be read", hint="write a file or an object of its own"
            )
        with replace_file(Path(full)) if not is_url(full) else self._put(full) as handle:
            yield handle

    def find(self, pattern: str) -> tuple[str, ...]:
        """Return the paths of the files that match *pattern*, sorted; `*` is part of a name, `**` any folders."""
        full = self.resolve(pattern)
        if is_url(full):
            store, inner = self._store(full)
            before, wrapped = _around(full, inner)
            after = "".join(f"::{part}" for part in pattern.split("::")[-wrapped:]) if wrapped else ""  # as written
            found = [f"{before}{path}{after}" for path in store.glob(inner) if not is_draft(path.rpartition("/")[2])]
            return tuple(sorted(path.removeprefix(f"{self.root.rstrip('/')}/") for path in found))
        base = Path("/") if Path(pattern).is_absolute() else Path(self.root).resolve()
        whole = (path for path in base.glob(pattern.lstrip("/")) if path.is_file())
        matches = [path for path in whole if not is_draft(path.name)]
        return tuple(sorted(str(path) if base == Path("/") else path.relative_to(base).as_posix() for path in matches))

    def exists(self, path: str) -> bool:
        """Return whether there is a file or folder at *path*."""
        full = self.resolve(path)
        if not is_url(full):
            return Path(full).exists()
        store, inner = self._store(full)
        return bool(store.exists(inner))

    def list(self, folder: str = "") -> tuple[str, ...]:
        """Return the paths of all files below *folder*, relative to the root and sorted; none when it is not there."""
        full = self.resolve(folder) if folder else self.root
        if not is_url(full):
            base = Path(self.root).resolve()
            start = Path(full).resolve()
            return tuple(sorted(found.relative_to(base).as_posix() for found in start.rglob("*") if found.is_file()))
        store, inner = self._store(full)
        _, base_path = self._store(self.root)
        prefix = base_path.rstrip("/") + "/"
        return tuple(sorted(str(found).removeprefix(prefix) for found in store.find(inner)))

    def _local(self, path: str) -> str:
        """Return the real path behind *path*, symbolic links followed."""
        base = Path(self.root).resolve()
        real = (base / path).resolve()
        if ".." in path.split("/") and not Path(path).is_absolute():
            raise _refusal(path, self.root)
        if not any(real.is_relative_to(folder) for folder in self._local_folders(base, path)):
            raise _refusal(path, self.root)
        return str(real)

    def _local_folders(self, base: Path, path: str) -> Iterator[Path]:
        if not Path(path).is_absolute():
            yield base
        allowed = [_without_local_protocol(folder) for folder in self.allowed]
        yield from ((base / folder).resolve() for folder in allowed if not is_url(folder))

    def _wrapped(self, path: str) -> str:
        """Return the URL of something in an archive or a cache; what those wrap is what is checked."""
        *wrappers, target = path.split("::")
        if not target or any(part.partition("://")[0] not in _WRAPPERS for part in wrappers):
            raise _refusal(path, self.root)
        full = self.resolve(target)
        return "::".join([*wrappers, full if is_url(full) else f"file://{full}"])

    def _allowed_url(self, path: str) -> str:
        climbs = ".." in path.split("/") or "%2e" in path.lower()
        meant = (path, _without_login(path))
        if not climbs and any(_covers(prefix, url) for prefix in self.allowed if is_url(prefix) for url in meant):
            return path
        raise _refusal(path, self.root)

    def _store(self, url: str) -> tuple[Any, str]:
        with _libraries(url):
            return _opened(url, self.options)

    @contextmanager
    def _put(self, url: str) -> Iterator[BinaryIO]:
        store, inner = self._store(url)
        # Not opened for writing in the store: closing such a file after an error would publish half of it.
        with tempfile.NamedTemporaryFile(prefix="flowerpower-") as draft:
            with room_for_copies():
                yield cast("BinaryIO", draft)
                draft.flush()
            put(store, url, inner, Path(draft.name))


def _opened(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """Return the store of fsspec that *url* lies in, and where in it."""
    import fsspec

    place, name = place_and_name(url)
    store, inner = fsspec.core.url_to_fs(place, **options_for(place, options))
    limit_silence(store, place)
    store.invalidate_cache()  # fsspec hands out one store many times; what it remembers of sizes may be old
    return store, str(inner if name is None else name)


def refuse_without_library(url: str) -> None:
    """Raise MissingExtraError, or another FlowerPowerError, where what a URL needs is not installed here."""
    import fsspec

    for part in url.split("::") if is_url(url) else ():
        with _libraries(url):
            fsspec.get_filesystem_class(part.partition("://")[0] if "://" in part else None)


@contextmanager
def _libraries(url: str) -> Iterator[None]:
    """Say in our own words that a library for *url* is missing, or that there is none."""
    try:
        yield
    except ImportError as error:
        if extra := _EXTRAS.get(url.rpartition("::")[2].partition("://")[0]):
            raise MissingExtraError(hide_credentials(url), extra) from None
        raise FlowerPowerError(f"{hide_credentials(url)} needs a library that is not installed: {error}") from None
    except ValueError as error:
        hint = _WITH_CACHE if any(words in str(error) for words in ALL_AT_ONCE) else None
        raise FlowerPowerError(f"{hide_credentials(url)}: {error}", hint=hint) from None


def is_url(path: str) -> bool:
    """Return whether *path* names a protocol, as `s3://bucket/key` and `zip://a.csv::file.zip` do."""
    return "://" in path or "::" in path


def _without_local_protocol(path: str) -> str:
    """Return the plain path of a URL of this machine, so that the rules for paths are the rules for it."""
    for protocol in _LOCAL:
        if path.startswith(protocol) and "::" not in path:
            return f"/{path.removeprefix(protocol).lstrip('/')}"
    return path


def hide_credentials(url: str) -> str:
    """Return *url* without user, password, query and fragment."""
    return "::".join(map(_part_without_credentials, url.split("::")))


def _part_without_credentials(part: str) -> str:
    protocol, separator, rest = part.partition("://")
    if not separator:
        return part
    authority, end = _PARTS_OF_URL.match(rest).groups()  # type: ignore[union-attr]  # it matches any text
    user, _, host = authority.rpartition("@")
    if protocol in _NAMED_BY_USER and not _TOKEN.search(user):
        host = authority
    elif not user and ":" in host and not host.rpartition(":")[2].isdigit() and "@" in end:
        host, end = _PARTS_OF_URL.match(rest.rpartition("@")[2]).groups()  # type: ignore[union-attr]
    if protocol not in SERVERS or "@" in end:  # there what follows is part of a name
        end = re.split("[?#]", end, maxsplit=1)[0]
    return f"{protocol}://{host}{end}"


def _without_login(url: str) -> str:
    """Return the URL of a server without user and password; what other stores have before an `@` names the place."""
    protocol, _, rest = url.partition("://")
    if protocol not in _WITH_LOGIN:
        return url
    authority, end = _PARTS_OF_URL.match(rest).groups()  # type: ignore[union-attr]  # it matches any text
    return f"{protocol}://{authority.rpartition('@')[2]}{end}"


def _refuse_odd(path: str) -> None:
    if not path or "\x00" in path or "\\" in path or path.startswith("~"):
        raise RefusedError(f"{path!r} is not a path", hint="write it relative to the project folder, with slashes")


def _refusal(path: str, root: str) -> RefusedError:
    return RefusedError(
        f"{hide_credentials(path)} lies outside of {hide_credentials(root)}",
        hint="use a path inside the project, or list its folder or URL under `allow: {paths: [...]}`",
    )


def no_folder(url: str) -> UsageError:
    """Return the error that something needs a folder, which the project at a URL is not in."""
    return UsageError(
        f"this needs a folder, and the project is at {hide_credentials(url)}",
        hint="copy the project into a folder, and name that instead of the URL",
    )


def _around(url: str, inner: str) -> tuple[str, int]:
    """Return what stands before *inner*, the path in a store, in the URL that names it, and how many parts follow."""
    *before, part = url.split("::")
    wrapped = 0
    while before and not part.endswith(inner):  # the path in an archive stands before the place of the archive
        part = before.pop()
        wrapped += 1
    return "::".join([*before, part.removesuffix(inner)]), wrapped


def _covers(prefix: str, url: str) -> bool:
    whole = prefix.rstrip("/")
    return url == whole or url.startswith(f"{whole}/")


@contextmanager
def replace_file(target: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Write beside *target* and rename at the end, so that a killed writer leaves the old file or the new one.

    A file that is not *durable* may be lost, or be empty, when the power fails.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_drafts(target)
    draft = target.with_name(draft_name(target.name))
    try:
        with draft.open("xb") as handle, draft.open("rb") as held:
            _lock(held.fileno())
            yield handle
            if not handle.closed:
                handle.flush()
            if durable:
                os.fsync(held.fileno())
            with suppress(FileNotFoundError):
                draft.chmod(stat.S_IMODE(target.stat().st_mode))
            draft.replace(target)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(draft):  # which nobody knows
            raise OSError(error.errno, error.strerror, str(target)) from None
        raise
    if durable:
        _sync_folder(target.parent)


def _unwritable(target: Path) -> str:
    """Return why no file can be written at a place, or an empty text."""
    if target.is_dir():
        return "it is a folder"
    folder = next(above for above in target.parents if above.exists())
    if not folder.is_dir():
        return f"{folder} is no folder"
    may = os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
    return "" if may else f"this user may not write into {folder}"


def _remove_left_drafts(target: Path) -> None:
    """Remove what writers of *target* left that were killed: drafts of some age which no process holds any more."""
    for entry in target.parent.iterdir():
        if is_draft_of(target.name, entry.name):
            with suppress(OSError), entry.open("rb") as held:
                if time.time() - os.fstat(held.fileno()).st_mtime > _DRAFT_IS_LEFT and _lock(held.fileno()):
                    entry.unlink()


def _lock(descriptor: int) -> bool:
    """Hold a file until it is closed or its process ends; return whether that worked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False  # held by another, or by a filesystem that knows no locks
    return True


def _sync_folder(folder: Path) -> None:
    """Make the rename last; a system that cannot open folders does it by itself."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
