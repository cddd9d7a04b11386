"""The figures of a set for the report of its collection, kept beside its sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.runtime import durable_files
from services.store import records
from services.store.records import folder_name
from sheets import paths, recognition
from sheets.examination.examine import NoSheet, examine
from sheets.tables import rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.store.collection import Collection
    from sheets.examination.dvh import Dvh
    from sheets.examination.findings import Findings

VERSION: Final = 3
"""Version of the summary for the report; summaries of an earlier version are computed again."""


def read_or_make(collection: Collection, index: int) -> Mapping[str, Any] | None:
    """Return the summary of a set, examining it if none is stored; None if it is absent or of the older program."""
    published = records.read(collection, index)
    if published is None or not (collection.root / folder_name(index)).is_dir():
        return None
    path = paths.summaries(collection) / f"{folder_name(index)}.json"
    stored = durable_files.read(path)
    if stored is not None and (stored.get("schema"), stored.get("at")) == (VERSION, published.at):
        return stored
    try:
        made = summary(examine(collection, index))
    except NoSheet:
        return None
    path.parent.mkdir(exist_ok=True)
    durable_files.write_atomically(path, durable_files.encode(made), staging=collection.staging)
    return made


def summary(findings: Findings) -> dict[str, Any]:
    """Return the summary of the set for the report."""
    after, target = findings.after, findings.target
    histogram = after.histograms.get(target.number) if target else None
    histogram = histogram if histogram and histogram.known and after.dose and after.dose.unit else None
    return {
        "schema": VERSION,
        "at": findings.published.at,
        "patient_id": str(after.objects.plan.get("PatientID", "")),
        "slices": len(after.objects.slices),
        "prescription": str(findings.prescription),
        "machines": sorted({beam.machine for beam in after.objects.beams if beam.machine}),
        "energies": sorted({beam.energy for beam in after.objects.beams if beam.treats}),
        "equal": findings.comparison.equal if findings.before else True if findings.as_proven else None,
        "as_proven": not findings.changed_files,
        "target": target.name if target else "",
        "target_d95_gy": rows.rounded(histogram.dose_gy(95)) if histogram else None,
        "target_covered_percent": _covered(findings, histogram),
        "structures": [
            {
                "name": one.name,
                "kind": one.kind,
                "volume_cm3": round(dose.volume_cm3, 2) if (dose := after.histograms.get(one.number)) else None,
                "mean_gy": round(dose.mean_gy, 2) if dose and dose.known and after.dose and after.dose.unit else None,
            }
            for one in after.structures
        ],
        "recognition": recognition.of_set(findings),
        "picture": findings.thumbnail,
        "tables": rows.rows(findings),
    }


def _covered(findings: Findings, histogram: Dvh | None) -> float | None:
    """Return V95 of the target in per cent; None if no single dose is prescribed."""
    full_gy = findings.full_gy
    return round(histogram.covered_percent(0.95 * full_gy), 1) if histogram and full_gy else None
