"""What earlier commands found out about the very same files: the verdict on them, and the outline of what they ask for.

It lies in the cache of `specs/files/cache.py`, under the digest of all that it was made from; no answer depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from flowerpower.specs.files.cache import VerdictCache, content_key
from flowerpower.specs.files.folder import module_folders
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.verdict import Question, Verdict

if TYPE_CHECKING:
    from flowerpower.specs.loader import Loaded
    from flowerpower.state.models import Desired
    from flowerpower.state.outline import Outline

_OUTLINE = "outline"


class Memory:
    """What is known of one project in one environment, or in every one.

    `read` reads its files, once, and tells from when on (nanoseconds of the epoch).
    """

    def __init__(self, cache: VerdictCache, question: Question, read: Callable[[], tuple[Sources, int]]) -> None:
        self._cache = cache
        self._question = question
        self._read = read

    @cached_property
    def of_folder(self) -> Verdict | None:
        """The verdict on the folder, if its files are as they were then by what the file system says."""
        return self._cache.verdict(self._folder_key, self._question) if self._folder_key else None

    @cached_property
    def of_content(self) -> Verdict | None:
        """The verdict on the files, if they are what they were then, read again if need be."""
        return self.of_folder or self._cache.verdict(self._content_key, self._question)

    @cached_property
    def outline(self) -> Outline | None:
        """The outline of the wanted state, if the files are what they were then, and are valid."""
        from flowerpower.state.outline import decode_outline

        if self.of_content is None or not self.of_content.is_valid:
            return None
        if not self.of_folder:
            self.keep(self.of_content)  # so that the next command need not read the files
        kept = self._cache.beside(self._folder_key if self.of_folder else self._content_key, _OUTLINE)
        return decode_outline(kept) if kept else None

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict on the files, of which only those are checked whose verdict is not known."""
        verdict = self.of_content or self._checked()
        self.keep(verdict)
        return verdict

    def _checked(self) -> Verdict:
        from flowerpower.specs.files.byte_code import keep_models, kept_models
        from flowerpower.specs.files.everywhere import check_project

        sources, _ = self._read()
        models, is_there = kept_models(self._cache.folder), self._cache.is_there
        kept = self._cache.shares(self._question, sources) if is_there else {}
        verdict, shares = check_project(sources, self._question, kept, models, apart=is_there)
        if models is None:
            keep_models(self._cache.folder)
        self._cache.keep_shares(self._question, sources, shares)
        return verdict

    def keep(self, verdict: Verdict) -> None:
        """Keep a verdict on the files."""
        sources, read_at = self._read()
        self._cache.keep(self._question, sources, module_folders(sources.texts), verdict, read_at)

    def keep_desired(self, desired: Desired, loaded: Loaded) -> None:
        """Keep the outline of what the files ask for, and the verdict on them."""
        from flowerpower.specs.checks import verdict_of
        from flowerpower.state.outline import outline_of

        if self._content_key and self.outline is None:
            outline = outline_of(desired, self._read()[0].digest)
            self.keep_outline(outline, verdict_of(loaded, self._question.now))

    def keep_outline(self, outline: Outline, verdict: Verdict) -> None:
        """Keep the outline of what the files ask for, and the verdict on them."""
        from flowerpower.state.outline import encode_outline

        if self._content_key and self.outline is None:
            self.keep(verdict)
            self._cache.keep_beside(self._content_key, _OUTLINE, encode_outline(outline))

    @cached_property
    def _folder_key(self) -> str:
        return self._cache.unchanged(self._question) or ""

    @cached_property
    def _content_key(self) -> str:
        return content_key(self._question, self._read()[0]) if self._cache.is_there else ""
