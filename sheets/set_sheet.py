"""The sheet of a published set, for signature, as HTML and PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.runtime.garbage import without_garbage_collection
from services.store import releases
from sheets import paths, set_page
from sheets.examination.examine import examine
from sheets.render.html import html
from sheets.render.pdf import pdf
from sheets.set_summary import summary

if TYPE_CHECKING:
    from services.store.collection import Collection


def make(collection: Collection, index: int, *, against_source: bool = False) -> None:
    """Write the sheet of a published set, as HTML and PDF, and its summary for the report.

    Parameters
    ----------
    against_source
        Compare with the source again, even if the files are those proven against it.

    Raises
    ------
    NoSheet
        No sheet can be made.
    OSError
        A file cannot be read or written.
    """
    with without_garbage_collection():
        of_ns = paths.shown_ns(collection, index)
        findings = examine(collection, index, against_source=against_source)
        page = set_page.lay_out(findings, releases.current(collection, index))
        paths.write(collection, index, html(page), pdf(page), summary(findings), of_ns=of_ns)
