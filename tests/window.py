"""A browser window for the tests: contents, input, and pictures of a page."""

from __future__ import annotations

import base64
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from selenium.common.exceptions import ElementNotInteractableException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webelement import WebElement

WAIT_S = 120.0

AXE_RUN = """
const done = arguments[arguments.length - 1];
axe.run().then((found) => done(found.violations.map((one) => [one.id, one.impact, one.nodes.map((n) => n.html)])));
"""


class Look(NamedTuple):
    """A view of a page."""

    name: str
    width: int
    height: int
    dark: bool


LOOKS = (
    Look("wide-light", 1200, 800, dark=False),
    Look("wide-dark", 1200, 800, dark=True),
    Look("narrow-light", 380, 780, dark=False),
    Look("narrow-dark", 380, 780, dark=True),
)


@dataclass(frozen=True)
class Service:
    """The running service."""

    USER: ClassVar = "anna"
    PASSWORD: ClassVar = "seven quiet tortoises"

    share: Path
    url: str
    log: Path
    """The console's log."""

    worker: int
    """The process of the embedded service's workers."""

    def let_workers(self, do: signal.Signals) -> None:
        """Freeze the workers, or let them continue."""
        for task in Path(f"/proc/{self.worker}/task").iterdir():
            for child in (task / "children").read_text().split():
                os.kill(int(child), do)


class Window:
    """One window."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Open a page."""
        self.driver.get(url)

    def forget(self) -> None:
        """Delete the cookies."""
        self.driver.get("about:blank")
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.see(LOOKS[0])
        self.driver.get_log("browser")

    def log_in(self, service: Service, password: str = Service.PASSWORD) -> None:
        """Log in by the form."""
        self.open(f"{service.url}/login")
        self.fill(user=service.USER, password=password)
        self.press("Log in")

    def fill(self, **fields: str) -> None:
        """Fill in fields by their names."""
        for name, value in fields.items():
            element = self.driver.find_element(By.ID, name)
            if element.tag_name == "input":
                element.clear()
            element.send_keys(value)

    def press(self, says: str) -> None:
        """Press the button or link with this text."""
        self.until(
            lambda: self._pressed(f"//*[(self::button or self::a) and starts-with(normalize-space(), '{says}')]")
        )

    def tick(self, folder: str) -> None:
        """Tick a set's box."""
        self.until(lambda: self._pressed(f"//input[@aria-label='Choose {folder}']"))

    def text(self, within: str = "body") -> str:
        """Return the page's text."""
        for _ in range(5):
            try:
                return self.driver.find_element(By.CSS_SELECTOR, within).text
            except StaleElementReferenceException:
                continue
        raise AssertionError(f"{within} never stands still")

    def reads(self, *said: str, within: str = "body") -> None:
        """Wait until the page has these texts, without reloading."""
        self.until(lambda: all(one in self.text(within) for one in said), lambda: f"{said} in {self.text(within)!r}")

    def set_of(self, folder: str) -> str:
        """Return the text about a set."""
        (line,) = (line.text for line in self.driver.find_elements(By.CSS_SELECTOR, "li.set") if folder in line.text)
        return line

    def enabled(self, button: str) -> bool:
        """Return whether a button is enabled."""
        return self.driver.find_element(By.ID, button).is_enabled()

    def see(self, look: Look) -> None:
        """Change the window's size and colour scheme."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": False},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if look.dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def picture(self, path: Path) -> None:
        """Store a picture of the whole page."""
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(taken["data"]))

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script on the page and wait for its result."""
        return self.driver.execute_async_script(script, *arguments)

    def is_too_wide(self) -> bool:
        """Return whether the page scrolls sideways."""
        wide: bool = self.driver.execute_script(
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return wide

    def focus(self) -> WebElement:
        """Return the element that has the keyboard focus."""
        return self.driver.switch_to.active_element

    def enter(self, says: str, comes: str, within: str = "body") -> None:
        """Go to a button or a link by the keyboard and press it, until its effect shows.

        The page's stream may write it again between the two keys: then a person presses again.
        """
        for _ in range(3):
            with suppress(StaleElementReferenceException, ElementNotInteractableException):
                if self.tab_to(says):
                    self.focus().send_keys(Keys.ENTER)
            with suppress(AssertionError):
                self.until(lambda: comes in self.text(within), patience_s=WAIT_S / 3)
                return
        raise AssertionError(f"{comes} never came of {says}")

    def tab_to(self, says: str) -> bool:
        """Go to a button or a link by the keyboard; return False if it cannot be reached."""
        return self.tab_until(lambda: self.focus().text.startswith(says))

    def tab_until(self, is_it: Callable[[], bool]) -> bool:
        """Press Tab until a condition holds for the focus; return False if it never does."""
        for _ in range(120):
            self.focus().send_keys(Keys.TAB)
            if is_it():
                return True
        return False

    def complaints(self) -> list[str]:
        """Return the browser's errors: failed scripts, and violations of the page's policy."""
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if "the server responded with a status" not in entry["message"]]

    def until(
        self,
        holds: Callable[[], object],
        otherwise: Callable[[], str] = lambda: "it never came",
        patience_s: float = WAIT_S,
    ) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except StaleElementReferenceException:
                pass
            time.sleep(0.05)
        raise AssertionError(otherwise())

    def _pressed(self, path: str) -> bool:
        for element in self.driver.find_elements(By.XPATH, path):
            if element.is_displayed() and element.is_enabled():
                self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
                element.click()
                return True
        return False


@contextmanager
def open_window(browser: str, driver: str, profile: Path) -> Iterator[Window]:
    """Open a headless window."""
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--lang=en",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": "en"})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Driver(driver))
    try:
        yield Window(chrome)
    finally:
        chrome.quit()
