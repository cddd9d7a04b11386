"""Machine descriptors: the capabilities of one treatment machine, read from XML.

A centre cannot import beams of a machine that it does not have. The plans of a collection are therefore moved to one
machine that every centre can declare in its planning system; its descriptor lists what that machine can do, and
`services.machines.fit` checks each beam against it. The format is explained in `machines/README.md` and defined by
`machines/machine.xsd`, against which descriptors are validated here.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from lxml import etree

from services import plain_files
from services.errors import SettingsWrong
from services.language import gettext, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SCHEMA_NAME: Final = "machine.xsd"
"""XML schema, next to the built-in descriptors."""

KEEP: Final = "keep"
"""Used in the settings instead of a machine's name if each plan keeps its own."""

MAX_BYTES: Final = 1_000_000
"""Size limit; a descriptor has a few thousand bytes."""

STANDARD: Final = "STANDARD"
"""Fluence of a beam with the usual flattening filter. PS3.3 C.8.8.14, (3002,0051) *Fluence Mode*."""


@dataclass(frozen=True, slots=True)
class Energy:
    """One beam energy of the machine."""

    name: str
    """Customary name: `6X-FFF`."""

    radiation: str
    """`PHOTON` or `ELECTRON`."""

    nominal: float
    """(300A,0114) *Nominal Beam Energy*, MV or MeV."""

    fluence: str
    """`STANDARD`, or the (3002,0052) *Fluence Mode ID* of a non-standard one: `FFF`, `SRS`."""

    max_dose_rate_mu_min: float


@dataclass(frozen=True, slots=True)
class Jaw:
    """Travel of one jaw, projected to the isocentre, in IEC 61217 coordinates."""

    side: str
    from_mm: float
    to_mm: float
    source: str = ""
    """Source of the limits: `seen` in plans, `general` knowledge, or a centre's own text."""


@dataclass(frozen=True, slots=True)
class Mlc:
    """One multileaf collimator."""

    name: str
    type: str
    boundaries_mm: tuple[float, ...]
    """(300A,00BE) *Leaf Position Boundaries*, in mm: one more than the number of pairs."""

    boundary_tolerance_mm: float
    leaf_from_mm: float
    leaf_to_mm: float
    leaf_span_mm: float
    """Maximum distance between leaves of one bank, in mm."""

    leaf_tolerance_mm: float
    boundary_source: str = ""
    leaf_source: str = ""

    @property
    def pairs(self) -> int:
        """Number of leaf pairs."""
        return len(self.boundaries_mm) - 1


@dataclass(frozen=True, slots=True)
class Applicator:
    """An electron applicator, or a cone."""

    type: str
    """(300A,0109) *Applicator Type*: `ELECTRON_SQUARE`, `STEREOTACTIC` …"""

    id: str


@dataclass(frozen=True, slots=True)
class Wedge:
    """A type of wedge with its angles."""

    type: str
    """(300A,00D3) *Wedge Type*: `STANDARD` (hard), `DYNAMIC` (by a moving jaw), `MOTORIZED` (inside the head)."""

    angles_deg: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """Name and capabilities of one treatment machine."""

    name: str
    """(300A,00B2) *Treatment Machine Name* given to every beam."""

    manufacturer: str
    model: str
    sad_mm: float
    sad_tolerance_mm: float
    energies: tuple[Energy, ...]
    jaws: tuple[Jaw, ...]
    jaw_tolerance_mm: float
    mlcs: tuple[Mlc, ...]
    applicators: tuple[Applicator, ...]
    wedges: tuple[Wedge, ...]
    sad_source: str = ""


def folders(own: Path | None = None) -> tuple[Path, ...]:
    """Return the descriptor folders: the user's own, then the built-in ones of the installed package or checkout."""
    package = Path(__file__).parent
    places = (own, package, package.parents[1] / "machines")
    return tuple(place for place in places if place and place.is_dir())


@cache
def shipped() -> tuple[Machine, ...]:
    """Return the machines with built-in descriptors."""
    found = {machine.name: machine for place in reversed(folders()) for machine in _readable(place)}
    return tuple(sorted(found.values(), key=lambda machine: machine.name))


def named(names: Iterable[str], places: Sequence[Path]) -> list[Machine]:
    """Return the machines named in a form, in the same order.

    Raises
    ------
    SettingsWrong
        As `find`.
    """
    return [find(name, places) for name in names]


def find(name: str, places: Iterable[Path]) -> Machine:
    """Return a machine by the name inside its descriptor; the first folder that has it wins.

    Raises
    ------
    SettingsWrong
        There is none, in which case the available ones are listed; or one folder has two of that name.
    """
    known: list[str] = []
    unreadable: list[str] = []
    for place in places:
        found: list[Machine] = []
        for path in sorted(place.glob("*.xml")):
            try:
                machine = load(path)
            except SettingsWrong as fault:
                unreadable.append(fault.args[0])
                continue
            known.append(machine.name)
            if machine.name == name:
                found.append(machine)
        if len(found) > 1:
            raise SettingsWrong(
                gettext("Two machine descriptors in one folder are both called {name}: rename one of them.", name=name)
            )
        if found:
            return found[0]
    raise SettingsWrong(
        joined(
            [
                gettext("There is no machine called {name}.", name=name),
                gettext(
                    "Known machines: {names}. With {keep} each plan keeps its own.",
                    names=", ".join(dict.fromkeys(known)) or "-",
                    keep=KEEP,
                ),
                *(gettext("Could not be read: {fault}", fault=fault) for fault in unreadable),
            ]
        )
    )


def names(places: Iterable[Path]) -> list[str]:
    """Return the names of all machines with a readable descriptor."""
    found: list[str] = []
    for place in places:
        found += [machine.name for machine in _readable(place)]
    return list(dict.fromkeys(found))


def _readable(place: Path) -> Iterator[Machine]:
    for path in sorted(place.glob("*.xml")):
        with suppress(SettingsWrong):
            yield load(path)


def load(path: Path) -> Machine:
    """Read one descriptor.

    Raises
    ------
    SettingsWrong
        Names the file and the line.
    OSError
        The file cannot be read.
    """
    try:
        data = plain_files.read(path, MAX_BYTES)
    except plain_files.NotPlain:
        raise SettingsWrong(
            gettext(
                "{file} is not a machine descriptor: it is not a file, or larger than {count} bytes.",
                file=path.name,
                count=MAX_BYTES,
            )
        ) from None
    return _Reader(path.name).machine(_parse(data, path.name))


def _parse(data: bytes, file: str) -> etree._Element:
    """Parse XML that conforms to the schema."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as malformed:
        raise SettingsWrong(
            gettext("{file}: this is not well-formed XML ({error}).", file=file, error=malformed.msg)
        ) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise SettingsWrong(
            gettext("{file}: a document type (DOCTYPE) is not allowed in a machine descriptor.", file=file)
        )
    schema = _schema()
    if not schema.processor.validate(root):
        fault = schema.processor.error_log[0]
        raise SettingsWrong(
            gettext("{file}, line {line}: {error}.", file=file, line=fault.line, error=schema.explain(fault))
        )
    return root


class _Schema(NamedTuple):
    processor: etree.XMLSchema

    meanings: dict[str, str]
    """Descriptions of each type's values, by the type's name and by its pattern."""

    def explain(self, fault: etree._LogEntry) -> str:
        """Return a schema error in words: what a value of the type should be."""
        message = re.sub(r"\[facet '\w+'\] ", "", fault.message.rstrip("."))
        place, _, text = message.partition(": ")
        expected = re.search(r"(?:atomic|list) type '(.+)'$|not accepted by the pattern '(.+)'$", text)
        if expected and (meaning := self.meanings.get(expected[1] or expected[2])):
            return f"{place} must be {meaning}"
        return message


@cache
def _schema() -> _Schema:
    folder = next(place for place in reversed(folders()) if (place / SCHEMA_NAME).is_file())
    document = etree.parse(folder / SCHEMA_NAME)
    meanings: dict[str, str] = {}
    for kind in document.getroot().iterfind("{*}simpleType"):
        meaning = kind.findtext("{*}annotation/{*}documentation", "")
        patterns = [part.attrib["value"] for part in kind.iterfind("{*}restriction/{*}pattern")]
        meanings |= dict.fromkeys([kind.attrib["name"], *patterns], meaning)
    return _Schema(etree.XMLSchema(document), meanings)


class _Reader:
    """Reads schema-valid XML, checking what a schema cannot express: the order of two numbers."""

    def __init__(self, file: str) -> None:
        self.file = file

    def wrong(self, part: etree._Element, why: str) -> NoReturn:
        """Raise an error that names the line."""
        says = f"<{part.tag!s}> {why}"
        raise SettingsWrong(gettext("{file}, line {line}: {error}.", file=self.file, line=part.sourceline, error=says))

    def machine(self, root: etree._Element) -> Machine:
        if root.attrib["name"] == KEEP:
            self.wrong(root, gettext("cannot be called {name}: with that name each plan keeps its machine", name=KEEP))
        (geometry,) = root.iterfind("geometry")
        (jaws,) = root.iterfind("jaws") if root.find("jaws") is not None else (None,)
        return Machine(
            name=root.attrib["name"],
            manufacturer=root.attrib["manufacturer"],
            model=root.attrib["model"],
            sad_mm=_number(geometry, "sad_mm"),
            sad_tolerance_mm=_number(geometry, "tolerance_mm"),
            energies=tuple(map(_energy, root.iterfind("energies/energy"))),
            jaws=tuple(
                Jaw(part.attrib["side"], *self._travel(part), _source(part)) for part in root.iterfind("jaws/jaw")
            ),
            jaw_tolerance_mm=_number(jaws, "tolerance_mm") if jaws is not None else 0.0,
            mlcs=tuple(map(self._mlc, root.iterfind("mlc"))),
            applicators=tuple(
                Applicator(part.attrib["type"], part.attrib["id"]) for part in root.iterfind("applicators/applicator")
            ),
            wedges=tuple(
                Wedge(part.attrib["type"], _numbers(part.attrib["angles_deg"]))
                for part in root.iterfind("wedges/wedge")
            ),
            sad_source=_source(geometry),
        )

    def _travel(self, part: etree._Element) -> tuple[float, float]:
        from_mm, to_mm = _number(part, "from_mm"), _number(part, "to_mm")
        if from_mm >= to_mm:
            self.wrong(part, gettext("must have from_mm below to_mm"))
        return from_mm, to_mm

    def _mlc(self, part: etree._Element) -> Mlc:
        (boundaries,) = part.iterfind("boundaries_mm")
        (leaves,) = part.iterfind("leaves")
        from_mm, to_mm = self._travel(leaves)
        return Mlc(
            name=part.attrib["name"],
            type=part.attrib["type"],
            boundaries_mm=self._ascending(boundaries),
            boundary_tolerance_mm=_number(boundaries, "tolerance_mm"),
            leaf_from_mm=from_mm,
            leaf_to_mm=to_mm,
            leaf_span_mm=_number(leaves, "span_mm"),
            leaf_tolerance_mm=_number(leaves, "tolerance_mm"),
            boundary_source=_source(boundaries),
            leaf_source=_source(leaves),
        )

    def _ascending(self, boundaries: etree._Element) -> tuple[float, ...]:
        values = _numbers(boundaries.text or "")
        if any(here >= there for here, there in pairwise(values)):
            self.wrong(boundaries, f"must hold {_schema().meanings['boundaries']}")
        return values


def _energy(part: etree._Element) -> Energy:
    return Energy(
        name=part.attrib["name"],
        radiation=part.attrib["radiation"],
        nominal=_number(part, "nominal"),
        fluence=part.attrib["fluence"],
        max_dose_rate_mu_min=_number(part, "max_dose_rate_mu_min"),
    )


def _source(part: etree._Element) -> str:
    return part.attrib.get("source", "")


def _number(part: etree._Element, name: str) -> float:
    return float(part.attrib[name])


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))
