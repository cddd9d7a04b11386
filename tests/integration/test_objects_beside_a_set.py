"""Field doses and localizers beside a set come and go without changing it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from services.maintenance import doctor, verify_again
from services.verdict.selection.set_aside import SetAside
from tests.integration.test_two_folders_one_set import Desk
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    import redis

    from services.rtset.reader import SetFile
    from services.store.collection import Collection
    from tests.sets import MadeSet


@pytest.fixture
def desk(collection: Collection, client: redis.Redis) -> Desk:
    """Act as watcher and workers."""
    return Desk(collection, client)


def field_dose(made: MadeSet) -> None:
    """Add the dose of a beam."""
    data = copy.deepcopy(made.dose)
    data.SOPInstanceUID += ".1"
    data.DoseSummationType = "BEAM"
    made.objects.append(data)


def axial_localizer(made: MadeSet) -> None:
    """Add a localizer that could be a slice."""
    data = copy.deepcopy(made.ct[0])
    data.SOPInstanceUID += ".2"
    data.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    x, y, z = data.ImagePositionPatient
    data.ImagePositionPatient = [x, y, z - 3]
    data.InstanceNumber = 99
    made.objects.append(data)


@pytest.mark.parametrize("beside", [field_dose, axial_localizer])
def test_what_is_left_out_may_come_late_or_go(collection: Collection, desk: Desk, beside: object) -> None:
    """Only the objects used make up the set: it is published once."""
    made = make_set(collection.root, beside, name="A")  # type: ignore[arg-type]
    assert (desk.do("A").state, desk.do("A").state) == ("published", "published")
    extra = made.path(made.objects[-1])
    content = extra.read_bytes()
    extra.unlink()
    assert desk.do("A").state == "published"
    extra.write_bytes(content)
    done = desk.do("A")
    assert (done.state, done.index, done.text) == ("published", 6, "")
    assert [path.name for path in sorted(collection.root.glob("ANON_*"))] == ["ANON_006"]
    proof = verify_again.verify_published(made.folder, collection.root / "ANON_006", collection, ())
    assert proof.checks["files"] == 6


def test_a_set_that_was_published_with_its_localizer_is_the_same_set(
    collection: Collection, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The localizer was a slice by the former rule; id, record and proof stay valid."""

    def formerly(objects: Mapping[str, tuple[SetFile, ...]]) -> SetAside:
        return SetAside(objects, (), ())

    made = make_set(collection.root, axial_localizer, name="A")
    with monkeypatch.context() as patch:
        patch.setattr("services.verdict.selection.set_aside.set_aside", formerly)
        published = desk.do("A")
    assert (published.state, published.index) == ("published", 6)
    assert len(list((collection.root / "ANON_006").glob("CT.*"))) == 4

    again = desk.do("A")
    assert (again.state, again.index, again.set_id, again.text) == ("published", 6, published.set_id, "")
    assert not (collection.root / "ANON_007").exists()
    assert verify_again.verify_published(made.folder, collection.root / "ANON_006", collection, ())
    assert "original-changed" not in {finding.code for finding in doctor.examine(collection)}
