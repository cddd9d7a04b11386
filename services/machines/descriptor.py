"""Machine descriptors: what one treatment machine has, read from an XML form of ours.

A centre cannot import beams of a machine that it does not have. The plans of a collection are therefore moved to one
machine that every centre can declare in its planning system; its descriptor says what that machine can do, and
`services.machines.fit` holds each beam against it. The form is explained in `machines/README.md` and laid down in
`machines/machine.xsd`; this module checks the same things without a schema processor, and says in which line.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar
from xml.parsers import expat

from services.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")

FORM: Final = "1"
"""The edition of the XML form that is read here."""

KEEP: Final = "keep"
"""What stands in the settings in place of a machine's name when each plan keeps its own."""

MAX_BYTES: Final = 1_000_000
"""A descriptor has some thousand bytes; what is far larger is something else."""

STANDARD: Final = "STANDARD"
"""The fluence of a beam with its usual flattening filter. PS3.3 C.8.8.14, (3002,0051) *Fluence Mode*."""

JAWS: Final = ("X1", "X2", "Y1", "Y2")
LEAVES: Final = ("MLCX", "MLCY", "MLCX1", "MLCX2", "MLCY1", "MLCY2")
"""(300A,00B8) *RT Beam Limiting Device Type* of jaws, by side, and of leaves."""


@dataclass(frozen=True, slots=True)
class Energy:
    """One beam that the machine can make."""

    name: str
    """As people write it: `6X-FFF`."""

    radiation: str
    """`PHOTON` or `ELECTRON`."""

    nominal: float
    """(300A,0114) *Nominal Beam Energy*, MV or MeV."""

    fluence: str
    """`STANDARD`, or the (3002,0052) *Fluence Mode ID* of a non-standard one: `FFF`, `SRS`."""

    max_dose_rate_mu_min: float


@dataclass(frozen=True, slots=True)
class Jaw:
    """How far one jaw travels, at the isocentre, in the coordinates of IEC 61217."""

    side: str
    from_mm: float
    to_mm: float


@dataclass(frozen=True, slots=True)
class Mlc:
    """One multileaf collimator."""

    name: str
    type: str
    boundaries_mm: tuple[float, ...]
    """(300A,00BE) *Leaf Position Boundaries*: one more than there are pairs."""

    boundary_tolerance_mm: float
    leaf_from_mm: float
    leaf_to_mm: float
    leaf_span_mm: float
    """How far the leaves of one bank can be apart."""

    leaf_tolerance_mm: float

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
    """A kind of wedge with its angles."""

    type: str
    """(300A,00D3) *Wedge Type*: `STANDARD` hard, `DYNAMIC` made by a moving jaw, `MOTORIZED` inside the head."""

    angles_deg: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """What one treatment machine is called and what it has."""

    name: str
    """(300A,00B2) *Treatment Machine Name* that every beam gets."""

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


def folders(own: Path | None = None) -> tuple[Path, ...]:
    """Say where descriptors lie: the user's own folder, then ours beside the installed package or in the checkout."""
    package = Path(__file__).parent
    places = (own, package, package.parents[1] / "machines")
    return tuple(place for place in places if place and place.is_dir())


def named(names: Iterable[str], places: Sequence[Path]) -> list[Machine]:
    """Find the machines that a form names, in its order.

    Raises
    ------
    SettingsWrong
        As `find`.
    """
    return [find(name, places) for name in names]


def find(name: str, places: Iterable[Path]) -> Machine:
    """Find a machine by the name inside its descriptor; the first folder that has it decides.

    Raises
    ------
    SettingsWrong
        There is none, and here is what there is; or one folder has two of that name.
    """
    known: list[str] = []
    unreadable: list[str] = []
    for place in places:
        found: list[Machine] = []
        for path in sorted(place.glob("*.xml")):
            try:
                machine = load(path)
            except SettingsWrong as fault:
                unreadable.append(str(fault))
                continue
            known.append(machine.name)
            if machine.name == name:
                found.append(machine)
        if len(found) > 1:
            raise SettingsWrong(f"Two machine descriptors in one folder are both called {name}: rename one of them.")
        if found:
            return found[0]
    raise SettingsWrong(
        " ".join(
            [
                f"There is no machine called {name}.",
                f"There is: {', '.join(dict.fromkeys(known)) or 'none'}; or {KEEP}, which leaves each plan its own.",
                *(f"Could not be read: {fault}" for fault in unreadable),
            ]
        )
    )


def names(places: Iterable[Path]) -> list[str]:
    """Name every machine of which a descriptor can be read."""
    found: list[str] = []
    for place in places:
        for path in sorted(place.glob("*.xml")):
            with suppress(SettingsWrong):
                found.append(load(path).name)
    return list(dict.fromkeys(found))


def load(path: Path) -> Machine:
    """Read one descriptor.

    Raises
    ------
    SettingsWrong
        The text names the file and the line.
    OSError
        The file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise SettingsWrong(f"{path.name} is no machine descriptor: it is larger than {MAX_BYTES} bytes.")
    document = _parse(data, path.name)
    machine = document.one("machine", _machine)
    document.done()
    return machine


@dataclass(slots=True)
class _Node:
    """An XML element whose parts are taken one by one; what nobody takes is a fault."""

    file: str
    line: int
    tag: str
    attributes: dict[str, str]
    children: list[_Node] = field(default_factory=list)
    content: str = ""

    def wrong(self, why: str) -> NoReturn:
        raise SettingsWrong(f"{self.file}, line {self.line}: <{self.tag}> {why}.")

    def take(self, name: str) -> str:
        if name not in self.attributes:
            self.wrong(f"needs {name}")
        return self.attributes.pop(name)

    def text(self, name: str, longest: int = 16) -> str:
        """Take what becomes, or is compared with, a DICOM text: an SH unless said. PS3.5 6.2."""
        value = self.take(name)
        if not re.fullmatch(r"[ -\[\]-~]+", value) or value != value.strip() or len(value) > longest:
            self.wrong(f"{name} must be 1 to {longest} English letters, digits or signs other than a backslash")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.take(name)
        if value not in choices:
            self.wrong(f"{name} must be one of {', '.join(choices)}")
        return value

    def number(self, name: str) -> float:
        return self._decimal(name, self.take(name))

    def tolerance(self, name: str) -> float:
        value = self.number(name)
        if value < 0:
            self.wrong(f"{name} must not be negative")
        return value

    def positive(self, name: str) -> float:
        value = self.number(name)
        if value <= 0:
            self.wrong(f"{name} must be more than 0")
        return value

    def numbers(self, name: str) -> tuple[float, ...]:
        return self._decimals(name, self.take(name))

    def content_numbers(self) -> tuple[float, ...]:
        content, self.content = self.content, ""
        return self._decimals("its content", content)

    def each(self, tag: str, read: Callable[[_Node], T]) -> tuple[T, ...]:
        """Read all children of one name, each to its end."""
        found = [child for child in self.children if child.tag == tag]
        self.children = [child for child in self.children if child.tag != tag]
        values = []
        for child in found:
            values.append(read(child))
            child.done()
        return tuple(values)

    def one(self, tag: str, read: Callable[[_Node], T]) -> T:
        values = self.each(tag, read)
        if len(values) != 1:
            self.wrong(f"needs one <{tag}>")
        return values[0]

    def done(self) -> None:
        """Refuse what the form does not know: a misspelt limit must not become no limit."""
        self.attributes.pop("source", None)  # where a fact is from, for the reader of the descriptor
        if self.attributes:
            self.wrong(f"does not take {', '.join(sorted(self.attributes))}")
        if self.children:
            self.children[0].wrong(f"has no place in <{self.tag}>, or stands there twice")
        if self.content.strip():
            self.wrong("does not take text")

    def _decimals(self, name: str, values: str) -> tuple[float, ...]:
        numbers = tuple(self._decimal(name, value) for value in values.split())
        if not numbers:
            self.wrong(f"{name} must be numbers with spaces between them")
        return numbers

    def _decimal(self, name: str, value: str) -> float:
        if not re.fullmatch(r"[+-]?(\d{1,9}(\.\d*)?|\.\d+)", value.strip(), re.ASCII):
            self.wrong(f"{name} must be a number such as 1000 or -37.5")
        return float(value)


def _parse(data: bytes, file: str) -> _Node:
    """Read XML into nodes that know their line, which the standard library's trees do not."""
    parser = expat.ParserCreate()
    document = _Node(file, 1, "descriptor", {})
    stack = [document]

    def start(tag: str, attributes: dict[str, str]) -> None:
        node = _Node(file, parser.CurrentLineNumber, tag, attributes)
        stack[-1].children.append(node)
        stack.append(node)

    def end(_: str) -> None:
        stack.pop()

    def characters(text: str) -> None:
        stack[-1].content += text

    def refuse(*_: object) -> None:
        raise SettingsWrong(
            f"{file}, line {parser.CurrentLineNumber}: a document type (DOCTYPE) has no place in a machine descriptor."
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as fault:
        raise SettingsWrong(
            f"{file}, line {fault.lineno}: this is no well-formed XML ({expat.ErrorString(fault.code)})."
        ) from None
    return document


def _machine(node: _Node) -> Machine:
    if node.take("form") != FORM:
        node.wrong(f'is of another form than form="{FORM}", the only one that is read here')
    sad_mm, sad_tolerance_mm = node.one(
        "geometry", lambda part: (part.positive("sad_mm"), part.tolerance("tolerance_mm"))
    )
    jaws = node.each("jaws", _jaws)
    machine = Machine(
        name=node.text("name"),
        manufacturer=node.text("manufacturer", 64),
        model=node.text("model", 64),
        sad_mm=sad_mm,
        sad_tolerance_mm=sad_tolerance_mm,
        energies=node.one("energies", lambda part: part.each("energy", _energy)),
        jaws=tuple(jaw for group, _ in jaws for jaw in group),
        jaw_tolerance_mm=max((tolerance_mm for _, tolerance_mm in jaws), default=0.0),
        mlcs=node.each("mlc", _mlc),
        applicators=_all(node.each("applicators", lambda part: part.each("applicator", _applicator))),
        wedges=_all(node.each("wedges", lambda part: part.each("wedge", _wedge))),
    )
    if machine.name == KEEP:
        node.wrong(f'cannot have the name {KEEP}: machine = "{KEEP}" leaves each plan its own machine')
    if not machine.energies:
        node.wrong("needs at least one <energy>")
    _check_unique(node, "energy", [(energy.radiation, energy.nominal, energy.fluence) for energy in machine.energies])
    _check_unique(node, "jaw", [jaw.side for jaw in machine.jaws])
    _check_unique(node, "mlc type", [mlc.type for mlc in machine.mlcs])
    return machine


def _energy(node: _Node) -> Energy:
    return Energy(
        name=node.text("name"),
        radiation=node.choice("radiation", ("PHOTON", "ELECTRON")),
        nominal=node.positive("nominal"),
        fluence=node.text("fluence"),
        max_dose_rate_mu_min=node.positive("max_dose_rate_mu_min"),
    )


def _jaws(node: _Node) -> tuple[tuple[Jaw, ...], float]:
    return node.each("jaw", _jaw), node.tolerance("tolerance_mm")


def _jaw(node: _Node) -> Jaw:
    return Jaw(node.choice("side", JAWS), *_travel(node))


def _travel(node: _Node) -> tuple[float, float]:
    from_mm, to_mm = node.number("from_mm"), node.number("to_mm")
    if from_mm >= to_mm:
        node.wrong("must have from_mm below to_mm")
    return from_mm, to_mm


def _mlc(node: _Node) -> Mlc:
    boundaries_mm, boundary_tolerance_mm = node.one("boundaries_mm", _boundaries)
    from_mm, to_mm, span_mm, tolerance_mm = node.one(
        "leaves", lambda part: (*_travel(part), part.positive("span_mm"), part.tolerance("tolerance_mm"))
    )
    return Mlc(
        name=node.text("name", 64),
        type=node.choice("type", LEAVES),
        boundaries_mm=boundaries_mm,
        boundary_tolerance_mm=boundary_tolerance_mm,
        leaf_from_mm=from_mm,
        leaf_to_mm=to_mm,
        leaf_span_mm=span_mm,
        leaf_tolerance_mm=tolerance_mm,
    )


def _boundaries(node: _Node) -> tuple[tuple[float, ...], float]:
    boundaries_mm = node.content_numbers()
    if len(boundaries_mm) < 2 or any(here >= there for here, there in pairwise(boundaries_mm)):
        node.wrong("must hold the leaf boundaries from the lowest to the highest, one more than there are leaf pairs")
    return boundaries_mm, node.tolerance("tolerance_mm")


def _applicator(node: _Node) -> Applicator:
    return Applicator(node.text("type"), node.text("id"))


def _wedge(node: _Node) -> Wedge:
    return Wedge(node.text("type"), node.numbers("angles_deg"))


def _all(groups: tuple[tuple[T, ...], ...]) -> tuple[T, ...]:
    return tuple(chain.from_iterable(groups))


def _check_unique(node: _Node, what: str, kinds: Sequence[object]) -> None:
    if len(set(kinds)) < len(kinds):
        node.wrong(f"has the same {what} twice")
