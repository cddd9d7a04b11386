"""`delivery.json`: the contents of a delivery, in the exact bytes covered by its signature.

It contains nothing confidential: no original value, no path, no person's name, and the hospital only at the sender's
request.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from services.exchange import delivery_key
from services.language import gettext, gettext_noop, printable
from services.policy.table import EDITION, POLICY_EDITION
from services.runtime import durable_files
from services.store import records, releases
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from services.exchange.delivery_key import DeliveryKey
    from services.store.collection import Collection
    from services.store.records import Record

SCHEMA: Final = 1
NAME: Final = "delivery.json"
SIGNATURE: Final = "delivery.json.sig"
TABLES: Final = "tables"
PRODUCT: Final = "rt-set-anonymizer"
SET: Final = re.compile(r"ANON_[0-9]{3,9}")
_SET_FILE: Final = re.compile(r"(CT|RS|RP|RD)\.[0-9.]{1,64}\.dcm")
_BESIDE: Final = re.compile(r"(sheets|tables)(/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}){1,2}")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_LINE: Final = 1024
"""Characters of a text in a manifest; sheets, tables and tracking files of the receiver repeat it."""
_LONGEST_NOTE: Final = 32_768
"""Characters of a line of a note, which may name each attribute that an object lacks."""
_UNREADABLE: Final = gettext_noop("delivery.json is not the manifest of a delivery.")


def set_entry(
    collection: Collection, published: Record, state: str, unread: int, *, hospital: str = ""
) -> dict[str, Any]:
    """Return the manifest's entry of a set.

    Parameters
    ----------
    state
        `new`, `revised` or `unchanged` since the previous delivery.
    unread
        Number of its words that nobody has reviewed.
    """
    content, folder = published.content, collection.root / folder_name(published.index)
    hashes = published.hashes
    entry = {
        "folder": folder_name(published.index),
        "patient_id": content.get("identity", {}).get("patient_id", ""),
        "state": state,
        "revision": revision(collection, published.index),
        "fingerprint": records.digest_over(hashes),
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
        "told": ["\n".join(map(printable, note.split("\n"))) for note in content.get("told", ())],
        "unread_words": unread,
    }
    decision = releases.current(collection, published.index)
    if decision is not None and decision.state == releases.RELEASED:
        entry["released"] = {"role": decision.role, "on": decision.day}
    return entry | ({"hospital": printable(hospital)} if hospital else {})


def revision(collection: Collection, index: int) -> int:
    """Return the revision of a set: 1, plus 1 for each republication."""
    if not collection.replaced.is_dir():
        return 1
    return 1 + sum(name.startswith(f"{folder_name(index)}.") for name in durable_files.names(collection.replaced))


def collection_mark(collection: Collection) -> str:
    """Return an opaque identifier of the collection for recipients, which tells one sender's collections apart."""
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
    """Return the contents of `delivery.json`.

    Parameters
    ----------
    highest
        The highest number ever published; a collection restored from a backup may have lost it.
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


def decode(data: bytes) -> dict[str, Any] | None:
    """Parse a manifest; None if it is invalid, or two programs could read it differently.

    JSON does not define which of two equal names counts, and Python's parser accepts more than JSON allows: other
    encodings, and non-finite numbers. RFC 8259, sections 4, 6 and 8.1.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_without_doubles, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_number(_: str) -> Any:
    raise ValueError


def fault_in(content: Mapping[str, Any]) -> str:
    """Return why a manifest is invalid or contradictory; empty if it is valid."""
    schema = content.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        return (
            gettext("It was made by a newer version: update this one.")
            if newer
            else gettext("Its schema is not known.")
        )
    if not _has(content, _WHOLE, _WHOLE_MAY_BE):
        return gettext(_UNREADABLE)
    folders, withdrawn = [one["folder"] for one in content["sets"]], [one["folder"] for one in content["withdrawn"]]
    if any(len(set(each)) < len(each) for each in (folders, withdrawn)) or _names_two_objects(content["sets"]):
        return gettext("delivery.json names a set, or a file, twice.")
    if set(folders) & set(withdrawn):
        return gettext("delivery.json both delivers and withdraws a set.")
    return ""


def _names_two_objects(sets: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether sets give one name to different files, or to files of different patients.

    Linked sets of one person share objects: two plans of one CT are delivered as two sets with the same slices.
    """
    seen: dict[str, tuple[str, str]] = {}
    return any(
        seen.setdefault(name, (one["patient_id"], file["sha256"])) != (one["patient_id"], file["sha256"])
        for one in sets
        for name, file in one["files"].items()
    )


def _has(
    content: Mapping[str, Any],
    needed: Mapping[str, Callable[[object], bool]],
    optional: Mapping[str, Callable[[object], bool]],
) -> bool:
    """Return whether all values of a table are of their type, and none that is needed is absent."""
    return all(_is(content.get(name)) for name, _is in needed.items()) and all(
        _is(content[name]) for name, _is in optional.items() if name in content
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST_LINE


def _are_lines(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_line, value))


def _are_notes(value: object) -> bool:
    """Return whether a value is a list of texts, each of one or several lines."""
    return isinstance(value, list) and all(
        isinstance(each, str) and len(each) <= _LONGEST_NOTE and all(line.isprintable() for line in each.split("\n"))
        for each in value
    )


def _is_table(value: object) -> bool:
    """Return whether a value is a table of texts."""
    return isinstance(value, dict) and all(map(_is_line, (*value, *value.values())))


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_line, value)) and all(map(_is_count, value.values()))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _is_method(value: object) -> bool:
    return isinstance(value, dict) and _are_lines(value.get("text", [])) and _are_lines(value.get("codes", []))


def _is_file(file: object) -> bool:
    return isinstance(file, dict) and _is_count(file.get("size")) and _matches(_DIGEST, file.get("sha256"))


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_withdrawn(value: object) -> bool:
    return isinstance(value, dict) and _matches(SET, value.get("folder"))


def _is_set(one: object) -> bool:
    return (
        isinstance(one, dict)
        and _has(one, _OF_SET, _OF_SET_MAY_BE)
        and one.get("fingerprint") == records.digest_over({name: file["sha256"] for name, file in one["files"].items()})
    )


def _are_files(value: object) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(_matches(_SET_FILE, name) and _is_file(file) for name, file in value.items())
    )


def _are_beside(value: object) -> bool:
    return isinstance(value, dict) and all(
        _matches(_BESIDE, name) and ".." not in name and _is_file(file) for name, file in value.items()
    )


_OF_SET: Final[Mapping[str, Callable[[object], bool]]] = {
    "folder": lambda value: _matches(SET, value),
    "patient_id": _is_text,
    "revision": lambda value: _is_count(value) and value != 0,
    "files": _are_files,
}
_OF_SET_MAY_BE: Final[Mapping[str, Callable[[object], bool]]] = {
    "state": _is_line,
    "published": _is_line,
    "policy": _is_table,
    "method": _is_method,
    "options": _is_table,
    "machine": lambda value: value is None or _is_line(value) or _is_table(value),
    "verdicts": _are_counts,
    "links": _is_table,
    "accepted": _are_lines,
    "told": _are_notes,
    "unread_words": _is_count,
    "hospital": _is_line,
}
_WHOLE: Final[Mapping[str, Callable[[object], bool]]] = {
    "id": lambda value: _matches(_ID, value),
    "sender": lambda value: isinstance(value, dict) and _matches(_ID, value.get("collection")),
    "sets": lambda value: isinstance(value, list) and all(map(_is_set, value)),
    "withdrawn": lambda value: isinstance(value, list) and all(map(_is_withdrawn, value)),
    "files": _are_beside,
}
_WHOLE_MAY_BE: Final[Mapping[str, Callable[[object], bool]]] = {
    "made": _is_line,
    "product": _is_table,
    "policy": _is_table,
    "unread_words": lambda value: isinstance(value, bool),
    "highest_number": _is_count,
}
