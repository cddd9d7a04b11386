"""The check of a set before processing: what exists, how it is linked, and what is wrong.

A set is one patient's planning CT, one RT Structure Set, one RT Plan and one RT Dose. All faults are reported at once,
so that a single new export fixes them; and nothing is refused that a planning system would import as this one plan of
this one patient.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from services.errors import Fault, SetIncomplete, SetRefused
from services.forms.identity import is_placeholder
from services.language import english, gettext, gettext_noop, joined, ngettext
from services.machines.fit import KEEP_ONLY, fit_first, sentences, shipped_that_fit
from services.rtset import (
    damage,
    folder_listing,
    kept_values,
    not_taken,
    pixel_completeness,
    placement,
    reader,
    references,
    relink,
    unfinished_pixels,
)
from services.rtset.reader import CT, NAMES, PLAN, named, printable
from services.verdict import already_removed, complete_sets, importability, members, preflight
from services.verdict.set_aside import SetAside, set_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from services.forms.collection_form import Options
    from services.layout import NotTaken
    from services.machines.descriptor import Machine
    from services.machines.fit import Fit
    from services.policy.table import Policy
    from services.rtset.folder_listing import Listing
    from services.rtset.reader import Contents, RtSet, SetFile
    from services.rtset.references import Links, Objects, State
    from services.rtset.unfinished_pixels import Doubt


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of checking a folder."""

    counts: Mapping[str, int]
    """Objects by kind: `CT`, `RTSTRUCT`, `RTPLAN`, `RTDOSE`."""

    links: Mapping[str, State]
    """By the names in `services.rtset.references.LINKS`."""

    machine: Fit | None
    """How the plan fits the collection's machine; None if it keeps its own, or there is no single plan."""

    faults: tuple[Fault, ...]
    """Faults that a person must repair."""

    missing: tuple[Fault, ...]
    """Objects that may still arrive."""

    notes: tuple[str, ...]
    """Information for a person about a valid set. May name files and labels, so for the share's users only."""

    told: tuple[str, ...]
    """The notes without references to the patient, suitable for record and sheet."""

    of_names: tuple[str, ...]
    """Those of `told` about structure names, which may differ in the published set."""

    accepted: Mapping[str, int]
    """Number of faults that the collection accepts, by code."""

    listing: Listing

    empty: bool
    """Whether there is no DICOM at all, so that the folder is not a set."""

    doubts: tuple[Doubt, ...]
    """Images that may be half copied, by weak evidence; also among the notes."""

    rtset: RtSet | None
    """The set to anonymize; None if there are faults."""

    not_taken: tuple[NotTaken, ...] = ()
    """Entries of the folder that may hold DICOM but are not part of the set."""

    @property
    def good(self) -> bool:
        """Return whether the set can be anonymized."""
        return not self.faults and not self.missing

    def good_set(self) -> RtSet:
        """Return the set, or raise its faults.

        Raises
        ------
        SetRefused
            A person must repair it.
        SetIncomplete
            Its only faults are missing objects.
        """
        if self.faults:
            raise SetRefused(*self.faults, *self.missing)
        if self.missing or self.rtset is None:
            raise SetIncomplete(*self.missing)
        return self.rtset


def judge(
    folder: Path,
    options: Options,
    machines: Sequence[Machine],
    policy: Policy,
    listing: Listing | None = None,
    *,
    delivered: bool = False,
) -> Verdict:
    """Check the contents of a folder.

    Parameters
    ----------
    listing
        Listing of the folder, if it exists already.
    delivered
        Whether it is a set delivered by another collection; otherwise a published set is a copy, and refused.
    machines
        Descriptors named in the options, in order; none if the plan keeps its machine.

    Raises
    ------
    SetRefused
        The folder holds more than a set can have.
    SetChanged
        A file disappeared while being read.
    OSError
        Something cannot be read.
    """
    listing = listing or folder_listing.take(folder)
    contents = reader.read(folder, listing)
    return judge_contents(folder, contents, options, machines, policy, listing, delivered=delivered)


def judge_contents(
    folder: Path,
    contents: Contents,
    options: Options,
    machines: Sequence[Machine],
    policy: Policy,
    listing: Listing,
    aside: SetAside | None = None,
    *,
    delivered: bool = False,
) -> Verdict:
    """Check folder contents as one set.

    Parameters
    ----------
    contents
        Contents of the folder, or those that make up one of its sets.
    aside
        The part that belongs to the set, if already determined.
    delivered
        As for `judge`.
    """
    found = _Found()
    _judge_files(found, contents, listing, options)
    _judge_patient(found, contents, folder.name, delivered=delivered)
    aside = aside or leave_out(contents.objects, options)
    found.notes += aside.notes()
    chosen = members.choose(aside.objects)
    if "two-patients" in map(attrgetter("code"), found.faults):
        chosen.faults[:] = [fault for fault in chosen.faults if fault.code not in _one_each(aside.objects)]
    if options.plans == "refuse":
        chosen.faults[:] = complete_sets.tell(chosen.faults, aside.objects, options.accept)
    found.faults += chosen.faults
    here = {*contents.private, *(one.kind for one in contents.unreadable if one.kind)}  # reported separately
    found.missing += [one for one in chosen.missing if one.code not in map(members.no_object, here)]
    found.faults += pixel_completeness.lacking(chosen.objects)
    found.faults += pixel_completeness.hidden(chosen.objects)
    found.notes += pixel_completeness.surplus(chosen.objects)
    found.told += pixel_completeness.overlays(chosen.objects)
    found.missing += _not_ready(listing, options)
    doubts = _judge_pixels(found, chosen.objects, folder, options)

    judged = references.judge(
        chosen.objects,
        frozenset(one.sop_instance_uid for one in aside.left_out),
        off_slices_accepted=references.OFF_SLICES in options.accept,
    )
    objects = _judge_links(found, chosen.objects, judged, options)
    if not judged.missing:  # otherwise the CT will grow by the missing slices
        found.faults += placement.elsewhere(objects)
        found.told += placement.beyond(objects)

    meant = importability.judge(objects, machine_replaced=bool(machines))
    found.faults += [fault for fault in meant.faults if fault.code not in options.accept]
    found.accept([fault for fault in meant.faults if fault.code in options.accept])
    found.say(note for note in meant.notes if note not in meant.of_names)
    found.notes += meant.of_names
    found.told += preflight.notes(objects)
    fit = fit_first(objects.plan.view, machines) if objects.plan and machines else None
    if fit and objects.plan:
        _judge_fit(found, fit, objects.plan, machines, options)

    whole: RtSet | None = None
    _, _, structure_set, plan, dose = objects
    if not found.faults and not found.missing and structure_set and plan and dose:
        whole = reader.assemble(
            folder,
            listing,
            policy,
            slices=objects.slices,
            structure_set=structure_set,
            plan=plan,
            dose=dose,
            relinked=found.relinked,
            left_out=aside.left_out,
            beside=contents.beside,
        )
        _judge_kept(found, whole)
        whole = None if found.faults else whole
    of_names = importability.names_of(objects.structure_set) if objects.structure_set else []
    told_of_names = tuple(map(english, preflight.of_names(of_names)))
    return Verdict(
        counts={kind: len(files) for kind, files in aside.objects.items()},
        links=judged.states,
        machine=fit,
        faults=tuple(found.faults),
        missing=tuple(found.missing),
        notes=(*found.notes, *found.said, *found.told),
        told=(
            *without_files(found.said, objects),
            *map(english, found.told),
            *told_of_names,
        ),
        of_names=told_of_names,
        accepted=Counter(found.accepted),
        listing=listing,
        empty=contents.empty,
        doubts=doubts,
        rtset=whole,
        not_taken=(*found.not_taken, *not_taken.of_set(folder, listing)),
    )


_ACCEPTED: Final = "Accepted:"


def without_files(notes: Sequence[str], objects: Objects) -> list[str]:
    """Return notes without file names, since a planning system's file names often identify the patient."""
    if not notes:
        return []
    slices = (
        objects.slices if any(english(note).startswith(_ACCEPTED) for note in notes) else ()
    )  # no other note names files
    files = (*slices, objects.structure_set, objects.plan, objects.dose)
    words = {one.called: "a CT slice" if one.kind == CT else f"the {NAMES[one.kind]}" for one in files if one}
    told = []
    for note in map(english, notes):
        text, _, _ = note.partition("\n")  # the names follow, one per line
        for called, word in words.items():
            text = text.replace(called, word)
        told.append(text[:1].upper() + text[1:])
    return told


def _one_each(objects: Mapping[str, tuple[SetFile, ...]]) -> set[str]:
    """Return the codes of duplicate objects that disappear when two patients' objects are separated: one each."""
    going = set()
    for kind, code in members.SECOND.items():
        by_patient: defaultdict[str, set[str]] = defaultdict(set)
        for one in objects[kind]:
            what = one.uid("SeriesInstanceUID") if kind == CT else one.sop_instance_uid
            by_patient[one.view.text("PatientID").casefold()].add(what)
        if all(len(here) == 1 for here in by_patient.values()):
            going.add(code)
    return going


def leave_out(objects: Mapping[str, tuple[SetFile, ...]], options: Options) -> SetAside:
    """Set aside objects that belong to no set, if the collection excludes these."""
    return set_aside(objects) if options.extra_objects == "leave out" else SetAside(objects, (), ())


def of_whose_folder(folder: Path, contents: Contents) -> list[Fault]:
    """Return faults of the folder as a whole, whatever its sets: two patients, sets made by this program."""
    found = _Found()
    _judge_patient(found, contents, folder.name, delivered=False)
    return found.faults


@dataclass(slots=True)
class _Found:
    faults: list[Fault] = field(default_factory=list)
    missing: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """Notes without references to the patient, suitable for record and sheet."""
    said: list[str] = field(default_factory=list)
    """Notes without references to the patient except names of the objects' files, in the form of `SetFile.called`."""
    accepted: list[str] = field(default_factory=list)
    """Codes of faults that the collection knowingly accepts."""
    relinked: bool = False
    not_taken: tuple[NotTaken, ...] = ()

    def accept(self, faults: Sequence[Fault]) -> None:
        """Accept faults that the collection knowingly accepts, with a note."""
        self.accepted += [fault.code for fault in faults]
        self.say(gettext("Accepted: {found}", found=fault.found) for fault in faults)

    def say(self, notes: Iterable[str]) -> None:
        """Add notes that are suitable for record and sheet once file names are removed."""
        self.said += notes


def _judge_files(found: _Found, contents: Contents, listing: Listing, options: Options) -> None:
    """Report unreadable files, and the reading errors of excluded ones."""
    for path, reason, truncated, _ in contents.unreadable:
        name = printable(path)
        if truncated:
            found.missing.append(
                Fault(
                    "file-truncated",
                    gettext("{name} is incomplete: {reason}.", name=name, reason=damage.in_words(reason)),
                    gettext("Wait until everything is copied, or copy this file once more."),
                )
            )
        else:
            found.faults.append(
                Fault(
                    "file-unreadable",
                    gettext("{name} cannot be read as DICOM: {reason}.", name=name, reason=damage.in_words(reason)),
                    gettext("Export this object once more."),
                )
            )
    _judge_extra(found, contents, options)
    found.notes += _oddities(contents)
    if contents.not_dicom:
        found.notes.append(
            ngettext(
                "{count} file is not DICOM and ignored.",
                "{count} files are not DICOM and ignored.",
                contents.not_dicom,
            )
        )
    for why, count in Counter(why for _, why in listing.skipped if why != "hidden").items():
        found.notes.append(
            ngettext(
                "{count} file is not looked at ({why}).",
                "{count} files are not looked at ({why}).",
                count,
                why=gettext(why),
            )
        )


def _judge_extra(found: _Found, contents: Contents, options: Options) -> None:
    """Report other DICOM objects by type and file; refuse those that should have been of a set's kind."""
    if not contents.extra:
        return
    extra = ", ".join(f"{len(paths)} {printable(kind)}" for kind, paths in contents.extra.items())
    if options.extra_objects == "refuse":
        files = named(path for paths in contents.extra.values() for path in paths)
        found.faults.append(
            Fault(
                "extra-objects",
                gettext("There are objects here that belong to no set: {extra} ({files}).", extra=extra, files=files),
                gettext("Take them out of the folder."),
            )
        )
    else:
        found.notes.append(gettext("Left out, because they belong to no set: {extra}.", extra=extra))
        found.notes += [
            gettext("Left out as {kind}: {names}.", kind=printable(kind), names=named(paths))
            for kind, paths in contents.extra.items()
        ]
    for kind, files_of_it in contents.private.items():
        if not contents.objects[kind]:
            classes = sorted({one.sop_class_uid for one in files_of_it})
            found.faults.append(
                Fault(
                    "private-class",
                    gettext(
                        "{names} is a {kind} by its modality, but of the class {classes}, which is none of the "
                        "standard's; no other planning system reads it.",
                        names=named(one.path for one in files_of_it),
                        kind=NAMES[kind],
                        classes=named(classes),
                    ),
                    gettext("Export it as a standard {kind}.", kind=NAMES[kind]),
                )
            )


def _oddities(contents: Contents) -> Iterator[str]:
    """Yield corrections made while reading, each once for all files concerned."""
    by_oddity: defaultdict[str, list[str]] = defaultdict(list)
    for files in contents.objects.values():
        for one in files:
            for oddity in one.file.oddities:
                by_oddity[oddity].append(one.called)
    for oddity, names in by_oddity.items():
        yield gettext("Written with {oddity}: {names}.", oddity=damage.in_words(oddity), names=named(names))


def _judge_pixels(found: _Found, objects: Objects, folder: Path, options: Options) -> tuple[Doubt, ...]:
    """Wait for half-copied images, unless a person declared this set complete; return doubtful images."""
    unfinished = unfinished_pixels.find(objects, folder.name)
    if unfinished_pixels.CODE in options.accept:
        found.accept(unfinished.missing)
        return ()
    found.missing += unfinished.missing
    found.notes += [doubt.text for doubt in unfinished.doubts]
    return unfinished.doubts


def _judge_kept(found: _Found, rtset: RtSet) -> None:
    """Report kept values that cannot stay; refuse the set if something depends on them."""
    remedies = {
        kept_values.NUMBER: gettext("Correct it in the system that wrote it, and export the object once more."),
        kept_values.TERM: gettext("Take it out in the system that wrote it, and export the object once more."),
        kept_values.VALUE: gettext("Correct it in the system that wrote it, and export the object once more."),
    }
    for place in kept_values.places(rtset.set_files, rtset.mends):
        why = place.mend.in_words
        if place.times > 1:
            why = gettext("{why}, {count} times", why=why, count=place.times)
        if place.mend.code:
            text = gettext("{place} of {file} {why}.", place=place.path, file=place.file.called, why=why)
            found.faults.append(Fault(place.mend.code, text, remedies[place.mend.code]))
        else:
            found.told.append(
                gettext(
                    "Not kept as it is: {place} of {kind} {why}.",
                    place=place.path,
                    kind=NAMES[place.file.kind],
                    why=why,
                )
            )
    if keywords := sorted({one.keyword for one in rtset.unusual}):
        found.notes.append(
            gettext("Coded values that are not DICOM terms are kept: {names}.", names=", ".join(keywords))
        )


def _not_ready(listing: Listing, options: Options) -> Iterator[Fault]:
    """Wait for the marker that the exporter writes last, if the collection defines one."""
    names = (entry.path.name for entry in listing.entries)
    if options.ready and not any(fnmatchcase(name, options.ready) for name in names):
        yield Fault(
            "not-ready",
            gettext("The marker file {ready} is missing: the export is not complete.", ready=options.ready),
            gettext("Wait until everything is copied, or write the marker file when all files of the set are there."),
        )


_DIFFERENT: Final = {
    "PatientName": gettext_noop("The objects state {count} different names of the patient."),
    "PatientSex": gettext_noop("The objects state {count} different sexes."),
    "PatientBirthDate": gettext_noop("The objects state {count} different birth dates."),
}


def _judge_patient(found: _Found, contents: Contents, folder: str, *, delivered: bool) -> None:
    """Refuse objects of several patients, as far as they state a patient."""
    files = [file for kind in NAMES for file in contents.objects[kind]]
    ours = [] if delivered else list(already_removed.by_us(files))
    found.faults += ours
    found.told += [] if ours or delivered else already_removed.by_others(files)
    by_id: defaultdict[str, list[SetFile]] = defaultdict(list)
    for file in files:
        by_id[file.view.text("PatientID").casefold()].append(file)
    silent = by_id.pop("", [])
    if len(by_id) > 1:
        patients = sorted(by_id.values(), key=len, reverse=True)
        found.faults.append(_two_patients(patients))
        found.not_taken = not_taken.nested(folder, patients)
    if silent:
        found.notes.append(gettext("No patient ID in {names}.", names=named(one.called for one in silent)))
    for keyword, says in _DIFFERENT.items():
        different = {file.view.text(keyword).casefold().rstrip("^ ") for file in files} - {""}
        if keyword == "PatientBirthDate":
            different = {value for value in different if not is_placeholder(value)}
        if len(different) > 1:
            found.say([gettext(says, count=len(different))])
    studies = {file.uid("StudyInstanceUID") for file in files} - {""}
    if len(studies) > 1:
        found.say([gettext("The objects belong to {count} studies.", count=len(studies))])


def _is_all_here(objects: Objects) -> bool:
    """Return whether no slices are missing."""
    return objects.structure_set is not None and references.all_listed_are_here(objects.structure_set, objects.slices)


_RELINK_HELPS: Final = gettext_noop(
    'Or set on_broken_links to "relink" in collection.toml: geometry agrees, and the references would be rebuilt.'
)

_DRAWN_ELSEWHERE: Final = gettext_noop(
    "All slices that it lists are here. Export the structure set together with the CT it was drawn on; if its contours "
    'are meant to lie so, add "contours-off-slices" to accept in collection.toml.'
)


def _two_patients(patients: Sequence[Sequence[SetFile]]) -> Fault:
    """Return the fault of a folder with several patients: each one's counts, plan, and files."""
    ids = [files[0].view.text("PatientID") for files in patients]
    counted = []
    for patient_id, files in zip(ids, patients, strict=True):
        labels = [one.view.text("RTPlanLabel") or gettext("without a label") for one in files if one.kind == PLAN]
        plans = gettext(", plan {names}", names=named(labels)) if labels else ""
        counted.append(
            ngettext(
                "{count} object of patient {patient}{plans}",
                "{count} objects of patient {patient}{plans}",
                len(files),
                patient=printable(patient_id),
                plans=plans,
            )
        )
    zeros = ""
    if len({patient_id.lstrip("0").casefold() for patient_id in ids}) < len(ids):
        zeros = " " + gettext("Some of the IDs differ by leading zeros only.")
    below = "".join(f"\n{printable(one)}: {_by_kind(files)}." for one, files in zip(ids, patients, strict=True))
    return Fault(
        "two-patients",
        gettext(
            "There are two or more patient IDs here: {patients}.{zeros}",
            patients="; ".join(counted),
            zeros=zeros,
        )
        + below,
        f"{gettext(not_taken.MOVE_UP)}."
        if not_taken.each_has_a_folder(patients)
        else gettext(
            "Put each patient's objects in a folder of their own, or export the plan with its own CT once more."
        ),
    )


def _by_kind(files: Sequence[SetFile]) -> str:
    """List objects by file, and of many of a kind only the first, since file names often are UIDs."""
    kinds = {kind: [one.path for one in files if one.kind == kind] for kind in NAMES}
    return ", ".join(
        f"{NAMES[kind]} {reader.and_more(printable(paths[0]), len(paths) - 1)}"
        for kind, paths in kinds.items()
        if paths
    )


def _judge_links(found: _Found, objects: Objects, judged: Links, options: Options) -> Objects:
    """Refuse broken links, or rebuild them if the collection requests it; return the resulting objects."""
    found.say(judged.notes)
    found.accept(judged.accepted)
    for fault in judged.missing:
        if fault.code == references.OFF_SLICES and _is_all_here(objects):
            found.faults.append(replace(fault, remedy=gettext(_DRAWN_ELSEWHERE)))
        else:
            found.missing.append(fault)
    if judged.all_shown:  # otherwise geometry decides
        found.say(references.strange(objects))
    complete = objects.structure_set and objects.plan and objects.dose and objects.slices and not judged.missing
    if complete and judged.broken and options.on_broken_links == "refuse" and not relink.doubts(objects, judged):
        judged.broken = [replace(fault, remedy=f"{fault.remedy} {gettext(_RELINK_HELPS)}") for fault in judged.broken]
    if options.on_broken_links == "relink" and complete and not judged.all_shown:
        doubts = relink.doubts(objects, judged)
        if not doubts:
            found.relinked = True
            rebuilt = relink.rebuild(objects, judged)
            apart = [link for link, state in judged.states.items() if state != "shown"]
            judged.states |= dict.fromkeys(apart, "relinked")
            found.say([gettext("References were rebuilt, because geometry agrees: {links}.", links=", ".join(apart))])
            return objects._replace(**rebuilt._asdict())
        if judged.broken:
            found.faults += dict.fromkeys((*judged.broken, *doubts))
            return objects
    found.faults += dict.fromkeys((*judged.broken, *judged.unborne))
    return objects


def _judge_fit(found: _Found, fit: Fit, plan: SetFile, machines: Sequence[Machine], options: Options) -> None:
    """Refuse a plan that does not fit the machine, unless the collection only wants a warning."""
    by_code = sentences(fit)
    if not by_code:
        return
    if fit.can_be_moved and options.on_machine_mismatch == "warn":
        found.say(sentence for told in by_code.values() for sentence in told)
        return
    others = _other_machines(plan, machines) if fit.can_be_moved else ""
    for code, told in by_code.items():
        remedy = (
            gettext('Collect it with machine = "keep".')
            if code in KEEP_ONLY
            else gettext(
                '{others} With on_machine_mismatch = "warn" the plan would still be published on {machine} with '
                "its beams unchanged, and this would be a note.",
                others=others,
                machine=fit.machine.name,
            )
        )
        found.faults.append(Fault(f"machine-{code}", joined(told), remedy))


def _other_machines(plan: SetFile, machines: Sequence[Machine]) -> str:
    """Return a built-in machine that the plan would fit, if any."""
    keep = gettext('set machine to "keep", which leaves each plan on its own machine.')
    fitting = shipped_that_fit(plan.view, machines)
    if not fitting:
        return gettext(
            "No shipped descriptor fits this plan. Add a descriptor of a machine that has it "
            "(machines/README.md says how) to the list in collection.toml, or {keep}",
            keep=keep,
        )
    names = ", ".join(f'"{name}"' for name in (*(machine.name for machine in machines), *fitting))
    return gettext(
        "The shipped descriptor {fitting} fits this plan: with machine = [{names}] in collection.toml "
        "the first machine that fits takes each plan. Or {keep}",
        fitting=gettext(" or ").join(fitting),
        names=names,
        keep=keep,
    )
