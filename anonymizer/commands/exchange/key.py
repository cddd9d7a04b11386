"""`anonymizer key`: prints the public key of deliveries and its fingerprint."""

from __future__ import annotations

import typer

from anonymizer.arguments import Root, look_at
from services.exchange import delivery_key
from services.runtime.settings import Settings


def key(root: Root) -> None:
    """Print the public key of delivery signatures, for `openssl pkeyutl`, and its fingerprint for comparison."""
    found = delivery_key.of_user(look_at(root), Settings.of_process())
    typer.echo(found.public_pem.strip())
    typer.echo(f"Fingerprint: {delivery_key.grouped(delivery_key.fingerprint(found.public))}")
