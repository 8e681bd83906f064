"""A transport of messages: one line in a file for each."""

from __future__ import annotations

from pathlib import Path

from flowerpower.messaging.delivery import Delivery
from flowerpower.messaging.message import Message


def write(url: str, message: Message) -> Delivery:
    """Append a message to the file that the address names; what is raised here means another try, later."""
    file = Path(url.partition("://")[2])
    if not file.parent.is_dir():
        return Delivery("hopeless", "the folder of the logbook is not there")
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"{message.kind} {message.outcome.schedule}: {message.title}\n")
    return Delivery("delivered")
