"""A set published through the whole pipeline, and the text of its sheet."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydicom
from pypdf import PdfReader

from services.pipeline.folder_run import process
from services.publication.index_ledger import Ledger
from services.runtime.progress import Progress
from services.runtime.settings import Settings
from services.store import registry
from services.store.collection import Collection
from sheets import paths, set_page, set_sheet
from sheets.examination.examine import examine
from sheets.render.pdf import pdf
from tests.sets import make_collection, make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis
    from pydicom import Dataset

    from sheets.examination.findings import Findings
    from tests.sets import Edit, MadeSet

ROIS = ["PTV_7000", "Parotid_L"]


@dataclass
class Published:
    """A published set in a collection."""

    collection: Collection
    made: MadeSet

    @property
    def anon(self) -> Path:
        """Its folder."""
        return self.collection.root / "ANON_006"

    def damage(self, prefix: str, change: Callable[[Dataset], None]) -> None:
        """Change a published file."""
        path = min(self.anon.glob(f"{prefix}.*.dcm"))
        data = pydicom.dcmread(path)
        change(data)
        pydicom.dcmwrite(path, data)

    def sheet(self) -> str:
        """Make the sheet, and return its PDF's text."""
        set_sheet.make(self.collection, 6)
        return said((paths.folder(self.collection) / "ANON_006.pdf").read_bytes())

    def findings(self, *, against_source: bool = False) -> Findings:
        """Examine the set, and return the findings."""
        return examine(self.collection, 6, against_source=against_source)

    def look(self, *, against_source: bool = False) -> tuple[Findings, str]:
        """Examine the set, and return findings and the sheet's text, without writing it."""
        findings = self.findings(against_source=against_source)
        return findings, said(pdf(set_page.lay_out(findings)))


def said(written: bytes) -> str:
    """Return a PDF's text as one line."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(written)).pages).split())


def publish(
    root: Path, client: redis.Redis, *edits: Edit, form: dict[str, str] | None = None, **make: object
) -> Published:
    """Publish a set in its own collection."""
    make_collection(root, sheets=True, **(form or {}))
    made = make_set(root, *edits, **{"ct": 6, "rois": ROIS, **make})
    collection = Collection.open(root)
    locator = registry.register(collection, made.folder.name)
    outcome = process(
        collection,
        locator,
        Ledger(collection, client),
        Progress(client, collection.id, locator),
        Settings(),
        patience_over=True,
    )
    assert outcome is not None
    assert outcome.state == "published", outcome.text
    return Published(collection, made)
