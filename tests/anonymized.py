"""A set checked, anonymized and proven in this process, without a queue: `anonymized(tmp_path, hd120)`.

The steps are the pipeline's own; only what they are for is left out: the claim of a number and the publication.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

from services.deidentify import writer
from services.deidentify.replacements import NOTHING_DECIDED, UNNAMED, choose_replacements, rename
from services.dicom import dates
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.machines import descriptor
from services.policy.table import policy_for
from services.proof import prove
from services.proof.prove import Expected
from services.verdict import check
from services.vocabulary.spelling import fold
from tests import judge, sets

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pydicom import Dataset

    from services.deidentify.replacements import Replacements
    from services.forms.word_list import Decisions
    from services.proof.prove import Proof
    from services.verdict.verdict import Verdict
    from tests.sets import Edit

#: A collection's key of these tests; another one makes other UIDs and another shift.
KEY = bytes(range(32))

#: Kinds of planted texts that stay with machine and scanner, as option 113109 lists them.
OF_DEVICES = judge.STAYING | {
    *("treatment machine", "machine serial number", "scanner station", "scanner serial number"),
    *("planning station", "planning serial number", "performed station"),
}

IDENTITY = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6).numbered(6)


@dataclass
class Anonymized:
    """A set and its output."""

    source: Path
    anon: Path
    verdict: Verdict
    replacements: Replacements
    proof: Proof

    @cached_property
    def old(self) -> dict[str, Dataset]:
        """The objects of the source: `CT -12.5`, `RTSTRUCT`, `RTPLAN`, `RTDOSE`."""
        return judge.objects(self.source)

    @cached_property
    def new(self) -> dict[str, Dataset]:
        """The objects of the output, by the same names."""
        return judge.objects(self.anon)

    @property
    def structure_set(self) -> Dataset:
        """The new structure set."""
        return self.new["RTSTRUCT"]

    @property
    def plan(self) -> Dataset:
        """The new plan."""
        return self.new["RTPLAN"]

    @property
    def dose(self) -> Dataset:
        """The new dose."""
        return self.new["RTDOSE"]

    @property
    def ct(self) -> Dataset:
        """One new slice."""
        return next(data for place, data in self.new.items() if place.startswith("CT"))

    @property
    def roi_names(self) -> list[str]:
        """The new names of the structures, in their order."""
        return [str(roi.ROIName) for roi in self.structure_set.StructureSetROISequence]

    @cached_property
    def written(self) -> bytes:
        """Every byte of the output, file names included."""
        return b"\n".join(part for path in self.anon.iterdir() for part in (path.name.encode(), path.read_bytes()))

    @property
    def methods(self) -> list[str]:
        """The codes of what was done, as the objects claim them."""
        return [code.CodeValue for code in self.plan.DeidentificationMethodCodeSequence]


_named = cache(descriptor.named)


def anonymize_folder(
    source: Path,
    anon: Path,
    *,
    machines: Collection[str] = ("VicRapidPlan",),
    key: bytes = KEY,
    decisions: Decisions = NOTHING_DECIDED,
    **options: object,
) -> Anonymized:
    """Take a folder through check, anonymizing and proof; no machines: each plan keeps its own.

    Raises
    ------
    SetRefused, SetIncomplete, NotClean
        As the pipeline.
    """
    wanted = Options(machine=tuple(machines), **options)  # type: ignore[arg-type]
    policy = policy_for(wanted)
    verdict = check.judge(source, wanted, _named(tuple(machines), descriptor.folders()), policy)
    rtset = verdict.good_set()
    shift = dates.choose_shift(key, rtset.dates)
    target = verdict.machine.machine if verdict.machine else None
    renaming = rename(rtset, UNNAMED, decisions, replace=wanted.unread_words == "replace")
    replacements = choose_replacements(rtset, target, wanted, key, shift, IDENTITY, renaming=renaming)
    anon.mkdir(parents=True)
    for _ in writer.write(rtset, replacements, anon):
        pass
    proof = prove.prove(
        [(file.kind, rtset.folder / file.path) for file in rtset.set_files],
        anon,
        Expected(
            IDENTITY,
            policy,
            target,
            replacements.scanner,
            rtset.relinked,
            unread_words=bool(replacements.cleaner.undecided),
            taken=lambda word: fold(word) in replacements.cleaner.taken,
        ),
    )
    return Anonymized(source, anon, verdict, replacements, proof)


def anonymized(
    tmp_path: Path,
    *edits: Edit,
    machines: Collection[str] = ("VicRapidPlan",),
    key: bytes = KEY,
    make: dict[str, object] | None = None,
    **options: object,
) -> Anonymized:
    """Make a set with these edits, anonymize and prove it, and have the independent judge check it, too.

    Parameters
    ----------
    machines
        Descriptors; none: each plan keeps its own machine.
    make
        Arguments of `make_set` beyond the edits; by default the CT has one slice.
    options
        Of the collection.
    """
    made = sets.make_set(tmp_path / "source", *edits, **{"ct": 1, "size": 16} | (make or {}))  # type: ignore[arg-type]
    done = anonymize_folder(made.folder, tmp_path / "ANON_006", machines=machines, key=key, **options)
    manifest, retained = made.manifest, judge.STAYING
    if not machines:
        retained = OF_DEVICES
        manifest = replace(manifest, uids=manifest.uids - {data.get("DeviceUID") for data in made.objects})
    if options.get("dates") == "keep":
        retained |= {"dates"}
    judge.judge(made.folder, done.anon, manifest, retained=retained)
    return done
