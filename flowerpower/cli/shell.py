"""`completion`: the script that makes a shell complete commands, flags and names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flowerpower.cli.options import command
from flowerpower.cli.session import Session

Shell = Literal["bash", "zsh", "fish"]


@command("completion", "Print the script that makes a shell complete.", "source <(flowerpower completion bash)")
def completion(session: Session, shell: Annotated[Shell, typer.Argument(help="For which shell.")]) -> None:
    """Print the script with which a shell completes commands, flags, values, and the names in the project around.

    bash: add `source <(flowerpower completion bash)` to ~/.bashrc. zsh: add `source <(flowerpower completion zsh)` to
    ~/.zshrc, below compinit. fish: flowerpower completion fish > ~/.config/fish/completions/flowerpower.fish
    """
    script = Path(__file__).with_name("shells").joinpath(f"flowerpower.{shell}").read_text(encoding="utf-8")
    session.document({"format_version": "1.0", "shell": shell, "script": script})
    session.result(script.rstrip("\n"))
