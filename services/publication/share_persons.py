"""Persons published in several collections of a share, if an operator enabled this.

Each collection has its own key, so that nobody can link its patients with another's. To be notified of a person in two
collections, an operator gives all processes a common secret that is never stored on the share
(`ANONYMIZER_SHARE_SECRET_FILE`), since its holder can link patients of different hospitals. A collection then has
`.anonymizer/share_persons/<hash>/000006.json` for each set that it published, and the others look there.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from services.errors import SettingsWrong
from services.language import gettext, gettext_noop
from services.publication import same_person
from services.publication.new_identity import patient_id_of
from services.publication.persons import Person
from services.runtime import durable_files
from services.store import records
from services.store.collection import Collection
from services.store.records import folder_name
from services.store.share import Share

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.rtset.reader import RtSet

SCHEMA: Final = 1
NAME: Final = "share_persons"

SAME: Final = gettext_noop("It is the same person as {name}, in another collection of this share.")
OTHER: Final = gettext_noop(
    "Its patient ID is that of the person of {name}, in another collection of this share, but birth date or sex "
    "differ: another person, or an input error."
)


class SharePersons:
    """Persons in the collections of a share.

    Parameters
    ----------
    secret
        Common to all of the share's processes; empty: detection is off.
    share
        The folder that contains the collections.
    """

    def __init__(self, secret: str | None, share: Path | None) -> None:
        self._secret = (secret or "").encode()
        self._share = share

    def person_of(self, rtset: RtSet, hospital: str) -> Person | None:
        """Return the person of a set; None if it states no patient ID, or detection is off."""
        if not self._secret or not (patient_id := patient_id_of(rtset)):
            return None
        birth_date, sex = same_person.birth_date_and_sex(rtset)
        name = self._mark("person", hospital, patient_id)[:32]
        return Person(name, 0, birth=self._mark("birth date", birth_date), sex=self._mark("sex", sex))

    def note_and_report(self, collection: Collection, person: Person | None, index: int) -> str:
        """Note the person of a published set.

        Return a sentence on their sets in other collections, or an empty string.
        """
        if person is None:
            return ""
        folder = collection.state / NAME / person.hash
        folder.mkdir(parents=True, exist_ok=True)
        noted = durable_files.encode({"schema": SCHEMA, "birth": person.birth, "sex": person.sex})
        durable_files.write_exclusively(folder / f"{index:06d}.json", noted, staging=collection.staging)
        return " ".join(self._found(collection, person))

    def _found(self, collection: Collection, person: Person) -> Iterator[str]:
        """Yield a sentence on each set of the person in the other collections."""
        for root in Share(self._share).roots() if self._share else ():
            if root == collection.root:
                continue
            for noted in _noted(root, person.hash):
                place = (root / folder_name(noted.index)).relative_to(self._share or root).as_posix()
                yield gettext(OTHER if person.differs(noted) else SAME, name=place)

    def _mark(self, *texts: str) -> str:
        """Return a keyed digest of texts; empty if the last one is."""
        if not texts[-1]:
            return ""
        return hmac.new(self._secret, "\0".join(texts).encode("utf-8", "surrogatepass"), sha256).hexdigest()


def forget(collection: Collection, index: int) -> None:
    """Erase what other collections can see of a set."""
    place = collection.state / NAME
    for path in place.glob(f"*/{index:06d}.json") if place.is_dir() else ():
        path.unlink(missing_ok=True)


def _noted(root: Path, name: str) -> Iterator[Person]:
    """Yield the person as stated by each of their published sets in a collection."""
    try:
        collection = Collection.look(root)
        noted = sorted(durable_files.names(collection.state / NAME / name))
    except (OSError, SettingsWrong):
        return  # the collection itself reports that it cannot be read
    for file in noted:
        number = file.removesuffix(".json")
        record = records.read(collection, int(number)) if number.isdigit() else None
        if record is not None and record.set_id is not None and not record.withdrawn:
            kept = durable_files.read(collection.state / NAME / name / file) or {}
            yield Person(name, int(number), birth=str(kept.get("birth", "")), sex=str(kept.get("sex", "")))
