"""`anonymizer forget`: erases one patient from a collection."""

from __future__ import annotations

from anonymizer.arguments import Published, Root, open_collection
from anonymizer.terminal import console, printable
from services.exchange.deliveries import holding
from services.forms import word_list
from services.maintenance.forget import forget_set
from services.publication import unread_words
from services.runtime import audit
from services.store.records import folder_name, index_of
from services.store.tracking_lines import TrackingFiles
from services.vocabulary.spelling import fold


def forget(root: Root, anon: Published) -> None:
    """Erase one patient: folder, sheet, tracking line and everything that identifies them. Cannot be undone."""
    collection = open_collection(root)
    index = index_of(anon.name)
    words = unread_words.read(collection, index)
    forget_set(collection, index)
    TrackingFiles(collection).render()
    unread_words.render(collection)
    audit.note(collection.state, "forgotten", anon=folder_name(index))
    console().print(f"{folder_name(index)} is erased. Its number will not be used again.")
    own = {fold(each["word"]) for each in words.words} if words else set()
    left = [row.word for row in word_list.read(root).rows if row.sets == "0" and fold(row.word) in own]
    if left:
        console().print(
            f"{word_list.FILE_NAME} keeps words of this set, because somebody decided on them: "
            f"{', '.join(map(printable, left))}. Delete the rows of those that identify the patient."
        )
    for one in holding(collection, index):
        console().print(f"Delivered on {one.at[:10]} to {one.to} by {one.user} (delivery {one.id}): inform them.")
