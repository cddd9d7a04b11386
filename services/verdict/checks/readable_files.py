"""The files of a folder: unreadable ones, objects of other kinds, and whether the exporter has finished."""

from __future__ import annotations

from collections import Counter, defaultdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from services.errors import Fault
from services.language import gettext, named, ngettext, printable
from services.policy.object_kinds import NAMES
from services.rtset import damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.forms.collection_form import Options
    from services.rtset.folder_listing import Listing
    from services.rtset.reader import Contents
    from services.verdict.findings import Findings


def judge(found: Findings, contents: Contents, listing: Listing, options: Options) -> None:
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
                "{count} file is not examined ({why}).",
                "{count} files are not examined ({why}).",
                count,
                why=gettext(why),
            )
        )


def _judge_extra(found: Findings, contents: Contents, options: Options) -> None:
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


def not_ready(listing: Listing, options: Options) -> Iterator[Fault]:
    """Wait for the marker that the exporter writes last, if the collection defines one."""
    names = (entry.path.name for entry in listing.entries)
    if options.ready and not any(fnmatchcase(name, options.ready) for name in names):
        yield Fault(
            "not-ready",
            gettext("The marker file {ready} is missing: the export is not complete.", ready=options.ready),
            gettext("Wait until everything is copied, or write the marker file when all files of the set are there."),
        )
