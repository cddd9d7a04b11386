"""What a physicist does who has never opened a terminal, from the login to the downloaded tracking file."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from phantom.sets import build_set, write_set
from services.forms.collection_form import read_settings
from services.forms.identity import Identity
from tests.judge import judge
from tests.processes import free_port, processes
from tests.sets import dose_of_another_plan, energy, make_collection, make_set, plan_without_structure_set, without
from tests.waiting import wait_until
from tests.window import AXE_RUN, LOOKS, Service, Window

if TYPE_CHECKING:
    from collections.abc import Callable

ANOTHER_TOKEN = """
const form = document.querySelector("form[action$='/check']");
form.querySelector("[name=csrf]").value = "another";
form.querySelector("button").click();  // at once: what is told meanwhile puts the right one in again
"""


def test_a_wrong_password_does_not_let_in(window: Window, service: Service) -> None:
    """The page says so, and shows nothing else."""
    window.log_in(service, "not the password")
    window.reads("Wrong name or password.")
    window.open(service.url)
    assert window.driver.current_url == f"{service.url}/login"


def test_from_the_form_to_the_tracking_file(member: Window, service: Service) -> None:
    """As in the older program: form, Check data, Anonymize, progress, tracking file, without reloading a page."""
    member.press("New collection")
    member.fill(folder="A new folder", patient_id="zzz_AnusGE", family_name="AnusGE", first_name="First")
    member.fill(initial_index="6", hospital="St. Anna")
    member.driver.find_element(By.NAME, "new_folder").send_keys("Anal canal")
    member.reads("zzz_AnusGE006", "AnusGE006^First", "ANON_006", within="#preview")
    member.press("Create the collection")
    member.reads("There are no sets yet.")
    root = service.share / "Anal canal"
    assert read_settings(root)[0] == Identity("zzz_AnusGE", "AnusGE", "First", "St. Anna", 6)

    good = make_set(root, name="Müller Anna 4711", seed=1)
    other = make_set(root, name="Huber Josef 1938", seed=2)
    faulty = make_set(root, dose_of_another_plan, name="Maier Rosa 2005", seed=3)
    member.reads("Müller Anna 4711", "Huber Josef 1938", "Maier Rosa 2005")
    assert not member.enabled("start-button")
    member.press("Check data")
    member.reads("2 sets are good.", "must be repaired")
    assert "The dose is of another plan." in member.set_of("Maier")
    assert "dose → plan: broken" in member.set_of("Maier")
    assert "all 2 beams fit" in member.set_of("Müller")
    assert not member.enabled("start-button")
    assert not list(root.glob("ANON_*"))

    member.tick("Müller Anna 4711")
    member.press("Anonymize")
    member.reads("Müller Anna 4711", "ANON_006", within="#done")
    member.press("Choose the good sets")
    member.press("Anonymize")
    member.reads("Huber Josef 1938", "ANON_007", within="#done")
    assert {path.name for path in root.glob("ANON_*")} == {"ANON_006", "ANON_007"}
    judge(good.folder, root / "ANON_006", good.manifest)
    judge(other.folder, root / "ANON_007", other.manifest)

    shutil.rmtree(faulty.folder)
    make_set(root, name="Maier Rosa 2005", seed=3)
    member.reads("changed since the check")
    member.press("Check data")
    member.reads("The set is good.")
    member.press("Anonymize")
    member.reads("ANON_008", "Done:", within="main")

    member.reads("Tracking file of", within="#files")
    member.until(lambda: "zzz_AnusGE008" in "".join(path.read_text("utf-8") for path in _tracking(root)))
    member.press("Tracking file of")
    member.reads("OrigPatientID", "St. Anna")
    day = member.driver.current_url.rpartition("/")[2]
    (tracking,) = (path for path in _tracking(root) if day in path.name)
    member.reads(*re.findall(r"zzz_AnusGE\d+", tracking.read_text("utf-8")))
    downloaded = member.run(
        "fetch(arguments[0]).then((answer) => answer.text()).then(arguments[1])", f"{member.driver.current_url}/file"
    )
    assert downloaded == tracking.read_text("utf-8")


def _tracking(root: Path) -> list[Path]:
    """Find the tracking files: two, if it became midnight."""
    return list(root.glob("VicRapidPlan_trackingFile_*.txt"))


def test_a_refused_set_is_repaired_and_another_tried_again(member: Window, service: Service) -> None:
    """In an automatic collection, a refused set says why; once repaired, it is processed without further action."""
    root = make_collection(service.share / "By itself", patient_id="zzz_Self", machine="VicRapidPlan")
    broken = make_set(root, dose_of_another_plan, name="broken", seed=4)
    make_set(root, energy("20"), name="other machine", seed=5)
    member.open(service.url)
    member.reads("By itself")
    member.press("By itself")
    member.reads("Sets are anonymized automatically", "The dose is of another plan.", "The machine lacks an energy.")
    member.reads("2 refused", within="#state")

    shutil.rmtree(broken.folder)
    make_set(root, name="broken", seed=4)
    member.reads("broken", "ANON_006", within="#done")
    assert not (root / "broken_REFUSED.txt").exists()

    form = root / "collection.toml"
    form.write_text(form.read_text().replace('"VicRapidPlan"', '"keep"'))
    member.reads("other machine", "ANON_007", within="#done")

    make_set(root, plan_without_structure_set, without("RTSTRUCT"), name="no structures", seed=6)
    member.reads("No structure set.", "1 refused")
    refusal = root / "no structures_REFUSED.txt"
    before = refusal.stat().st_mtime_ns
    member.press("Try again")
    member.until(lambda: _changed(refusal, before))
    member.reads("1 refused")


def _changed(path: Path, before: int) -> bool:
    try:
        return path.stat().st_mtime_ns != before
    except FileNotFoundError:  # on the way from one to the next
        return False


def test_a_form_with_another_token_is_turned_away(member: Window, service: Service) -> None:
    """And nothing is done."""
    make_collection(service.share / "Token", patient_id="zzz_Token")
    make_set(service.share / "Token", name="a set", seed=7)
    member.open(service.url)
    member.reads("Token")
    member.press("Token")
    member.reads("a set")
    member.driver.execute_script(ANOTHER_TOKEN)
    member.reads("This form is not from this page, or has expired.")


def test_the_keyboard_is_enough(window: Window, service: Service) -> None:
    """Login, opening a collection and checking it work without a mouse; the focused element keeps the focus."""
    root = make_collection(service.share / "Keyboard", patient_id="zzz_Key", more='[service]\nstart = "by hand"')
    make_set(root, name="a set", seed=8)
    window.open(f"{service.url}/login")
    window.focus().send_keys(service.USER, Keys.TAB, service.PASSWORD, Keys.ENTER)
    window.reads("Collections", "Keyboard")
    window.open(service.url)
    window.focus().send_keys(Keys.TAB)
    assert window.focus().text == "Skip to the content"
    window.enter("Keyboard", "a set")
    window.enter("Check data", "The set is good.")
    window.enter("Anonymize", "ANON_006", within="#done")


def test_what_has_the_focus_keeps_it_when_its_list_is_replaced(member: Window, service: Service) -> None:
    """Keyboard users do not start again whenever a set arrives."""
    root = make_collection(service.share / "Focus", patient_id="zzz_Focus", more='[service]\nstart = "by hand"')
    member.open(f"{service.url}/")
    member.reads("zzz_Focus006")
    assert member.tab_to("Focus")
    make_set(root, name="a set", seed=31)
    member.reads("first set: zzz_Focus006\n1 not started")
    assert member.focus().text == "Focus"


def _pages(window: Window, service: Service) -> dict[str, Callable[[], None]]:
    """Return the path of each page, with every kind of content on it."""
    root = make_collection(service.share / "Head and neck", more='[service]\nstart = "by hand"', sheets=True)
    faulty = [
        (make_set, (dose_of_another_plan,), "Fuchs Ida 3310", 21),
        (make_set, (plan_without_structure_set,), "Lang Otto 7125", 22),
        (make_set, (energy("20"),), "Winter Ella 9054", 23),
        (make_set, (without("RTPLAN"),), "Vogel Max 1177", 24),
    ]
    for make, edits, name, seed in faulty:
        make(root, *edits, name=name, seed=seed)
    for number, name in enumerate(("Bauer Lena 5290", "Kern Paul 3860", "Sommer Nina 1906")):
        write_set(build_set(seed=f"picture/{number}", ct=40, rois=20, size=512), root / name)
    empty = make_collection(service.share / "Prostate", patient_id="zzz_Prostate", initial_index=12)
    address: dict[Path, str] = {}

    def collection(path: Path) -> None:
        window.open(address.get(path) or service.url)
        if path not in address:
            window.reads(path.name)
            window.press(path.name)
            window.reads("Check data")
            address[path] = window.driver.current_url

    def form() -> None:
        window.open(f"{service.url}/new")
        window.fill(patient_id="zzz_AnusGE", family_name="AnusGE", first_name="First", initial_index="6")
        window.fill(hospital="St. Anna")
        window.reads("ANON_006", within="#preview")

    def wrong_form() -> None:
        window.open(f"{service.url}/new")
        window.fill(patient_id="zzz\\AnusGE", family_name="Müller")
        window.press("Create the collection")
        window.reads("Please correct these fields")

    def checked() -> None:
        collection(root)
        if "sets are good" not in window.text():
            window.press("Check data")
            window.reads("sets are good")

    def working() -> None:
        checked()
        window.press("Choose the good sets")
        window.press("Anonymize")
        window.until(lambda: any((root / ".anonymizer" / "staging").iterdir()))
        service.let_workers(signal.SIGSTOP)
        window.reads("files", within="#sets")

    def done() -> None:
        service.let_workers(signal.SIGCONT)
        collection(root)
        window.reads("4 anonymized")
        window.reads("Sheet", within="#done")

    def tracking() -> None:
        collection(root)
        window.press("Tracking file of")
        window.reads("OrigPatientID")

    return {
        "collections": lambda: window.open(service.url),
        "new": form,
        "new-wrong": wrong_form,
        "empty": lambda: collection(empty),
        "unchecked": lambda: collection(root),
        "checked": checked,
        "working": working,
        "done": done,
        "tracking": tracking,
        "not-found": lambda: window.open(f"{service.url}/nothing"),
    }


def test_every_page_can_be_read_by_everybody(member: Window, service: Service, axe: str, pictures: Path) -> None:
    """No serious accessibility fault, light or dark, wide or narrow, and no horizontal scrolling."""
    faults: list[tuple[str, str, object]] = []
    for page, come in _pages(member, service).items():
        come()
        for look in LOOKS:
            member.see(look)
            member.driver.execute_script(axe)
            serious = [one for one in member.run(AXE_RUN) if one[1] in {"serious", "critical"}]
            faults += [(page, look.name, one) for one in serious]
            assert not member.is_too_wide(), (page, look.name)
            member.picture(pictures / f"{page}-{look.name}.png")
        member.see(LOOKS[0])
    member.forget()
    member.open(f"{service.url}/login")
    for look in LOOKS:
        member.see(look)
        member.driver.execute_script(axe)
        faults += [("login", look.name, one) for one in member.run(AXE_RUN) if one[1] in {"serious", "critical"}]
        member.picture(pictures / f"login-{look.name}.png")
    assert faults == []


def test_a_page_in_german(window: Window, service: Service) -> None:
    """Chosen by a link, kept from then on."""
    window.open(f"{service.url}/login")
    window.press("Deutsch")
    window.fill(user=service.USER, password=service.PASSWORD)
    window.press("Anmelden")
    window.reads("Sammlungen", "Abmelden")


def test_no_name_is_in_a_log_or_a_file_for_everybody(service: Service) -> None:
    """No patient's or folder's name is in the console's log, or in what it shows without a login."""
    folders = {folder.name for root in service.share.iterdir() for folder in root.iterdir()}
    names = {name for folder in folders if re.fullmatch(r"\w+ \w+ \d{4}", folder) for name in folder.split()}
    assert {"Müller", "Anna", "4711"} <= names
    for path in (service.log, *Path("console/static").iterdir()):
        text = path.read_text("utf-8")
        assert not {name for name in names if re.search(rf"\b{re.escape(name)}\b", text)}, path.name
    events = [json.loads(line)["event"] for line in service.log.read_text().splitlines()]
    assert {"console.asked", "console.logged_in", "console.collection_made", "console.started"} <= {*events}


def test_on_a_laptop_one_command_is_enough(window: Window, tmp_path: Path) -> None:
    """It starts its own service, shows a link, processes nothing by itself, and leaves nothing behind."""
    root = make_collection(tmp_path / "BATCH")
    made = make_set(root, name="a set", seed=9)
    command = [str(Path(sys.executable).with_name("anonymizer")), "run", str(root), "--console"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_on_port(free_port()))
    try:
        assert process.stdout
        link = re.search(r"http://127\.0\.0\.1:\d+/enter\?key=\S+", process.stdout.readline())
        assert link
        window.open(link[0])
        window.reads("a set", "not started")
        assert not list(root.glob("ANON_*"))
        window.press("Check data")
        window.reads("The set is good.")
        window.press("Anonymize")
        window.reads("ANON_006", within="#done")
        judge(made.folder, root / "ANON_006", made.manifest)
    finally:
        window.forget()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    wait_until(lambda: not [one for one in processes() if str(root) in one.command])


def _on_port(port: int) -> dict[str, str]:
    return {**os.environ, "ANONYMIZER_CONSOLE": f"127.0.0.1:{port}"}


def test_the_back_button_shows_nothing_after_logging_out_and_another_tab_is_notified(
    member: Window, service: Service
) -> None:
    """The browser does not cache pages, and an open one is notified that its session has ended."""
    root = make_collection(service.share / "Back button")
    make_set(root, name="Weber Paula 1950", seed=12)
    member.open(f"{service.url}/")
    member.reads("Back button")
    member.press("Back button")
    member.reads("Weber Paula 1950")
    tab = member.driver.current_window_handle
    member.driver.switch_to.new_window("tab")
    member.open(f"{service.url}/")
    member.press("Log out")
    member.until(lambda: member.driver.current_url.endswith("/login"))  # else one goes back from the page before it
    member.driver.execute_script("history.back()")
    member.reads("Log in")
    assert "Back button" not in member.driver.page_source
    member.driver.close()
    member.driver.switch_to.window(tab)
    member.reads("You are no longer logged in.")
