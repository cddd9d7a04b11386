"""What a physicist decides after publication: words, plans, release, delivery; by keyboard, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selenium.webdriver.common.keys import Keys

from services.store import records, releases
from services.store.collection import Collection
from tests.exports import generate
from tests.sets import make_collection, make_set, setting
from tests.window import AXE_RUN, LOOKS, Service, Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST_BYTES = """
const [address, done] = arguments;
fetch(address).then((answer) => answer.arrayBuffer()).then((whole) => done(new Uint8Array(whole, 0, 2).join()));
"""

FORM = """
[check]
plans = "ask"

[service]
release = "before export"
"""


def _tab_to(window: Window, is_it: Callable[[], bool], what: str) -> None:
    for _ in range(120):
        window.focus().send_keys(Keys.TAB)
        if is_it():
            return
    raise AssertionError(f"{what} cannot be reached by the keyboard")


def _enter(window: Window, says: str) -> None:
    """Go to a button or a link by the keyboard, and press it."""
    _tab_to(window, lambda: window.focus().text.startswith(says), says)
    window.focus().send_keys(Keys.ENTER)


def _choose(window: Window, name: str, value: str) -> None:
    """Tick a box by the keyboard."""

    def is_it() -> bool:
        return (window.focus().get_attribute("name"), window.focus().get_attribute("value")) == (name, value)

    _tab_to(window, is_it, value)
    window.focus().send_keys(Keys.SPACE)


def _several_plans(root: Path) -> None:
    for number in range(100):
        export = generate(root, number, name="Several plans")
        if len(export.plans) == 3 and not export.two_patients:
            return
        for path in export.folder.iterdir():
            path.unlink()


def test_words_release_delivery_and_plans_by_keyboard(
    member: Window, service: Service, axe: str, pictures: Path
) -> None:
    """Each page without a serious fault of accessibility and without scrolling sideways; what was decided holds."""
    root = make_collection(service.share / "Decisions", machine="keep", more=FORM, sheets=True)
    make_set(root, setting("RTPLAN", RTPlanLabel="VMAT_JSM"), name="a set", seed=31)
    member.open(service.url)
    member.reads("Decisions")
    member.press("Decisions")
    member.reads("ANON_006", within="#done")
    _several_plans(root)
    home = member.driver.current_url
    faults: list[tuple[str, str, object]] = []

    def look(page: str) -> None:
        for look in LOOKS:
            member.see(look)
            member.driver.execute_script(axe)
            faults.extend((page, look.name, one) for one in member.run(AXE_RUN) if one[1] in {"serious", "critical"})
            assert not member.is_too_wide(), (page, look.name)
            member.picture(pictures / f"{page}-{look.name}.png")
        member.see(LOOKS[0])

    _enter(member, "Unread words")
    member.reads("plan label: VMAT_JSM", "unread (1)")
    look("words")
    _choose(member, "word", "JSM")
    _enter(member, "Mark as fine")
    member.reads("fine (1)")

    member.open(home)
    _enter(member, "Look and decide")
    member.reads("Nobody has decided about this set yet.")
    look("published")
    _tab_to(member, lambda: member.focus().get_attribute("id") == "reason", "the reason")
    member.focus().send_keys("One contour is missing.")
    _enter(member, "Send back")
    member.reads("Sent back by anna", "One contour is missing.")
    _enter(member, "Release")
    member.reads("Released by anna")
    collection = Collection.look(root)
    assert [one.state for one in releases.history(collection, 6)] == ["released", "sent back"]

    member.open(f"{home}/deliveries")
    _enter(member, "Make the delivery")
    member.reads("The delivery of 1 set is made.")
    look("deliveries")
    link = member.driver.find_element("partial link text", "Download the delivery").get_attribute("href")
    assert member.run(FIRST_BYTES, link) == "80,75"

    member.open(home)
    member.reads("Several plans: choose")
    _enter(member, "Plans")
    member.reads("nobody has chosen yet")
    look("plans")
    _choose(member, "plan", "2")
    _enter(member, "Choose plans")
    member.until(lambda: "nobody has chosen yet" not in member.text())
    for page in ("persons", "not-taken", "structures"):
        member.open(f"{home}/{page}")
        look(page)
    assert faults == []
    assert records.read(collection, 6) is not None
