"""Which transport an address wants: a web hook, a plug-in, or one of the services that Apprise knows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, get_args

from flowerpower.errors import UsageError
from flowerpower.messaging.delivery import Delivery, Result, place_of
from flowerpower.messaging.message import Message, printable
from flowerpower.messaging.webhook import post
from flowerpower.plugins import MESSAGING_GROUP, load_plugin

Transport = Callable[[str, Message], Delivery]
"""What a plug-in offers: address and message to what came of it; what it raises means another try."""

_LONGEST_REASON = 300
_RESULTS = get_args(Result)
_NOT_TAKEN = "the service did not take it: `apprise -vv -b test ADDRESS` where the scheduler runs says why"
_NO_APPRISE = "this address needs Apprise: pip install 'flowerpower-gitops[notify]' where the scheduler runs"


def send(url: str, message: Message, *, secret: str = "", plugins: Sequence[str] = ()) -> Delivery:
    """Send one message to one address; never raises, and never says more of the address than its kind.

    Of plug-ins only those of the distributions *plugins* are used.
    """
    scheme = url.partition("://")[0].lower()
    try:
        if scheme in ("http", "https"):
            return post(url, message, secret)
        plugin: Transport | None = load_plugin(MESSAGING_GROUP, scheme, distributions=plugins)
        return _read(plugin(url, message), url) if plugin else _by_apprise(url, message)
    except UsageError as error:
        return Delivery("hopeless", f"{error}; {error.hint}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code, and its words could hold the address
        return Delivery("retry", f"its transport failed: {type(error).__name__}")


def _read(answer: object, url: str) -> Delivery:
    """Return what a plug-in says came of a message, its words without the address, on one line and not too long."""
    if not isinstance(answer, Delivery) or answer.result not in _RESULTS:
        return Delivery("retry", f"its transport did not say what came of it, but {type(answer).__name__}")
    reason = printable(str(answer.reason or "").replace(url, place_of(url)))
    after = answer.after if isinstance(answer.after, int) else None
    return Delivery(answer.result, reason[:_LONGEST_REASON], after)


def _by_apprise(url: str, message: Message) -> Delivery:
    try:
        import apprise
    except ImportError:
        return Delivery("hopeless", _NO_APPRISE)
    logging.getLogger("apprise").disabled = True  # its words could hold the address
    service: Any = apprise.Apprise()
    if not service.add(url):
        return Delivery("hopeless", "Apprise knows no such address; see https://github.com/caronc/apprise/wiki")
    kind = apprise.NotifyType.SUCCESS if message.kind in ("recovered", "succeeded") else apprise.NotifyType.FAILURE
    sent = service.notify(title=message.title, body=message.text, notify_type=kind)
    return Delivery("delivered") if sent else Delivery("retry", _NOT_TAKEN)
