"""A project that is opened: what people wrote, where it lives, and the state that it has in Redis.

Nothing is read, connected to or imported before it is needed. An embedded Redis that was started is left by `close`, or
when nobody holds the project any more: nothing that it holds may hold it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence, Set
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from flowerpower import arguments
from flowerpower.errors import Problem, UsageError
from flowerpower.project_specs import ProjectSpecs
from flowerpower.settings import Settings
from flowerpower.trust import refuse_lost_redis, trusted_redis

if TYPE_CHECKING:
    from flowerpower.filesystem import Filesystem
    from flowerpower.revision import Revision
    from flowerpower.specs.files.sources import Sources
    from flowerpower.specs.loader import Project
    from flowerpower.specs.models import ProjectSpec
    from flowerpower.specs.verdict import Verdict
    from flowerpower.state.keys import Keys
    from flowerpower.state.models import Desired, Source, State
    from flowerpower.state.outline import Outline
    from flowerpower.state.store import Store

_WHO = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME")


class OpenedProject:
    """A project in one environment, as far as plans and checks have to know it."""

    def __init__(self, place: Path | Filesystem, settings: Settings, ref: str | None = None) -> None:
        self.place = place
        self.settings = settings
        self.ref = ref
        self.written: ProjectSpecs = ProjectSpecs(place, settings, ref)  # what people wrote
        self._resources = ExitStack()

    def __repr__(self) -> str:
        ref = f", ref={self.ref!r}" if self.ref else ""
        return f"{type(self).__name__}({str(self.place)!r}, env={self.settings.env!r}{ref})"

    def __reduce__(self) -> str:
        arguments.refuse_pickle("a project")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection to Redis and leave the embedded server, if there is one.

        A project that is used again afterwards connects anew, and is to be closed again.
        """
        self._resources.close()
        for name in ("store", "redis_url"):
            self.__dict__.pop(name, None)

    @property
    def folder(self) -> Path:
        """The folder of the project; raises `UsageError` for a project at a URL, which is in none."""
        return self.written.folder

    @property
    def sources(self) -> Sources:
        """The texts of the specs and the modules, read once."""
        return self.written.sources

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem of the specs, sorted by place."""
        return self.written.problems

    @property
    def recalled(self) -> Verdict | None:
        """The verdict of an earlier check, if the files in the folder are as they were then; None if none is known."""
        return self.written.recalled

    @property
    def verdict(self) -> Verdict:
        """What a check of the specs says, recalled from an earlier one where nothing has changed since."""
        return self.written.verdict

    @property
    def imported(self) -> Verdict:
        """What a check says that imports the modules, see `validate`; nothing of it is remembered."""
        return self.written.imported

    @property
    def outline(self) -> Outline | None:
        """What the specs ask for, in short, as an earlier plan of the same files has found."""
        return self.written.outline

    def outlined(self) -> Outline | None:
        """Return the same, also where it is found on the way; None for a small project, which is loaded then."""
        return self.written.outlined()

    @property
    def home(self) -> ProjectSpec:
        """The project file alone; raises `SpecError` when it is invalid, whatever else is."""
        return self.written.home

    @property
    def spec(self) -> Project:
        """The resolved specs, without a look into the code; raises `SpecError` while there is any error in them."""
        return self.written.spec

    @property
    def checked(self) -> Project:
        """The resolved specs after every check; raises `SpecError`, also for what the modules make of them."""
        return self.written.checked

    @property
    def desired(self) -> Desired:
        """The state the specs ask for; raises `SpecError`, also for a mistake in what the modules make of them."""
        return self.written.desired

    def desired_where_it_differs(self, live: State, same: Set[str]) -> Desired:
        """Return the same, taken from what is *live* where an outline has told that it is the *same*."""
        return self.written.desired_where_it_differs(live, same)

    def in_each_environment(self) -> Sequence[Self]:
        """Return the project as it is in each environment that a check looks at: that which was named, or every one."""
        every = self.written.everywhere.each
        return [self, *map(self._as, every[1:])]

    def _as(self, written: ProjectSpecs) -> Self:
        other = type(self)(self.place, written.settings, self.ref)
        other.written = written
        return other

    @property
    def named_redis(self) -> str:
        """The URL of the environment's Redis as it is named, which may hold a password, or `embedded`."""
        if self.settings.untrusted:
            return trusted_redis(self.settings)
        return self.settings.redis or self.written.redis_url

    @cached_property
    def redis_url(self) -> str:
        """The URL of the environment's Redis; an embedded one is started now. It may hold a password."""
        from flowerpower.embedded import embedded_server

        url = self.named_redis
        if url != "embedded":
            return url
        settings = self.settings
        refuse_lost_redis(settings)
        if not isinstance(self.place, Path):
            hint = "name the Redis with --redis or FLOWERPOWER_REDIS"
            raise UsageError(f"an embedded Redis needs a folder, and the project is at {self.place}", hint=hint)
        server = embedded_server(self.folder, runtime_dir=settings.runtime_dir, binary=settings.redis_server)
        return self._resources.enter_context(server)

    @cached_property
    def store(self) -> Store:
        """The live state of this project and environment; nothing is sent before it is asked."""
        from flowerpower.state.connection import connect
        from flowerpower.state.store import Store

        return Store(self._resources.enter_context(connect(self.redis_url)), self.keys)

    @property
    def keys(self) -> Keys:
        """The names of this project's and environment's keys in Redis."""
        from flowerpower.state.keys import Keys

        return Keys(self.home.name, self.settings.env, self.settings.rq_prefix)

    @cached_property
    def revision(self) -> Revision:
        """What git says of the folder, or of the revision that the specs are taken from; of a URL nothing."""
        from flowerpower.revision import Revision, read_revision

        if not isinstance(self.place, Path):
            return Revision()
        return read_revision(self.folder, self.ref, wary=self.settings.untrusted)

    @cached_property
    def source(self) -> Source:
        """Where the specs come from: the commit, `+dirty` after it for uncommitted changes, or `tree:<digest>`."""
        from flowerpower.state.models import Source

        revision = self.revision
        commit = revision.commit if revision.dirty is False else f"{revision.commit}+dirty"
        tree = "" if commit else self.outline.tree if self.outline else self.sources.digest
        return Source(commit or f"tree:{tree}", revision.repository, self.who())

    def who(self) -> str:
        """Return who is acting: the user of CI or of this machine, by the name of the account where none is set."""
        from flowerpower.state.scripts import one_line

        environment = self.settings.environment
        return one_line(next((environment[name] for name in _WHO if environment.get(name)), "") or _account())


def _account() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a number that has no name
        return ""
