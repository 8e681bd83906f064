"""Files of TLS: which one stands in the way of a connection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def wrong_with_tls_files(connection: Any) -> str:
    """Return what is wrong with the first file of a connection that is of no use; nothing where all are, or none is."""
    import ssl

    authority, certificate, key = (getattr(connection, name, None) for name in ("ca_certs", "certfile", "keyfile"))
    password = getattr(connection, "certificate_password", None) or ""  # or it would be asked for in the terminal
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    uses: list[tuple[str, Callable[[], object]]] = []
    if authority:
        uses.append((authority, lambda: context.load_verify_locations(authority)))
    if certificate:
        uses.append((certificate, Path(certificate).read_bytes))
        uses.append((key or certificate, Path(key or certificate).read_bytes))
        uses.append((key or certificate, lambda: context.load_cert_chain(certificate, key, password)))
    return next(filter(None, (_wrong(file, use) for file, use in uses)), "")


def _wrong(file: str, use: Callable[[], object]) -> str:
    try:
        use()
    except (OSError, ValueError) as error:
        said = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        return f"the TLS file {file} cannot be used: {said}"
    return ""
