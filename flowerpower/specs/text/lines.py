"""Where the lines of a text end, for YAML; `splitlines` knows more ends than YAML does."""

from __future__ import annotations

import re

LINE_END = re.compile(r"\r\n|\n|\r")
