"""Every code a problem can have, with its title and advice; codes never change their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Code(NamedTuple):
    """What a code stands for, what to do about it, and whether a comment may silence it."""

    title: str
    advice: str
    can_be_silenced: bool = False


CODES: Mapping[str, Code] = {
    # Files
    "FP001": Code("file cannot be read", "Check that the file exists and that you may read it."),
    "FP002": Code("file too large", "A spec file holds at most 1 MiB; split it."),
    "FP003": Code("not UTF-8", "Save the file as UTF-8."),
    "FP004": Code("byte order mark", "Save the file as UTF-8 without a byte order mark."),
    "FP005": Code("link that is not followed", "Replace the link by what it leads to."),
    "FP006": Code("Git LFS pointer", "Run `git lfs pull`; better, keep spec files out of LFS."),
    "FP007": Code("merge conflict", "Resolve the conflict and remove its markers."),
    "FP008": Code("file name is not UTF-8", "Rename the file."),
    "FP009": Code("not exactly one project file", "A project has exactly one `flowerpower.yaml`."),
    # YAML
    "FP010": Code("invalid YAML", "Correct the place that is named."),
    "FP011": Code("duplicate key", "Keep one of the two."),
    "FP012": Code("tag not allowed", "Leave the tag away; quote what has to be a text."),
    "FP013": Code("alias without its anchor", "Write the value out; a text that begins with `*` needs quotes."),
    "FP014": Code("too many values", "A spec file holds at most 100,000 values, aliases written out."),
    "FP015": Code("nested too deeply", "A spec is nested at most 64 deep, aliases written out."),
    "FP016": Code("merge key not allowed", "YAML 1.2 has no merge keys; write the keys out or use `defaults:`."),
    "FP017": Code("key is not a text", "Put the key in quotes."),
    "FP018": Code("empty document", "Write a spec, or remove the file or the surplus `---`."),
    "FP019": Code("not a number", "Use a finite number; JSON knows no other."),
    "FP020": Code("too many problems", "Correct these first; the rest of the file is not looked at."),
    "FP021": Code("misleading character", "Remove it, or write it as \\uNNNN in double quotes."),
    "FP022": Code("file is not read", "Rename it, or move it elsewhere."),
    "FP023": Code("submodule is not read", "Run `git submodule update --init`; better, keep specs in one repository."),
    "FP024": Code("doubtful value", "Put the value in quotes if it is right.", can_be_silenced=True),
    "FP030": Code("layout", "This is a bug in flowerpower: nothing was changed; please report it with the file."),
    # One spec
    "FP100": Code("not a mapping", "A spec is `key: value` lines."),
    "FP101": Code("unknown key", "Correct or remove the key."),
    "FP102": Code("missing key", "Add the key."),
    "FP103": Code("wrong type", "Write a value of the expected type."),
    "FP104": Code("not one of the choices", "Use one of the listed values."),
    "FP105": Code(
        "invalid name", "Lower-case letters, digits, `_` and single `-`, a letter first, at most 63 characters."
    ),
    "FP106": Code("invalid duration", "Write 90s, 15m, 2h, 1d12h, or a whole number of seconds."),
    "FP107": Code(
        "invalid date or time", "Write ISO 8601: 2027-01-31, 2027-01-31T06:00:00 or 2027-01-31T06:00:00+01:00."
    ),
    "FP108": Code("value out of bounds", "Stay within the bounds."),
    "FP109": Code("not exactly one trigger", "Write exactly one of cron, every, at."),
    "FP110": Code("duplicate name", "Rename one of the two: names are unique per kind in a project."),
    "FP111": Code("missing name", "In a file with several documents each needs a `name:`."),
    "FP112": Code("no value", "Write a value, or remove the key."),
    # Environments and placeholders
    "FP201": Code("unknown environment", "Declare it under `environments:` of the project file."),
    "FP202": Code("variable not set", "Give --var NAME=VALUE or set FLOWERPOWER_VAR_NAME."),
    "FP203": Code("placeholder not allowed here", "Write `$${` for a literal `${`."),
    "FP204": Code("invalid placeholder", "Write `$${` for a literal `${`."),
    # Across specs
    "FP301": Code("unknown pipeline", "Name a pipeline of the project."),
    "FP302": Code("queue not declared", "Declare it under `queues:` or use a declared one."),
    "FP303": Code("trigger cannot be read", "Correct the expression, the zone or the dates."),
    "FP304": Code("never fires again", "Remove the schedule or move its window.", can_be_silenced=True),
    "FP305": Code("module does not exist", "Correct `modules:` or add the file.", can_be_silenced=True),
    "FP306": Code("key without effect", "Remove the key or choose the value that uses it."),
    "FP307": Code("password in the project file", "Write `${env:NAME}` instead.", can_be_silenced=True),
    "FP308": Code("previous name", "A name can have been that of one schedule only."),
    "FP309": Code("address of messages", "Give it a scheme, and keep passwords out of it.", can_be_silenced=True),
    "FP310": Code("comes after", "Name schedules of the project; none can wait for itself, even by way of others."),
    "FP311": Code("policy min_interval", "Fire less often, or change the rule.", can_be_silenced=True),
    "FP312": Code("policy allowed_queues", "Use an allowed queue, or change the rule.", can_be_silenced=True),
    "FP313": Code("policy max_timeout", "Lower the timeout, or change the rule.", can_be_silenced=True),
    "FP314": Code("policy require", "Add the field, or change the rule.", can_be_silenced=True),
    "FP315": Code("zone hardly meant", "Name a city: the zone of America/New_York.", can_be_silenced=True),
    "FP316": Code("modules outside of the project", "Move it below flowerpower.yaml, or install it wherever runs run."),
    # The dataflow
    "FP320": Code("no such node", "Correct the name, or add the function.", can_be_silenced=True),
    "FP321": Code("no such input", "Correct or remove it: no node takes it.", can_be_silenced=True),
    "FP322": Code("missing input", "Give it under `inputs` or `load`, or a default.", can_be_silenced=True),
    "FP323": Code("no variant for the config", "Set the config to one of the choices.", can_be_silenced=True),
    "FP324": Code("duplicate node", "Rename one: a node is defined once in all modules of a pipeline."),
    "FP325": Code("cycle", "Break it: a node cannot need itself, even by way of others."),
    "FP326": Code("Python syntax", "Correct the file; until then no run can import it."),
    "FP327": Code("module without nodes", "Remove it from `modules:`.", can_be_silenced=True),
    "FP328": Code("dataflow not decided", "Run `flowerpower validate --import`.", can_be_silenced=True),
    "FP329": Code("type missing", "Add it; or begin the name of a function that is no node with `_`."),
    "FP330": Code(
        "not an input", "To replace what the graph computes, put it under `overrides`.", can_be_silenced=True
    ),
    "FP331": Code("given twice", "Keep it under `inputs` or under `config`."),
    "FP332": Code("cannot be built", "Correct the code; a run would fail in the same way."),
    "FP333": Code("module named as one of Python's", "Give the module another name.", can_be_silenced=True),
    "FP334": Code("relative import out of all packages", "Import by name: module folders are on the path of Python."),
    "FP335": Code("value of another type", "Correct it; a run would be refused for it.", can_be_silenced=True),
    "FP336": Code(
        "types that do not fit", "Correct one of the two: Hamilton builds no graph with both.", can_be_silenced=True
    ),
    "FP337": Code("not held by a file", "Save or load it in another form.", can_be_silenced=True),
    "FP338": Code("config without effect", "Correct or remove it: nothing looks at it.", can_be_silenced=True),
    # Data
    "FP351": Code("no such format, adapter or executor", "Correct the name, or name the plug-in that has it."),
    "FP352": Code("transfer that would be refused", "Correct it; a run would be refused for it."),
    "FP353": Code("not installed here", "Install it where runs run.", can_be_silenced=True),
    # Comments
    "FP901": Code("invalid ignore comment", "Write `# flowerpower: ignore FPnnn reason`."),
}

SITE = "https://flowerpower-gitops.github.io"
DOCS = f"{SITE}/docs/codes"
"""Where the page of codes is published: `docs/codes.md`."""


def docs_url(code: str) -> str:
    """Return where a code is explained: for that of a plug-in, what such codes are."""
    return f"{DOCS}#{code.lower()}" if code.startswith("FP") else f"{SITE}/docs/plugins#checks"
