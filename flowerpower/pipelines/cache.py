"""Hamilton's cache of node results, made so that it never gives what the code of today would not give.

Hamilton's own keys know the source of a node's function and nothing else. A cache here belongs to one version of the
code with all it imports, of the config and of every installed distribution; another version has a folder of its own.
Values are told apart by all of their bytes: Hamilton's fingerprint is the same for 1 and "1", and for frames whose
columns have other names.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import platform
import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from hamilton.caching.adapter import CachingBehavior, CachingEventType, HamiltonCacheAdapter
from hamilton.caching.stores.base import MetadataStore, ResultRetrievalError, StoredResult
from hamilton.caching.stores.file import FileResultStore

from flowerpower.dataflow.reader import code_digest
from flowerpower.errors import PipelineError
from flowerpower.filesystem import Filesystem, is_url, replace_file
from flowerpower.pipelines.extensions import SourceFiles
from flowerpower.pipelines.failures import is_time_limit
from flowerpower.pipelines.watch import NodeWatch
from flowerpower.specs.models import PipelineSpec
from flowerpower.specs.parts import CacheSpec

DEFAULT_PATH = ".flowerpower/cache"
_NO_VERSION = "<unhashable>"  # Hamilton's mark of a value that cannot be told apart from others
_LARGEST_BESIDE = 1024 * 1024
_UNUSED_FOR = 30 * 24 * 3600.0

logger = logging.getLogger("flowerpower.run")


class StrictCache(HamiltonCacheAdapter):  # type: ignore[misc]
    """Hamilton's cache with versions of values that differ whenever the values do; it tells a watch what it gives."""

    watch: NodeWatch | None = None

    def resolve_behaviors(self, run_id: str) -> dict[str, CachingBehavior]:
        """Return what the cache does with each node: loaders load every time, unless somebody says otherwise."""
        behaviors: dict[str, CachingBehavior] = super().resolve_behaviors(run_id)
        for node in self._fn_graphs[run_id].get_nodes():
            is_loader = node.tags.get("hamilton.data_loader") is not None  # with `@load_from` Hamilton forgets it
            if is_loader and behaviors[node.name] == CachingBehavior.DEFAULT:
                behaviors[node.name] = CachingBehavior.RECOMPUTE
        self._data_loaders[run_id] = []  # or a tuple that a loader returns would lose all but its first part
        return behaviors

    def _version_data(self, node_name: str, run_id: str, result: Any, task_id: str | None = None) -> str:
        digest = hashlib.sha256()
        try:
            pickle.Pickler(_Sink(digest), protocol=5).dump(result)
        except Exception as error:  # what cannot be pickled raises whatever it likes, and is computed anew
            if is_time_limit(error):
                raise
            return f"{_NO_VERSION}_{uuid.uuid4()}"
        return digest.hexdigest()

    def _log_event(self, run_id: str, node_name: str, actor: str, event_type: CachingEventType, **more: Any) -> None:
        super()._log_event(run_id, node_name, actor, event_type, **more)
        if event_type is CachingEventType.GET_RESULT and self.watch is not None:
            self.watch.recall(more.get("task_id"), node_name)


class _Sink:
    """Takes what is pickled into a digest, so that no second copy of a large value is needed."""

    def __init__(self, digest: Any) -> None:
        self.write = digest.update


class Values(FileResultStore):  # type: ignore[misc]
    """Results by their version: each a file that is there whole or not at all."""

    @staticmethod
    def _write_result(file_path: Path, stored_result: Any) -> None:
        with replace_file(file_path, durable=False) as handle:
            handle.write(stored_result.save())

    def set(self, data_version: str, result: Any, **loader: Any) -> None:
        """Keep a result, unless it cannot be pickled: then its node is computed every time."""
        if not data_version.startswith(_NO_VERSION):
            with _if_possible(self.path.parent):
                super().set(data_version, result, **loader)

    def get(self, data_version: str) -> Any:
        """Return a result; raises ResultRetrievalError for one that can no longer be read, which is computed anew.

        Hamilton's own store gives None for a file that another run has just removed.
        """
        try:
            return StoredResult.load(self._path_from_data_version(data_version).read_bytes()).value
        except Exception as error:
            if is_time_limit(error):
                raise
            raise ResultRetrievalError(data_version) from error

    def delete(self, data_version: str) -> None:
        """Forget a result."""
        with _if_possible(self.path.parent):
            super().delete(data_version)


class Keys(MetadataStore):  # type: ignore[misc]
    """Versions of results by what they were computed from: a file for each key, for any number of processes."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._path.mkdir(parents=True, exist_ok=True)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": str(self._path)}

    def __len__(self) -> int:
        return sum(1 for _ in self._path.iterdir())

    def initialize(self, run_id: str) -> None:
        """Do nothing: no list of runs is kept here."""

    def set(self, cache_key: str, data_version: str, **_: Any) -> None:
        """Keep the version of a result."""
        if not data_version.startswith(_NO_VERSION):
            with _if_possible(self._path.parent), replace_file(self._file(cache_key), durable=False) as handle:
                handle.write(data_version.encode())

    def get(self, cache_key: str, **_: Any) -> str | None:
        """Return the version of a result, or None."""
        try:
            return self._file(cache_key).read_text()
        except FileNotFoundError:
            return None

    def delete(self, cache_key: str) -> None:
        """Forget a result."""
        with _if_possible(self._path.parent):
            self._file(cache_key).unlink(missing_ok=True)

    def delete_all(self) -> None:
        """Forget all results."""
        for file in self._path.iterdir():
            file.unlink(missing_ok=True)

    def exists(self, cache_key: str) -> bool:
        """Return whether there is a version for a key."""
        return self._file(cache_key).exists()

    def get_run_ids(self) -> Sequence[str]:
        """Return nothing: no list of runs is kept here."""
        return ()

    def get_run(self, run_id: str) -> Sequence[dict[str, str]]:
        """Return nothing: no list of runs is kept here."""
        return ()

    def _file(self, cache_key: str) -> Path:
        return self._path / hashlib.sha256(cache_key.encode()).hexdigest()


@contextmanager
def _if_possible(folder: Path) -> Iterator[None]:
    """Let a run go on where its cache cannot be written, on a full disk for example: it computes all it needs."""
    try:
        yield
    except OSError as error:
        _tell_unwritable(folder, error.strerror or type(error).__name__)


@lru_cache(maxsize=8)
def _tell_unwritable(folder: Path, why: str) -> None:
    """Say so, once for all the nodes of a process."""
    logger.warning("the cache %s cannot be written, so the next run computes the same again: %s", folder, why)


def open_cache(spec: PipelineSpec, config: Mapping[str, Any], files: Filesystem, folders: Sequence[str]) -> StrictCache:
    """Return the cache that *spec* asks for, as a lifecycle adapter; raises FlowerPowerError when it cannot be had."""
    settings = spec.cache if isinstance(spec.cache, CacheSpec) else CacheSpec(path=DEFAULT_PATH)
    if spec.executor.type in ("dask", "ray"):
        raise PipelineError(
            f"`cache` does not go with the executor {spec.executor.type}", hint="use local, threads or processes"
        )
    place = files.resolve(settings.path)
    if is_url(place):
        raise PipelineError("cache.path must be a folder of this machine", hint=f"for example {DEFAULT_PATH}")
    try:
        version = _version(spec.modules, config, Path(files.root), folders)
        return _open(Path(place), f"{spec.name}-{version[:24]}", settings)
    except OSError as error:
        raise PipelineError(
            f"the cache cannot be used: {error.filename}: {error.strerror}",
            hint="let the user of the run read and write there, or name another folder with `cache: {path: ...}`",
        ) from None


def _open(base: Path, name: str, settings: CacheSpec) -> StrictCache:
    folder = base / name
    _remove_unused(folder)
    return StrictCache(
        path=str(folder),
        metadata_store=Keys(str(folder / "keys")),
        result_store=Values(str(folder / "values")),
        recompute=settings.recompute,
        ignore=settings.ignore,
        disable=settings.disable,
        default_loader_behavior="recompute",  # what they read may have changed, and what they write must be written
        default_saver_behavior="recompute",
    )


def _version(modules: Sequence[str], config: Mapping[str, Any], root: Path, folders: Sequence[str]) -> str:
    digest = hashlib.sha256()
    code = code_digest(modules, SourceFiles(root, folders), folders)
    parts = [code, platform.python_version(), json.dumps(config, sort_keys=True, default=repr)]
    for part in [*parts, *_distributions(tuple(sys.path)), *_files_beside(root, folders)]:
        digest.update(hashlib.sha256(part.encode("utf-8", "surrogateescape")).digest())
    return digest.hexdigest()


@lru_cache(maxsize=8)
def _distributions(path: tuple[str, ...]) -> list[str]:
    """Return what is installed on the path of this process, which does not change what it has imported."""
    from importlib.metadata import distributions

    return sorted({f"{found.name} {found.version}" for found in distributions(path=list(path))})


def _files_beside(root: Path, folders: Sequence[str]) -> Iterator[str]:
    """Yield path and content of what lies beside the modules and is no code, as SQL that a node reads."""
    for folder in folders:
        for path, names, files in os.walk(root / folder):
            names[:] = sorted(name for name in names if not name.startswith(".") and name != "__pycache__")
            for file in sorted(Path(path, name) for name in files if not name.endswith((".py", ".pyc"))):
                if file.is_file() and file.stat().st_size <= _LARGEST_BESIDE:
                    yield f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}"


def _remove_unused(current: Path) -> None:
    """Mark the *current* folder as used, and remove those of other versions that nobody used for long."""
    current.mkdir(parents=True, exist_ok=True)
    os.utime(current)
    pipeline = current.name.rpartition("-")[0]
    for folder in current.parent.glob(f"{pipeline}-" + "[0-9a-f]" * 24):
        with suppress(FileNotFoundError):  # another run has just removed it
            if folder != current and time.time() - folder.stat().st_mtime > _UNUSED_FOR:
                shutil.rmtree(folder, ignore_errors=True)
