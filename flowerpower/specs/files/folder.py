"""The texts of a project as they are on disk, with as few questions to the file system as can be."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from flowerpower.specs.files.kinds import PROJECT_FILES, inside
from flowerpower.specs.files.reading import MAX_MODULE_BYTES, MAX_SPEC_BYTES, Reading
from flowerpower.specs.files.walk import module_files, spec_files, why_unreadable
from flowerpower.specs.text.yaml import parse

# A named pipe would wait for its writer for ever; NONBLOCK opens it at once, to be refused as no regular file.
_MOST = 64 * 1024  # read at once: few specs are larger
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def read_folder(root: Path, reading: Reading) -> None:
    """Read the spec files and the modules below *root*, a folder without links in its path."""
    for path, is_regular in spec_files(root, reading):
        _read_file(root, path, MAX_SPEC_BYTES, reading.texts, reading, is_regular=is_regular)
    for path, is_regular in module_files(root, module_folders(reading.texts), reading):
        _read_file(root, path, MAX_MODULE_BYTES, reading.modules, reading, is_regular=is_regular)


def project_texts(folder: Path) -> Mapping[str, bytes]:
    """Return the text of the project file alone; nothing of one that cannot be used."""
    reading, root = Reading(), folder.resolve()
    for name in PROJECT_FILES:
        if (root / name).exists():
            _read_file(root, name, MAX_SPEC_BYTES, reading.texts, reading, is_regular=False)
    return reading.texts


def read_modules(folder: Path, folders: Iterable[str]) -> Mapping[str, bytes]:
    """Return the modules below some folders of a project by path in it, as a look at the whole project finds them."""
    reading, root = Reading(), folder.resolve()
    plain = dict.fromkeys(found for name in folders if (found := inside(name)))
    for path, is_regular in module_files(root, plain, reading):
        _read_file(root, path, MAX_MODULE_BYTES, reading.modules, reading, is_regular=is_regular)
    return dict(sorted(reading.modules.items()))


def module_folders(texts: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the `modules:` of the project file, in any of its environments, without loading the project."""
    found: dict[str, None] = {}
    for name in texts.keys() & set(PROJECT_FILES):
        documents = parse(name, texts[name]).documents
        data = documents[0].data if documents and isinstance(documents[0].data, dict) else {}
        patches = data.get("environments")
        layers = [data, *(patches.values() if isinstance(patches, dict) else ())]
        for layer in layers:
            listed = layer.get("modules", ["flows"] if layer is data else []) if isinstance(layer, dict) else []
            folders = listed if isinstance(listed, list) else []
            found |= dict.fromkeys(inside(folder) for folder in folders if isinstance(folder, str))
    return tuple(folder for folder in found if folder)


def _read_file(
    root: Path, path: str, limit: int, into: dict[str, bytes], reading: Reading, *, is_regular: bool
) -> None:
    file = f"{root}/{path}"
    try:
        if not is_regular and not Path(file).resolve(strict=True).is_relative_to(root):
            reading.report("FP005", path, "the file is a link that leaves the project")
            return
        descriptor = os.open(file, _OPEN)
        try:
            content = _content(descriptor, limit) if is_regular or _is_regular(descriptor) else None
        finally:
            os.close(descriptor)
    except (OSError, RuntimeError) as error:
        reading.report("FP001", path, why_unreadable(Path(file), error))
        return
    if content is None:
        reading.report("FP001", path, "it is not a regular file")
    elif len(content) > limit:
        reading.report("FP002", path, f"the file has more than {limit:,} bytes")
    else:
        into[path] = content


def _is_regular(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _content(descriptor: int, limit: int) -> bytes:
    """Return what a file holds, one byte more than *limit* at most; a short read is the end of a regular file."""
    content = os.read(descriptor, _MOST)
    while len(content) >= _MOST and len(content) <= limit and (more := os.read(descriptor, limit + 1 - len(content))):
        content += more
    return content
