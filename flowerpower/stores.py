"""How a file comes into a store of fsspec and out of it: whole, and in one step wherever the store can do that."""

from __future__ import annotations

import errno
import logging
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from ftplib import all_errors as connection_errors  # of files as well: OSError is one of them
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from flowerpower.errors import FlowerPowerError

# Stores without folders: to make one there would mean to make a bucket, which nobody asked for.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory"})
_FETCHED = frozenset({"sftp", "ssh", "ftp"})  # read piece by piece they are slow, or mix the old file and the new one
SERVERS = _FETCHED | {"smb"}
"""Servers of files, whose renames replace; others would have to be measured."""
_WEB = frozenset({"http", "https"})
_WEB_IN_CACHE = re.compile(r"(simplecache::)+https?://")
_BEGINNING = 4096  # bytes in which a page shows that it is one
_PAGE = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)\b", re.DOTALL | re.IGNORECASE
)
_ONE_PUT = 64 * 1024 * 1024  # what goes up in one request; more goes up in parts that count only when all are there
_END_OF_DRAFT = re.compile(r"[0-9a-f]{12}\.tmp")  # as `draft_name` makes them
_DRAFT = re.compile(rf"\..*\.{_END_OF_DRAFT.pattern}", re.DOTALL)
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, 0})  # 0 is how smbprotocol says it
_SECONDS_TO_CONNECT = 30.0
_SECONDS_OF_SILENCE = 300.0
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # seconds in which readers come to an end, where a file in use stays
_DRAFT_IS_LEFT = 86_400.0  # seconds after which nobody writes a draft any more: these servers know no locks
_PLACE_AND_NAME = re.compile(r"([^:]+://[^/?#]*)(.*)", re.DOTALL)
_REFUSALS_OF_FTP = ("550", "553")  # 552, no room, is none: to write over the old file would only lose it


logging.getLogger("paramiko").addHandler(logging.NullHandler())  # what it would print, with a traceback, it raises, too


class PageError(FlowerPowerError):
    """A web server gave a page of HTML, found at *url*, in the place of a file."""

    hint = "it may ask for a login: give one in `storage_options: {headers: {Authorization: ...}}`, as a secret"

    def __init__(self, url: str) -> None:
        super().__init__("it is a page of HTML")
        self.url = url


def place_and_name(url: str) -> tuple[str, str | None]:
    """Return the URL that fsspec may open a store by and, where it would misread that, the path in the store.

    It takes what follows `?` and `#` for parts of any URL; on servers of files they are letters of a name.
    """
    *wrappers, last = url.split("::")
    found = _PLACE_AND_NAME.fullmatch(last) if _protocol(last) in SERVERS else None
    if found is None or not ({*"?#"} & {*found[2]}):
        return url, None
    if wrappers:
        raise ValueError("an archive on such a server can have no ? and no # in its name")
    return f"{found[1]}/", found[2]


def options_for(url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the *options* of the user for fsspec, with what is better for the store of *url* than its own defaults."""
    protocol = _protocol(url.rpartition("::")[2])
    found = dict(options)
    chained = "::" in url  # then each store has options of its own, below its name
    told = _told(protocol, found.get(protocol) or {} if chained else found)
    return {**found, protocol: told} if chained and told else {**found, **({} if chained else told)}


def _told(protocol: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of one store.

    A session with a server of files is not used a second time: the server may have ended it long ago. A download may
    take as long as the run, where aiohttp would end it after five minutes; one that stands still may not.
    """
    if protocol in SERVERS:
        return {"skip_instance_cache": True, **options}
    if protocol in _WEB:
        client = dict(options.get("client_kwargs") or {})
        return {**options, "client_kwargs": {**client, "timeout": _timeout(client.get("timeout"))}}
    return dict(options)


def _timeout(asked: Any) -> Any:
    import aiohttp

    if isinstance(asked, (int, float)):
        return aiohttp.ClientTimeout(total=asked)
    if isinstance(asked, Mapping):
        return aiohttp.ClientTimeout(**asked)
    return asked or aiohttp.ClientTimeout(total=None, sock_connect=_SECONDS_TO_CONNECT, sock_read=_SECONDS_OF_SILENCE)


def limit_silence(store: Any, url: str) -> None:
    """Let a session of sftp end that stands still: paramiko alone would wait for ever; ftp and the web have limits."""
    if _protocol(url) in ("sftp", "ssh"):
        store.ftp.get_channel().settimeout(_SECONDS_OF_SILENCE)


@contextmanager
def reading(store: Any, url: str, inner: str, *, page: bool = True) -> Iterator[BinaryIO]:
    """Open what lies at *inner* in *store*, which *url* names, for reading.

    Where no *page* is wanted, one of HTML that a web server gives in the place of a file raises PageError.
    """
    protocol = _protocol(url)
    opened: AbstractContextManager[BinaryIO]
    if protocol in _FETCHED:
        store.info(inner)  # raises FileNotFoundError, in whatever words the server says it
        opened, found = _copied(store, inner), ""
    elif protocol in _WEB:
        opened, found = _from_web(store, inner)
    else:
        opened, found = _opened(store, protocol, inner), inner if _WEB_IN_CACHE.match(url) else ""
    with opened as handle:
        if found and not page:
            _refuse_page(handle, found)
        yield handle


def _from_web(store: Any, url: str) -> tuple[AbstractContextManager[BinaryIO], str]:
    """Return what opens a file of a web server, and where it was found if it may be a page.

    A server that does not say how much there is, or sends no parts of it, is asked for all: formats want to look here
    and there in a file.
    """
    info = store.info(url)
    in_parts = bool(info["size"]) and info.get("partial", True)
    opened = store.open(url, "rb", size=info["size"]) if in_parts else _copied(store, url)
    return opened, "" if in_parts and "html" not in info.get("mimetype", "") else info.get("url", url)


def _refuse_page(handle: BinaryIO, url: str) -> None:
    beginning = handle.read(_BEGINNING)
    handle.seek(0)
    if _PAGE.match(beginning):
        raise PageError(url)


@contextmanager
def _copied(store: Any, inner: str) -> Iterator[BinaryIO]:
    with tempfile.NamedTemporaryFile(prefix="flowerpower-") as copy:
        with room_for_copies():
            store.get_file(inner, copy.name)
        with Path(copy.name).open("rb") as handle:
            yield handle


@contextmanager
def _opened(store: Any, protocol: str, inner: str) -> Iterator[BinaryIO]:
    # Others may read at the same time, and put another file in its place: without a word nobody may.
    shared = {"share_access": store.share_access or "rd"} if protocol == "smb" else {}
    try:
        handle = store.open(inner, "rb", **shared)
    except OSError as error:
        if error.errno != errno.ENOENT or isinstance(error, FileNotFoundError):
            raise
        raise FileNotFoundError(errno.ENOENT, error.strerror, inner) from None
    with handle:
        yield handle


@contextmanager
def room_for_copies() -> Iterator[None]:
    """Say of a folder of temporary files without room that it is that one, and not the store."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        folder = tempfile.gettempdir()
        raise OSError(errno.ENOSPC, f"No space left in {folder}, through which it goes; TMPDIR names another") from None


def put(store: Any, url: str, inner: str, file: Path) -> None:
    """Put a file of this machine to *inner* in *store*, which *url* names; folders are made, buckets are not."""
    protocol = _protocol(url)
    if protocol == "smb":
        _refuse_absent_share(store, inner)
    if protocol not in _OBJECT_STORES and (parent := inner.rpartition("/")[0]):
        with suppress(NotImplementedError, PermissionError):
            store.makedirs(parent, exist_ok=True)
    if protocol in SERVERS:
        _replace(store, protocol, _behind_link(store, inner), file)
    elif file.stat().st_size <= _ONE_PUT:
        store.pipe_file(inner, file.read_bytes())
    else:
        store.put_file(str(file), inner)


def _refuse_absent_share(store: Any, inner: str) -> None:
    """Raise FileNotFoundError for a share that there is not: smbclient would try for ever to make its folders."""
    share = inner.strip("/").partition("/")[0]
    try:
        store.info(f"/{share}")
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise FileNotFoundError(errno.ENOENT, f"{store.host} has no share {share}") from None


def draft_prefix(name: str) -> str:
    """Return how the names of drafts of a file begin; names have 255 bytes at most."""
    return f".{name.encode('utf-8', 'surrogateescape')[:200].decode('utf-8', 'ignore')}."


def draft_name(name: str) -> str:
    """Return a name that no pattern for *name* finds and no other writer has, to write under beside it."""
    return f"{draft_prefix(name)}{secrets.token_hex(6)}.tmp"


def is_draft(name: str) -> bool:
    """Tell whether a file of that name is one that is being written, or was left by a writer that died."""
    return _DRAFT.fullmatch(name) is not None


def is_draft_of(name: str, draft: str) -> bool:
    """Tell whether *draft* is the name of one of a file of that name."""
    prefix = draft_prefix(name)
    return draft.startswith(prefix) and _END_OF_DRAFT.fullmatch(draft.removeprefix(prefix)) is not None


def _replace(store: Any, protocol: str, inner: str, file: Path) -> None:
    """Write beside *inner* and rename; where a server allows only one of both, write into what is there."""
    folder, slash, name = inner.rpartition("/")
    draft = f"{folder}{slash}{draft_name(name)}"
    try:
        with _removed_after_failure(store, draft):
            store.put_file(str(file), draft)
            _keep_mode(store, inner, draft)
    except connection_errors as error:
        if not _is_refusal(error):
            raise
        store.put_file(str(file), inner)
        return
    try:
        with _removed_after_failure(store, draft):
            _remove_left_drafts(store, inner, draft)
            _rename(store, protocol, draft, inner)
    except TimeoutError:  # nobody knows what came of it
        raise
    except connection_errors:
        store.put_file(str(file), inner)


def _remove_left_drafts(store: Any, inner: str, draft: str) -> None:
    """Remove what writers of *inner* left that were killed: drafts much older, by the server's clock, than *draft*."""
    folder, _, name = inner.rpartition("/")
    with suppress(*connection_errors, KeyError, ValueError):  # not every server tells what lies there, and since when
        store.invalidate_cache()
        found = [path for path in store.ls(folder or "/", detail=False) if is_draft_of(name, path.rpartition("/")[2])]
        for other in found:
            if other != draft and _written(store, draft) - _written(store, other) > _DRAFT_IS_LEFT:
                store.rm_file(other)


def _written(store: Any, path: str) -> float:
    """Return when a server says that a file was last written to."""
    info = store.info(path)
    if "modify" in info:  # as ftp says it
        return datetime.strptime(info["modify"][:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    moment = info["mtime"]
    return float(moment.timestamp() if isinstance(moment, datetime) else moment)


def _rename(store: Any, protocol: str, draft: str, inner: str) -> None:
    if protocol != "smb":
        store.mv(draft, inner)
        return
    for pause in (*_PAUSES, None):  # Windows and Samba replace no file that somebody reads
        try:
            _replace_on_share(store, draft, inner)
        except OSError as error:
            if pause is None or error.errno not in _NOT_ALLOWED:
                raise
            time.sleep(pause)
        else:
            return


def _replace_on_share(store: Any, draft: str, inner: str) -> None:
    """Rename as fsspec does, which renames only to where nothing is."""
    old, new = (f"\\\\{store.host}{path}".replace("/", "\\") for path in (draft, inner))
    import_module("smbclient").replace(old, new, **({} if store.port is None else {"port": store.port}))


@contextmanager
def _removed_after_failure(store: Any, draft: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(*connection_errors):
            store.rm_file(draft)
        raise


def _is_refusal(error: BaseException) -> bool:
    """Tell whether a server does not let this user make a file of that name, and might let it write into another."""
    return getattr(error, "errno", None) in _NOT_ALLOWED or str(error).startswith(_REFUSALS_OF_FTP)


def _behind_link(store: Any, inner: str) -> str:
    """Return where a link leads, so that not the link is replaced; only paramiko tells of links."""
    with suppress(AttributeError, OSError):
        if stat.S_ISLNK(store.ftp.lstat(inner).st_mode):
            return str(store.ftp.normalize(inner))
    return inner


def _keep_mode(store: Any, inner: str, draft: str) -> None:
    """Let those read the new file who could read the old one; only paramiko can do that."""
    with suppress(AttributeError, OSError):
        store.ftp.chmod(draft, stat.S_IMODE(store.ftp.stat(inner).st_mode))


def _protocol(url: str) -> str:
    return url.partition("://")[0]
