"""Examination of a published set side by side with its source, slice by slice."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from services.layout import published_in
from services.maintenance.originals import taken_sets
from services.policy.table import Choice, policy_for
from services.publication import accounts
from services.store import records
from services.store.records import folder_name
from sheets import paths
from sheets.examination import ct_views, plan_comparison
from sheets.examination.findings import Findings
from sheets.examination.one_side import side_of, target_of, with_histograms
from sheets.examination.source_diff import CONTOURS, DOSE, Comparison
from sheets.kept_texts import files_in, travelling
from sheets.read import plan_objects
from sheets.read.beams import prescription
from sheets.read.ct_volume import NotDrawable
from sheets.read.plan_objects import NoSet
from sheets.render import draw

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection
    from services.store.records import Record
    from sheets.read.plan_objects import Objects


class NoSheet(Exception):
    """No sheet can be made: the set is not published, absent, or incomplete."""

    def __str__(self) -> str:
        return str(self.__doc__)


def examine(collection: Collection, index: int, *, against_source: bool = False) -> Findings:
    """Examine a published set, and its source if the files are no longer those proven against it.

    A set is compared with its source, element by element and voxel by voxel, before it is published. Its record holds
    the hashes of the files found equal, and the account beside it the counts. If both still match, a second comparison
    could find nothing new; otherwise it shows what differs.

    Parameters
    ----------
    against_source
        Compare with the source in any case, by pydicom, which neither wrote nor proved the set.

    Raises
    ------
    NoSheet
        No sheet can be made.
    OSError
        A file cannot be read.
    """
    published = records.read(collection, index)
    folder = collection.root / folder_name(index)
    if published is None or published.set_id is None or not folder.is_dir():
        raise NoSheet
    changed, fingerprint = _files(folder, published)
    as_proven = not changed and bool(published.hashes)
    account = accounts.read(collection, index, fingerprint) if as_proven and not against_source else None
    try:
        after = with_histograms(side_of(plan_objects.read(folder, by_pydicom=account is None)))
    except (NoSet, NotDrawable) as error:
        raise NoSheet from error
    source = _source(collection, published) if account is None else None
    files = files_in(folder) if account is None else after.objects.files
    plan = after.objects.plan
    prescribed = prescription(plan)
    full_gy = prescribed.total_gy if after.dose is not None and after.dose.of_the_plan else None
    findings = Findings(
        published=published,
        after=after,
        before=side_of(source) if source else None,
        comparison=Comparison(policy_for(_options(published))),
        prescription=prescribed,
        full_gy=full_gy,
        levels=draw.levels(full_gy, after.dose),
        target=target_of(after),
        changed_files=changed,
        as_proven=as_proven,
        account=account,
        fingerprint=fingerprint,
        travelling=travelling(collection, index, files, policy_for(_options(published))),
    )
    plan_comparison.compare(findings)
    _work_out_before(findings)
    ct_views.take(findings)
    ct_views.draw_differences(findings)
    return findings


def _source(collection: Collection, published: Record) -> Objects | None:
    """Return the source; None if its folder was removed or now holds another patient's set."""
    choose = partial(taken_sets.objects_of, collection=collection, published=published)
    for folder in paths.source_folders(collection, published):
        try:
            found = plan_objects.read(folder, by_pydicom=True, choose=choose)
        except (NoSet, NotDrawable, OSError):
            continue
        if collection.set_id(found.sop_instance_uids) == published.set_id:
            return found
    return None


def _work_out_before(findings: Findings) -> None:
    """Set the source's histograms: the published set's if contours, dose and slice positions are equal."""
    after, before, parts = findings.after, findings.before, findings.comparison.parts
    if before is None:
        return
    same = not parts[CONTOURS].differing and not parts[DOSE].differing
    if same and np.array_equal(after.objects.slices_mm, before.objects.slices_mm):
        findings.before = replace(before, histograms=after.histograms)
    else:
        findings.before = with_histograms(before)


def _options(published: Record) -> Choice:
    """Return the options under which the set was anonymized; the collection's may have changed since."""
    return Choice.recorded(published.content.get("options", {}))


def _files(folder: Path, published: Record) -> tuple[int, str]:
    """Return how many files differ from the record, and one digest over all files."""
    digests = {name: records.hash_of(folder / name) for name in published_in(folder)}
    stated = published.hashes
    changed = {name for name, _ in stated.items() ^ digests.items()} if stated else set()
    return len(changed), records.digest_over(digests)
