"""What a changed pipeline does to its graph, as data. It is there to be read: apply and the plan's hash ignore it."""

from __future__ import annotations

from dataclasses import dataclass, field

from flowerpower.dataflow.sketch import Sketch


@dataclass(frozen=True, slots=True)
class GraphChange:
    """How the graph of one pipeline differs from the live one, by names; with `unknown` nothing can be said, and why.

    The graph is that under the pipeline's own config and that of every schedule which lays another over it.
    """

    pipeline: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()  # functions that differ, and only running the code tells their nodes
    touched: tuple[str, ...] = ()  # nodes that are as before, and call code of other modules which is not
    values: tuple[str, ...] = ()  # inputs, overrides, config values and loads that are given otherwise
    downstream: tuple[str, ...] = ()  # nodes that need any of those
    outputs: tuple[str, ...] = ()  # outputs and saved nodes among all those
    schedules: tuple[str, ...] = ()  # that run the pipeline
    files: tuple[str, ...] = ()  # code that differs and holds none of the nodes that differ
    undecided: str = ""  # why only a part of a graph is known: what is said is certain, and may not be all
    unknown: str = ""
    sketch: Sketch = field(default_factory=Sketch)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that differ themselves."""
        return (*self.added, *self.changed, *self.removed)

    def __bool__(self) -> bool:
        return bool(self.nodes or self.unsure or self.touched or self.values or self.files or self.unknown)
