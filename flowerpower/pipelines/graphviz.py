"""Pictures of graphs, by the `dot` program of Graphviz where it is installed."""

from __future__ import annotations

import subprocess
from typing import Literal

from flowerpower.errors import FlowerPowerError, PipelineError

PictureFormat = Literal["svg", "png"]

_SECONDS = 120
_MISSING = (
    "install Graphviz (apt install graphviz, brew install graphviz, conda install graphviz), "
    "or take --format mermaid, which GitHub draws"
)


def picture(dot: str, format: PictureFormat) -> bytes:
    """Return what `dot` draws of a text in its language; raise `FlowerPowerError` where it is not installed."""
    try:
        done = subprocess.run(
            ["dot", f"-T{format}"], input=dot.encode(), capture_output=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise FlowerPowerError(f"{format} needs Graphviz, and there is no program `dot` here", hint=_MISSING) from None
    except OSError as error:
        raise FlowerPowerError(f"`dot` of Graphviz could not be started: {error.strerror}", hint=_MISSING) from None
    except subprocess.TimeoutExpired:
        raise PipelineError(
            f"`dot` took more than {_SECONDS} s", hint="draw fewer boxes, or take --format mermaid"
        ) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise PipelineError(f"`dot` of Graphviz failed: {said[0] if said else done.returncode}")
    return done.stdout
