"""`delivery.json`: what a delivery holds and says of itself, in the exact bytes that its signature covers.

It holds nothing of the house: no original value, no path, no name of a person, and the hospital only where the sender
asked for it.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from services.exchange import delivery_key
from services.policy.table import EDITION, POLICY_EDITION
from services.runtime import durable_files
from services.store import records, releases
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from services.exchange.delivery_key import DeliveryKey
    from services.store.collection import Collection
    from services.store.records import Record

SCHEMA: Final = 1
NAME: Final = "delivery.json"
SIGNATURE: Final = "delivery.json.sig"
TABLES: Final = "tables"
PRODUCT: Final = "rt-set-anonymizer"


def fingerprint_of(hashes: Mapping[str, str]) -> str:
    """Return one digest over the files of a set: the SHA-256 of what `sha256sum` says of them, as on its sheet."""
    return sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items())).encode()).hexdigest()


def set_entry(
    collection: Collection, published: Record, state: str, unread: int, *, hospital: str = ""
) -> dict[str, Any]:
    """Return what the manifest says of one set.

    Parameters
    ----------
    state
        `new`, `revised` or `unchanged` against what was delivered before.
    unread
        How many of its words nobody has looked at.
    """
    content, folder = published.content, collection.root / folder_name(published.index)
    hashes = published.hashes
    entry = {
        "folder": folder_name(published.index),
        "patient_id": content.get("identity", {}).get("patient_id", ""),
        "state": state,
        "revision": revision(collection, published.index),
        "fingerprint": fingerprint_of(hashes),
        "published": published.at,
        "files": {
            name: {"size": (folder / name).stat().st_size, "sha256": digest} for name, digest in sorted(hashes.items())
        },
        "policy": content.get("policy", {}),
        "method": content.get("method", {}),
        "options": content.get("options", {}),
        "machine": content.get("machine"),
        "verdicts": content.get("proof", {}).get("checks", {}),
        "links": content.get("links", {}),
        "accepted": sorted(content.get("accepted", {})),
        "told": list(content.get("told", ())),
        "unread_words": unread,
    }
    decision = releases.current(collection, published.index)
    if decision is not None and decision.state == releases.RELEASED:
        entry["released"] = {"role": decision.role, "on": decision.day}
    return entry | ({"hospital": hospital} if hospital else {})


def revision(collection: Collection, index: int) -> int:
    """Return how often a set was published under its number: 1, and 1 more for each time that it was done again."""
    if not collection.replaced.is_dir():
        return 1
    return 1 + sum(name.startswith(f"{folder_name(index)}.") for name in durable_files.names(collection.replaced))


def collection_mark(collection: Collection) -> str:
    """Return what names a collection to those who receive from it: it tells one sender's collections apart."""
    return sha256(f"collection {collection.id}".encode()).hexdigest()[:32]


def whole(
    delivery_id: str,
    collection: Collection,
    key: DeliveryKey,
    made: str,
    sets: Iterable[Mapping[str, Any]],
    withdrawn: Iterable[Mapping[str, Any]],
    files: Mapping[str, Mapping[str, Any]],
    *,
    highest: int,
) -> bytes:
    """Return the bytes of `delivery.json`.

    Parameters
    ----------
    highest
        The highest number that was ever published: a collection that was brought back from a backup may know less.
    """
    of_sets = list(sets)
    return durable_files.encode(
        {
            "schema": SCHEMA,
            "id": delivery_id,
            "made": made,
            "sender": {
                "key": b64encode(key.public).decode("ascii"),
                "fingerprint": delivery_key.fingerprint(key.public),
                "collection": collection_mark(collection),
            },
            "product": {"name": PRODUCT, "version": version(PRODUCT)},
            "policy": {"standard": EDITION, "edition": POLICY_EDITION},
            "unread_words": any(entry["unread_words"] for entry in of_sets),
            "sets": of_sets,
            "withdrawn": list(withdrawn),
            "files": dict(files),
            "highest_number": highest,
        }
    )


def file_entry(path: Path) -> dict[str, Any]:
    """Return size and hash of a file of a delivery."""
    return {"size": path.stat().st_size, "sha256": records.hash_of(path)}
