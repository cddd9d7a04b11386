"""Proof of a published set repeated later, against the promises in its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.errors import NotClean, SettingsWrong
from services.language import gettext
from services.layout import published_in
from services.maintenance import promised
from services.maintenance.originals import taken_sets
from services.policy import table
from services.policy.object_kinds import CT, DOSE, PLAN, STRUCTURE_SET
from services.proof.prove import prove
from services.rtset import folder_listing, reader
from services.store import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from services.proof.prove import Proof
    from services.store.collection import Collection


def verify_published(source: Path, anon: Path, collection: Collection, machines: Iterable[Path]) -> Proof:
    """Prove a published set again, possibly years later: `anonymizer verify SOURCE ANON_006`.

    Its record holds what was promised, whatever the form now says; without a record, form and output are used. The
    record also has the hash of each file, and identifies the set whose key made the new UIDs.

    Parameters
    ----------
    source
        The dropped folder.
    anon
        The published folder.
    machines
        Folders with machine descriptors.

    Raises
    ------
    SettingsWrong
        `anon` is not an ANON folder, or `source` holds no set.
    NotClean, SetChanged, OSError
        As `prove`.
    """
    index = records.index_of(anon.name)
    published = records.read(collection, index)
    found = reader.read(source, folder_listing.take(source)).objects
    taken = taken_sets.objects_of(found, collection, published)
    if len(list(anon.glob("CT.*.dcm"))) > len(taken[CT]):  # published when localizers were taken for slices
        taken = {**taken, CT: found[CT]}
    objects = [(kind, source / one.path) for kind in (CT, STRUCTURE_SET, PLAN, DOSE) for one in taken[kind]]
    if not objects:
        raise SettingsWrong(gettext("The source folder contains no object of a set."))
    content = published.content if published else {}
    of_set = [one for kind in taken for one in taken[kind]]
    expected = promised.of_set(anon, collection, published, of_set, machines)
    changed = list(_changed_since(anon, published.hashes)) if published else []
    try:
        proof = prove(objects, anon, expected)
    except NotClean as not_clean:
        edition = content.get("policy", {}).get("edition", table.POLICY_EDITION)
        if edition == table.POLICY_EDITION:
            raise NotClean(*not_clean.reasons, *changed) from None
        older = f"policy: it was made under that of {edition}, and checked against that of {table.POLICY_EDITION}"
        raise NotClean(older, *not_clean.reasons, *changed) from None
    if changed:
        raise NotClean(*changed)
    return proof


def _changed_since(anon: Path, hashes: Mapping[str, str]) -> Iterator[str]:
    """Yield the files of a published set that differ from the hashes in its record, if it has any.

    Files are identified by name, which is made of new UIDs; added files are not named.
    """
    there = set(published_in(anon))
    for name, digest in hashes.items():
        if name not in there:
            yield f"record: {name} was published, and is not here"
        elif records.hash_of(anon / name) != digest:
            yield f"record: {name} is not the file that was published"
    if hashes and (added := len(there - hashes.keys())):
        yield f"record: {added} file{'s' * (added > 1)} here {'were' if added > 1 else 'was'} not published"
