"""Machine descriptors: built-in, a centre's own, and invalid ones."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import xmlschema

from services.errors import SettingsWrong
from services.machines.descriptor import find, folders, load

OURS = Path(__file__).parents[2] / "machines"

SIX_X = '<energy name="6X" radiation="PHOTON" nominal="6" fluence="STANDARD" max_dose_rate_mu_min="600"/>'
SMALL = f"""<?xml version="1.0" encoding="UTF-8"?>
<machine form="1" name="Ours" manufacturer="Maker" model="Model">
  <geometry sad_mm="1000" tolerance_mm="1"/>
  <energies>
    {SIX_X}
  </energies>
  <jaws tolerance_mm="2">
    <jaw side="X1" from_mm="-200" to_mm="20"/>
  </jaws>
  <mlc name="Two" type="MLCX">
    <boundaries_mm tolerance_mm="0.1">-10 0 10</boundaries_mm>
    <leaves from_mm="-200" to_mm="200" span_mm="150" tolerance_mm="0.5"/>
  </mlc>
  <applicators><applicator type="ELECTRON_SQUARE" id="A10"/></applicators>
  <wedges><wedge type="DYNAMIC" angles_deg="10 15"/></wedges>
</machine>
"""


@cache
def schema() -> xmlschema.XMLSchema:
    """Return the schema that is shipped; reading it takes longer than any test of it."""
    return xmlschema.XMLSchema(OURS / "machine.xsd")


def write(folder: Path, text: str, name: str = "ours.xml") -> Path:
    """Write a descriptor."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(OURS.glob("*.xml")), ids=lambda path: path.stem)
def test_every_descriptor_of_ours_satisfies_its_schema(path: Path) -> None:
    """Other schema processors can check them, too."""
    schema().validate(path)


def test_the_two_descriptors_differ_in_their_leaves_and_in_what_they_are_called() -> None:
    """40 leaf pairs of 5 mm between 10 mm ones, and 32 of 2.5 mm between 5 mm ones."""
    millennium, hd = find("VicRapidPlan", [OURS]), find("VicRapidPlanHD", [OURS])

    def widths(boundaries: tuple[float, ...]) -> list[float]:
        return [there - here for here, there in pairwise(boundaries)]

    assert widths(millennium.mlcs[0].boundaries_mm) == [10.0] * 10 + [5.0] * 40 + [10.0] * 10
    assert widths(hd.mlcs[0].boundaries_mm) == [5.0] * 14 + [2.5] * 32 + [5.0] * 14
    for machine in (millennium, hd):
        (mlc,) = machine.mlcs
        assert (mlc.pairs, mlc.boundaries_mm[0]) == (60, -mlc.boundaries_mm[-1])
        assert [jaw.side for jaw in machine.jaws] == ["X1", "X2", "Y1", "Y2"]
    photons = ["6X", "10X", "15X", "18X", "6X-FFF", "10X-FFF", "6X-SRS"]
    assert [energy.name for energy in millennium.energies if energy.radiation == "PHOTON"] == photons
    assert (millennium.energies, millennium.jaws) == (hd.energies, hd.jaws)


def test_our_descriptors_are_found_from_wherever_the_program_runs() -> None:
    """In a checkout beside `services`, in a wheel inside it."""
    assert find("VicRapidPlan", folders()) == load(OURS / "VicRapidPlan_TB.xml")


def test_a_centres_own_folder_comes_before_ours(tmp_path: Path) -> None:
    """So a centre can correct a built-in one."""
    write(tmp_path / "own", SMALL.replace('"Ours"', '"VicRapidPlan"'))
    assert find("VicRapidPlan", folders(tmp_path / "own")).manufacturer == "Maker"
    assert find("VicRapidPlanHD", folders(tmp_path / "own")).manufacturer == "Varian Medical Systems"
    assert folders(tmp_path / "none") == folders()


def test_an_unknown_name_is_answered_with_what_there_is(tmp_path: Path) -> None:
    """And with an unreadable descriptor, which may be the wanted one."""
    write(tmp_path, SMALL)
    write(tmp_path, SMALL.replace("</wedges>", ""), "broken.xml")
    with pytest.raises(SettingsWrong) as refusal:
        find("Other", [tmp_path])
    assert str(refusal.value) == (
        "There is no machine called Other. Known machines: Ours. With keep each plan keeps its own. "
        "Could not be read: broken.xml: this is not well-formed XML "
        "(Opening and ending tag mismatch: wedges line 15 and machine, line 16, column 11)."
    )
    assert find("Ours", [tmp_path]).name == "Ours"


def test_one_name_twice_in_a_folder_is_refused(tmp_path: Path) -> None:
    """The choice must not depend on file names."""
    write(tmp_path, SMALL)
    write(tmp_path, SMALL, "copy.xml")
    with pytest.raises(SettingsWrong, match="both called Ours"):
        find("Ours", [tmp_path])


def test_a_descriptor_may_leave_out_what_a_machine_does_not_have(tmp_path: Path) -> None:
    """Only name, geometry and one energy are required."""
    start, end = SMALL.index("  <jaws"), SMALL.index("</machine>")
    path = write(tmp_path, SMALL[:start] + SMALL[end:])
    schema().validate(path)
    machine = load(path)
    assert (machine.jaws, machine.mlcs, machine.applicators, machine.wedges) == ((), (), (), ())


WRONG = [
    ('name="Ours"', 'name="A machine with a long name"', "2: Element 'machine', attribute 'name' must be 1 to 16"),
    ('name="Ours"', 'name="Ours "', "2: Element 'machine', attribute 'name' must be 1 to 16"),
    ('name="Ours"', 'name="Für uns"', "2: Element 'machine', attribute 'name' must be 1 to 16"),
    ('name="Ours"', r'name="O\urs"', "2: Element 'machine', attribute 'name' must be 1 to 16"),
    ('name="Ours" ', "", "2: Element 'machine': The attribute 'name' is required but missing."),
    ('form="1"', 'form="2"', "2: Element 'machine', attribute 'form': The value '2' does not match"),
    ('model="Model"', 'model="Model" colour="red"', "2: Element 'machine', attribute 'colour': The attribute"),
    ('sad_mm="1000"', 'sad_mm="0"', "3: Element 'geometry', attribute 'sad_mm': The value '0' must be greater"),
    ('sad_mm="1000"', 'sad_mm="1 m"', "3: Element 'geometry', attribute 'sad_mm' must be a number above 0"),
    ('sad_mm="1000"', 'sad_mm="NaN"', "3: Element 'geometry', attribute 'sad_mm' must be a number above 0"),
    ('tolerance_mm="1"', 'tolerance_mm="-1"', "3: Element 'geometry', attribute 'tolerance_mm': The value '-1'"),
    ('radiation="PHOTON"', 'radiation="PROTON"', "5: Element 'energy', attribute 'radiation': The value 'PROTON'"),
    ("<energies>", f"<energies>{SIX_X}", "5: Element 'energy': Duplicate key-sequence"),
    ('side="X1"', 'side="X3"', "8: Element 'jaw', attribute 'side': The value 'X3' is not an element"),
    ("</jaws>", '<jaw side="X1" from_mm="0" to_mm="1"/></jaws>', "9: Element 'jaw': Duplicate key-sequence ['X1']"),
    ('type="MLCX"', 'type="LEAVES"', "10: Element 'mlc', attribute 'type': The value 'LEAVES' is not"),
    (">-10 0 10<", ">-10<", "11: Element 'boundaries_mm': The value has a length of '1'"),
    (">-10 0 10<", "><", "11: Element 'boundaries_mm': The value has a length of '0'"),
    (">-10 0 10<", ">-10 zero 10<", "11: Element 'boundaries_mm' must be a number such as"),
    ("<leaves ", "<!-- --><leaf ", "12: Element 'leaf': This element is not expected. Expected is ( leaves )."),
    ("</machine>", "<door/></machine>", "16: Element 'door': This element is not expected."),
    ("</machine>", "text</machine>", "2: Element 'machine': Character content other than whitespace is not allowed"),
    ('angles_deg="10 15"', 'angles_deg=""', "15: Element 'wedge', attribute 'angles_deg': The value '' has a length"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "instead", "says"), WRONG)
def test_what_the_schema_refuses_is_refused_with_its_line(tmp_path: Path, text: str, instead: str, says: str) -> None:
    """Another schema processor refuses it, too."""
    path = write(tmp_path, SMALL.replace(text, instead, 1))
    try:
        schema_takes_it = schema().is_valid(path)
    except (xmlschema.XMLSchemaException, SyntaxError):
        schema_takes_it = False
    assert not schema_takes_it
    with pytest.raises(SettingsWrong) as refusal:
        load(path)
    assert str(refusal.value).startswith(f"ours.xml, line {says}")


@pytest.mark.parametrize(
    ("text", "instead", "says"),
    [
        ('to_mm="20"', 'to_mm="-300"', "line 8: <jaw> must have from_mm below to_mm"),
        (">-10 0 10<", ">-10 10 0<", "line 11: <boundaries_mm> must hold the leaf boundaries in mm from the lowest"),
        ('name="Ours"', 'name="keep"', "line 2: <machine> cannot be called keep"),
    ],
)
def test_what_a_schema_cannot_say_is_checked_too(tmp_path: Path, text: str, instead: str, says: str) -> None:
    """Order of limits, ascending boundaries, and a reserved name."""
    with pytest.raises(SettingsWrong) as refusal:
        load(write(tmp_path, SMALL.replace(text, instead, 1)))
    assert str(refusal.value).startswith(f"ours.xml, {says}")


def test_entities_are_refused_before_they_grow(tmp_path: Path) -> None:
    """A document type is useless here, and could exhaust memory or read other files."""
    bomb = '<!DOCTYPE machine [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY c SYSTEM "other.txt">]>\n'
    with pytest.raises(SettingsWrong, match=r"ours.xml: a document type \(DOCTYPE\) is not allowed"):
        load(write(tmp_path, SMALL.replace("<machine", bomb + "<machine", 1)))


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"<machine", b"<machine>\xff</machine>", b" " * 1_000_001])
def test_what_is_no_descriptor_at_all_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever is there under this name."""
    path = tmp_path / "ours.xml"
    path.write_bytes(content)
    with pytest.raises(SettingsWrong, match=r"^ours.xml"):
        load(path)
