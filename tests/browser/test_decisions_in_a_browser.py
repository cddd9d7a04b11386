"""What a physicist decides after publication: words, plans, release, delivery; by keyboard, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from services.store import registry, releases
from services.store.collection import Collection
from tests.exports import first
from tests.integration.test_one_person_linked import drop, linking, says
from tests.sets import make_collection, make_set, setting
from tests.window import AXE_RUN, LOOKS, Service, Window

if TYPE_CHECKING:
    from pathlib import Path

FIRST_BYTES = """
const [address, done] = arguments;
fetch(address).then((answer) => answer.arrayBuffer()).then((whole) => done(new Uint8Array(whole, 0, 2).join()));
"""

PICTURES_SEEN = "return [...document.images].some((one) => one.complete && one.naturalWidth > 0 && one.clientWidth > 0)"

FORM = """
[check]
plans = "ask"

[service]
release = "before export"
"""


def _enter(window: Window, says: str) -> None:
    """Go to a button or a link by the keyboard, and press it."""
    assert window.tab_to(says), f"{says} cannot be reached by the keyboard"
    window.focus().send_keys(Keys.ENTER)


def _choose(window: Window, name: str, value: str) -> None:
    """Tick a box by the keyboard."""

    def is_it() -> bool:
        return (window.focus().get_attribute("name"), window.focus().get_attribute("value")) == (name, value)

    assert window.tab_until(is_it), f"{value} cannot be reached by the keyboard"
    window.focus().send_keys(Keys.SPACE)


def _several_plans(root: Path) -> None:
    first(root, lambda export: len(export.plans) == 3 and not export.two_patients, name="Several plans")


class Desk:
    """A collection's pages, each inspected in every view when it is reached."""

    def __init__(self, window: Window, axe: str, pictures: Path) -> None:
        self.window, self._axe, self._pictures = window, axe, pictures
        self.home = window.driver.current_url
        self.faults: list[tuple[str, str, object]] = []

    def look(self, page: str) -> None:
        """Check for accessibility faults and for elements that are too wide."""
        for look in LOOKS:
            self.window.see(look)
            self.window.driver.execute_script(self._axe)
            found = [one for one in self.window.run(AXE_RUN) if one[1] in {"serious", "critical"}]
            self.faults += [(page, look.name, one) for one in found]
            assert not self.window.is_too_wide(), (page, look.name)
            self.window.picture(self._pictures / f"{page}-{look.name}.png")
        self.window.see(LOOKS[0])

    def decide_on_words(self) -> None:
        """Mark the one unread word as fine."""
        _enter(self.window, "Unread words")
        self.window.reads("plan label: VMAT_JSM", "unread (1)")
        self.look("words")
        _choose(self.window, "word", "JSM")
        _enter(self.window, "Mark as fine")
        self.window.reads("fine (1)")

    def release(self) -> None:
        """Read the sheet, send the set back, then release it."""
        window = self.window
        window.open(self.home)
        window.reads("Sheet", within="#done")
        _enter(window, "Look and decide")
        window.reads("Nobody has decided about this set yet.")
        self.read_the_sheet()
        self.look("published")
        assert window.tab_until(lambda: window.focus().get_attribute("id") == "reason")
        window.focus().send_keys("One contour is missing.")
        _enter(window, "Send back")
        window.reads("Sent back by anna", "One contour is missing.")
        _enter(window, "Release")
        window.reads("Released by anna")

    def read_the_sheet(self) -> None:
        """Read the sheet in its frame, with its pictures drawn."""
        driver = self.window.driver
        frame = driver.find_element(By.CSS_SELECTOR, "iframe.sheet")
        driver.execute_script("arguments[0].scrollIntoView()", frame)
        driver.switch_to.frame(frame)
        self.window.reads("ANON_006")
        self.window.until(lambda: driver.execute_script(PICTURES_SEEN))
        driver.switch_to.default_content()
        driver.save_screenshot(self._pictures / "published-sheet.png")

    def deliver(self) -> None:
        """Make a delivery of what may be delivered, and download it."""
        self.window.open(f"{self.home}/deliveries")
        _enter(self.window, "Make the delivery")
        self.window.reads("The delivery of 1 set is ready.")
        self.window.reads("downloaded from the console", within="#delivered")
        self.look("deliveries")
        link = self.window.driver.find_element(By.PARTIAL_LINK_TEXT, "Download the delivery").get_attribute("href")
        assert self.window.run(FIRST_BYTES, link) == "80,75"

    def choose_plans(self) -> None:
        """Choose one of three plans."""
        self.window.open(self.home)
        self.window.reads("Several plans: choose")
        _enter(self.window, "Plans")
        self.window.reads("nobody has chosen yet")
        self.look("plans")
        _choose(self.window, "plan", "2")
        _enter(self.window, "Choose plans")
        self.window.until(lambda: self.window.driver.current_url == self.home)


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
    desk = Desk(member, axe, pictures)
    desk.decide_on_words()
    desk.release()
    collection = Collection.look(root)
    assert [one.state for one in releases.history(collection, 6)] == ["released", "sent back"]
    desk.deliver()
    desk.choose_plans()
    chosen = registry.chosen(collection, collection.locator("Several plans"))
    assert (len(chosen.taken), len(chosen.left)) == (1, 2)
    for page in ("persons", "not-taken", "structures"):
        member.open(f"{desk.home}/{page}")
        desk.look(page)
    assert desk.faults == []


def test_whose_a_set_is_by_keyboard(member: Window, service: Service, axe: str, pictures: Path) -> None:
    """A set with a known ID and another birth date waits; assigned to the same person, it gets their identity."""
    root = linking(service.share / "Persons")
    drop(root, "a")
    member.open(service.url)
    member.reads("Persons")
    member.press("Persons")
    member.reads("ANON_006", within="#done")
    drop(root, "of the same", birth="19610203")
    desk = Desk(member, axe, pictures)
    member.reads("of the same", "The person has to be decided")
    _enter(member, "Persons")
    member.reads("1 set waits to be assigned to a person")
    desk.look("whose")
    assert member.tab_until(lambda: member.focus().get_attribute("name") == "anon")
    member.focus().send_keys(Keys.ARROW_DOWN)
    _enter(member, "It is the same person")
    member.open(desk.home)
    member.reads("ANON_007", within="#done")
    assert [says(root, index)[0] for index in (6, 7)] == ["zzz_AnusGE006"] * 2
    assert desk.faults == []
