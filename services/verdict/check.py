"""The verdict on a set, before any work: what is here, how it hangs together, and what stands against it.

A set is one patient's planning CT, one RT Structure Set, one RT Plan and one RT Dose. All faults are reported at once,
so that one new export mends them; and nothing is refused that a planning system would import as this one plan of this
one patient.
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
    """What the check found in a folder."""

    counts: Mapping[str, int]
    """Objects by kind: `CT`, `RTSTRUCT`, `RTPLAN`, `RTDOSE`."""

    links: Mapping[str, State]
    """By the names in `services.rtset.references.LINKS`."""

    machine: Fit | None
    """How the plan fits the machine of the collection; None where it keeps its own, or where there is no one plan."""

    faults: tuple[Fault, ...]
    """What a person has to repair."""

    missing: tuple[Fault, ...]
    """What may still be on its way."""

    notes: tuple[str, ...]
    """What a person should know though nothing is wrong. May name files and labels: for the share's users only."""

    told: tuple[str, ...]
    """The notes in words that name nothing of the patient: they may stand in record and sheet."""

    accepted: Mapping[str, int]
    """Faults that the collection accepts, counted by their codes."""

    listing: Listing

    empty: bool
    """There is no DICOM at all: the folder is no set."""

    doubts: tuple[Doubt, ...]
    """Images that may be half copied: weak evidence, told in the notes, too."""

    rtset: RtSet | None
    """What to anonymize; None where anything stands against it."""

    not_taken: tuple[NotTaken, ...] = ()
    """What lies in the folder, may hold DICOM, and is no part of the set."""

    @property
    def good(self) -> bool:
        """Return whether the set can be anonymized."""
        return not self.faults and not self.missing

    def good_set(self) -> RtSet:
        """Return the set, or raise what stands against it.

        Raises
        ------
        SetRefused
            A person has to repair it.
        SetIncomplete
            Only something missing stands against it.
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
    """Judge what lies in a folder.

    Parameters
    ----------
    listing
        Of the folder, where it was listed already.
    delivered
        Whether it is a set that another collection has published; of others such a one is a copy, and refused.
    machines
        The descriptors that the options name, in their order; none where the plan keeps its machine.

    Raises
    ------
    SetRefused
        The folder holds more than could be a set.
    SetChanged
        A file went away while it was read.
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
    """Judge what was read, as one set.

    Parameters
    ----------
    contents
        Of the folder, or as much of it as one of its sets consists of.
    aside
        What of it belongs to the set, where that was found out already.
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
    here = {*contents.private, *(one.kind for one in contents.unreadable if one.kind)}  # and told of by itself
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
    if not judged.missing:  # else the CT is larger by the slices that are still to come
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
            *map(
                english,
                preflight.equal_names(objects.structure_set) if meant.of_names and objects.structure_set else (),
            ),
        ),
        accepted=Counter(found.accepted),
        listing=listing,
        empty=contents.empty,
        doubts=doubts,
        rtset=whole,
        not_taken=(*found.not_taken, *not_taken.of_set(folder, listing)),
    )


_ACCEPTED: Final = "Accepted:"


def without_files(notes: Sequence[str], objects: Objects) -> list[str]:
    """Write notes so that they name no file: what a planning system calls its files often says who the patient is."""
    if not notes:
        return []
    slices = (
        objects.slices if any(english(note).startswith(_ACCEPTED) for note in notes) else ()
    )  # no other note names one
    files = (*slices, objects.structure_set, objects.plan, objects.dose)
    words = {one.called: "a CT slice" if one.kind == CT else f"the {NAMES[one.kind]}" for one in files if one}
    told = []
    for note in map(english, notes):
        text, _, _ = note.partition("\n")  # below stand names, each on a line of its own
        for called, word in words.items():
            text = text.replace(called, word)
        told.append(text[:1].upper() + text[1:])
    return told


def _one_each(objects: Mapping[str, tuple[SetFile, ...]]) -> set[str]:
    """Return the codes of second objects that go when two patients' objects are put apart: each has one of them."""
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
    """Set aside what belongs to no set, where the collection leaves that out."""
    return set_aside(objects) if options.extra_objects == "leave out" else SetAside(objects, (), ())


def of_whose_folder(folder: Path, contents: Contents) -> list[Fault]:
    """Return what stands against a folder as a whole, whatever sets it holds: two patients, sets of our own making."""
    found = _Found()
    _judge_patient(found, contents, folder.name, delivered=False)
    return found.faults


@dataclass(slots=True)
class _Found:
    faults: list[Fault] = field(default_factory=list)
    missing: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """Notes that name nothing of the patient: they may stand in record and sheet."""
    said: list[str] = field(default_factory=list)
    """Notes that name nothing of the patient but the objects' files, which they call as `SetFile.called`."""
    accepted: list[str] = field(default_factory=list)
    """Codes of what the collection takes knowingly."""
    relinked: bool = False
    not_taken: tuple[NotTaken, ...] = ()

    def accept(self, faults: Sequence[Fault]) -> None:
        """Accept faults that the collection accepts knowingly, with a note."""
        self.accepted += [fault.code for fault in faults]
        self.say(gettext("Accepted: {found}", found=fault.found) for fault in faults)

    def say(self, notes: Iterable[str]) -> None:
        """Note what may stand in record and sheet without the names of files."""
        self.said += notes


def _judge_files(found: _Found, contents: Contents, listing: Listing, options: Options) -> None:
    """Report files that do not read, and of those that are left out."""
    for path, reason, truncated, _ in contents.unreadable:
        name = printable(path)
        if truncated:
            found.missing.append(
                Fault(
                    "file-truncated",
                    gettext("{name} is not whole: {reason}.", name=name, reason=damage.in_words(reason)),
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
    """Report other DICOM objects by what they are and by their files; refuse what should have been of a set's kind."""
    if not contents.extra:
        return
    extra = ", ".join(f"{len(paths)} {printable(kind)}" for kind, paths in contents.extra.items())
    if options.extra_objects == "refuse":
        files = named(path for paths in contents.extra.values() for path in paths)
        found.faults.append(
            Fault(
                "extra-objects",
                gettext("Here lie objects that belong to no set: {extra} ({files}).", extra=extra, files=files),
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
    """Yield what reading corrected, once for all files with the same correction."""
    by_oddity: defaultdict[str, list[str]] = defaultdict(list)
    for files in contents.objects.values():
        for one in files:
            for oddity in one.file.oddities:
                by_oddity[oddity].append(one.called)
    for oddity, names in by_oddity.items():
        yield gettext("Written with {oddity}: {names}.", oddity=damage.in_words(oddity), names=named(names))


def _judge_pixels(found: _Found, objects: Objects, folder: Path, options: Options) -> tuple[Doubt, ...]:
    """Wait for images that are half copied, unless a person said that this set is whole; return what may be."""
    unfinished = unfinished_pixels.find(objects, folder.name)
    if unfinished_pixels.CODE in options.accept:
        found.accept(unfinished.missing)
        return ()
    found.missing += unfinished.missing
    found.notes += [doubt.text for doubt in unfinished.doubts]
    return unfinished.doubts


def _judge_kept(found: _Found, rtset: RtSet) -> None:
    """Report values that the policy keeps and that cannot stay; refuse where something depends on them."""
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
        found.notes.append(gettext("Coded values that are no terms of DICOM stay: {names}.", names=", ".join(keywords)))


def _not_ready(listing: Listing, options: Options) -> Iterator[Fault]:
    """Wait for the mark that the exporter writes last, where the collection names one."""
    names = (entry.path.name for entry in listing.entries)
    if options.ready and not any(fnmatchcase(name, options.ready) for name in names):
        yield Fault(
            "not-ready",
            gettext("The mark {ready} is not here: the export is not complete.", ready=options.ready),
            gettext("Wait until everything is copied, or write the mark when all files of the set are there."),
        )


_DIFFERENT: Final = {
    "PatientName": gettext_noop("The objects state {count} different names of the patient."),
    "PatientSex": gettext_noop("The objects state {count} different sexes."),
    "PatientBirthDate": gettext_noop("The objects state {count} different birth dates."),
}


def _judge_patient(found: _Found, contents: Contents, folder: str, *, delivered: bool) -> None:
    """Refuse objects of several patients, as far as they state whose they are."""
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
    """Return whether no slice is still to come."""
    return objects.structure_set is not None and references.all_listed_are_here(objects.structure_set, objects.slices)


_RELINK_HELPS: Final = gettext_noop(
    'Or set on_broken_links to "relink" in collection.toml: geometry agrees, and the references would be rebuilt.'
)


def _two_patients(patients: Sequence[Sequence[SetFile]]) -> Fault:
    """Return the objects of several patients apart: how many each has, which plan, which files."""
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
    """Name objects by their files, and of many of a kind the first one: file names often are UIDs."""
    kinds = {kind: [one.path for one in files if one.kind == kind] for kind in NAMES}
    return ", ".join(
        f"{NAMES[kind]} {reader.and_more(printable(paths[0]), len(paths) - 1)}"
        for kind, paths in kinds.items()
        if paths
    )


def _judge_links(found: _Found, objects: Objects, judged: Links, options: Options) -> Objects:
    """Refuse broken links, or rebuild them where the collection asks for it; return the objects to go on with."""
    found.say(judged.notes)
    found.accept(judged.accepted)
    for fault in judged.missing:
        is_complete = fault.code == references.OFF_SLICES and _is_all_here(objects)
        (found.faults if is_complete else found.missing).append(fault)
    if judged.all_shown:  # otherwise the geometry counts
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
    """Refuse a plan that the machine cannot take, unless the collection only wants to be warned."""
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
                '{others} With on_machine_mismatch = "warn" the plan would be published on {machine} all the same, '
                "its beams as they are, and this would be a note.",
                others=others,
                machine=fit.machine.name,
            )
        )
        found.faults.append(Fault(f"machine-{code}", joined(told), remedy))


def _other_machines(plan: SetFile, machines: Sequence[Machine]) -> str:
    """Return which machine would take the plan: a shipped one, where one does."""
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
