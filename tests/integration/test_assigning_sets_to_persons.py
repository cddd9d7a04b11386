"""Assigning a set to a person when this cannot be determined automatically: on the page, as at a terminal."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from console.auth import users
from console.auth.users import Users
from console.share_view import Desk
from services.runtime import audit
from services.runtime.settings import Settings
from services.store.collection import Collection
from tests.integration.test_one_person_linked import drop, linking, says
from tests.visitor import PASSWORD, USER, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.visitor import Served, Visitor

RETYPED = "A1"
OTHER_BIRTH = "19610203"


@contextmanager
def console(place: Path) -> Iterator[Served]:
    """Serve the console with one user who may do everything, and one who may look."""
    file = place / "users"
    users.add(file, USER, PASSWORD, None)
    users.add(file, "bert", PASSWORD, ["look"])
    yield from serving(Desk(place / "share", Settings(console_users=file), users=Users(file)), place / "share")


@pytest.fixture
def root(tmp_path: Path, take: Callable) -> Path:
    """Make a collection with one published set of a person, and two waiting to be assigned."""
    (tmp_path / "share").mkdir()
    root = linking(tmp_path / "share" / "BATCH")
    drop(root, "a")
    for name in ("Meier Anna", "Meier Bert"):
        drop(root, name, RETYPED, birth=OTHER_BIRTH)
    take(root, "a")
    assert {take(root, name).codes for name in ("Meier Anna", "Meier Bert")} == {("which-person",)}
    return root


def asked(visitor: Visitor, served: Served, name: str) -> tuple[str, str]:
    """Return the form that assigns a folder to a person, and its token."""
    page = visitor.get(f"{served.collection}/persons").text
    _, _, card = page.partition(f"<h3>{name}</h3>")
    address, was = re.search(r'action="([^"]+)"', card), re.search(r'name="was" value="(\w+)"', card)
    assert address
    assert was
    return address[1], was[1]


def test_a_set_is_assigned_to_the_same_or_a_new_person(tmp_path: Path, root: Path, take: Callable) -> None:
    """Sets are published as answered on the page, and the audit records it without a name."""
    with console(tmp_path) as served:
        member = served.member()
        assert f'href="{served.collection}/persons"' in member.get(served.collection).text
        one, was = asked(member, served, "Meier Anna")
        assert "anonymizer person" not in member.get(f"{served.collection}/persons").text
        assert member.post(one, {"anon": "", "was": was}).status == 409
        assert member.post(one, {"anon": "ANON_099", "was": was}).status == 409
        assert member.post(one, {"anon": "ANON_006", "was": was}).status == 303
        late = member.post(one, {"new": "yes", "was": was})
        assert (late.status, "somebody else has decided" in late.text) == (409, True)
        other, was = asked(member, served, "Meier Bert")
        assert member.post(other, {"new": "yes", "was": was}).status == 303
        assert "Meier" not in served.log.getvalue()
    assert [take(root, name).index for name in ("Meier Anna", "Meier Bert")] == [7, 8]
    assert [says(root, index)[0] for index in (7, 8)] == ["zzz_AnusGE006", "zzz_AnusGE008"]
    acts = [line for line in audit.read(Collection.look(root).state) if line["act"] == "person decided"]
    assert [(line["user"], line["by"], line["anon"]) for line in acts] == [
        (USER, "page", "ANON_006"),
        (USER, "page", ""),
    ]
    assert "Meier" not in str(acts)


def test_only_users_with_the_role_may_assign_sets(tmp_path: Path, root: Path) -> None:
    """Users who may only look see the question but no form; foreign forms decide nothing."""
    with console(tmp_path) as served:
        address, was = asked(served.member(), served, "Meier Anna")
        looking = served.visitor()
        assert looking.log_in("bert").status == 303
        page = looking.get(f"{served.collection}/persons").text
        assert ("Meier Anna" in page, "<select" in page) == (True, False)
        assert looking.post(address, {"new": "yes", "was": was}).status == 403
        member = served.member()
        member.csrf = "of another page"
        assert member.post(address, {"new": "yes", "was": was}).status == 403
        assert served.member().post(f"{served.collection}/sets/{'0' * 32}/person", {"new": "yes"}).status == 404
    assert not [line for line in audit.read(Collection.look(root).state) if line["act"] == "person decided"]
