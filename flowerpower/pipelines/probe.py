"""Builds real graphs in a process of its own, for `validate --import`: code that is imported may do anything to it.

What the code prints goes to stderr; stdout has one JSON line when a build begins and one when it is done.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from flowerpower.errors import PipelineError
from flowerpower.pipelines.arrange import parameters_of, why_not_given
from flowerpower.pipelines.driver import Parts, build
from flowerpower.pipelines.extensions import load_hamilton
from flowerpower.pipelines.failures import user_place
from flowerpower.pipelines.graph import Nodes, is_optional, variants_of
from flowerpower.pipelines.modules import import_modules, importable
from flowerpower.specs.wording import type_name


def main() -> None:
    """Read from stdin what to build, and answer on stdout."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches us too, and our parent tells of it
    asked = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.getLogger("hamilton").setLevel(logging.CRITICAL)  # it prints a traceback before it raises
    root, folders = Path(asked["root"]), tuple(asked["folders"])
    for wanted in asked["builds"]:
        _say(answers, {"begun": wanted["number"]})
        _say(answers, {"number": wanted["number"], **_answer(wanted, root, folders)})
    answers.flush()
    with suppress(AttributeError, OSError, ValueError):  # code may have taken it away
        sys.stdout.flush()
    os._exit(0)  # threads that the code has started must not keep us


def _say(answers: TextIO, value: Mapping[str, Any]) -> None:
    answers.write(f"{json.dumps(value)}\n")
    answers.flush()


def _answer(wanted: Mapping[str, Any], root: Path, folders: Sequence[str]) -> dict[str, Any]:
    names = wanted["modules"]
    try:
        load_hamilton(tuple(names), root, tuple(folders))
        with importable(root, folders):
            modules = import_modules(names, root, folders)
            nodes = build(Parts(modules, wanted["config"])).graph.nodes
    except PipelineError as error:
        place = user_place(error.__cause__, root) if error.__cause__ else ""
        return {"error": str(error), "hint": error.hint, "place": place}
    refused = [(number, why) for number, value in enumerate(wanted["values"]) if (why := _refusal(nodes, *value))]
    return {"graph": {**_graph(nodes, modules, root), "refused": refused}}


def _refusal(nodes: Nodes, section: str, name: str, value: Any) -> str:
    """Return why a run would refuse a value; nothing for one that no node takes, which is told as that."""
    node = nodes.get(name)
    if node is None or (section != "overrides" and not node.user_defined):
        return ""
    return why_not_given(value, node.type, converted=section != "config")


def _graph(nodes: Nodes, modules: Sequence[ModuleType], root: Path) -> dict[str, Any]:
    computed = {name: _node(node, root) for name, node in nodes.items() if not node.user_defined}
    types = {name: type_name(node.type) for name, node in nodes.items() if node.user_defined}
    parameters = sorted(parameters_of(modules))
    return {"nodes": computed, "inputs": types, "parameters": parameters, "variants": variants_of(modules)}


def _node(node: Any, root: Path) -> dict[str, Any]:
    functions = node.originating_functions or ()
    code = getattr(functions[0], "__code__", None) if functions else None
    path = Path(code.co_filename) if code else root
    return {
        "needs": {need: not is_optional(how) for need, (_, how) in node.input_types.items()},
        "function": functions[0].__name__ if functions else "",
        "file": path.relative_to(root).as_posix() if path.is_relative_to(root) else "",
        "line": code.co_firstlineno if code else 1,
    }


if __name__ == "__main__":
    main()
