"""The main journey in a real browser: the script does its part, and the console stays silent."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.api.world import World
from tests.console.browser import PASSWORD, People
from tests.factories import a_contact, a_line, an_invoice
from tests.stack import wait_until

selenium = pytest.importorskip("selenium", reason="selenium is not installed: pip install .[dev]")

from selenium.webdriver import Chrome, ChromeOptions, ChromeService  # noqa: E402  # may be missing
from selenium.webdriver.common.by import By  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
)

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="Chromium is not here: apt-get install chromium chromium-driver",
)


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chrome]:
    """A browser without a past, three hours east of UTC and 390 pixels wide."""
    options = ChromeOptions()
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with ExitStack() as ending:
        browser = Chrome(options=options, service=ChromeService(str(DRIVER)))
        ending.callback(browser.quit)
        browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Europe/Moscow"})
        size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        yield browser


def test_a_bookkeeper_mends_a_cause_and_follows_the_sync(
    chromium: Chrome, people: People, world: World
) -> None:
    odd = [an_invoice(f"I-{number}", lines=[a_line(rate="8.5")]) for number in range(3)]
    world.hand_in(a_contact(), *odd)
    world.push()
    name = people.signed_in("ana", "bookkeeper").name

    def press(words: str) -> None:
        chromium.find_element(By.XPATH, f"//button[contains(., '{words}')]").click()

    chromium.get(f"{world.url}/console")
    chromium.find_element(By.NAME, "name").send_keys(name)
    chromium.find_element(By.NAME, "password").send_keys(PASSWORD)
    press("Sign in")
    assert wait_until(lambda: "Needs attention" in chromium.page_source, seconds=10)
    assert chromium.execute_script(
        "return document.documentElement.scrollWidth <= window.innerWidth"
    )
    shown = chromium.find_element(By.CSS_SELECTOR, ".causes time")
    utc = datetime.fromisoformat(str(shown.get_attribute("datetime"))).astimezone(UTC)
    assert f"{(utc.hour + 3) % 24:02}:{utc.minute:02}" in shown.text
    assert "UTC" in str(shown.get_attribute("title"))

    chromium.find_element(By.CSS_SELECTOR, ".cause a").click()
    chromium.find_element(By.CSS_SELECTOR, "#theirs option[value='vat-5.5']").click()
    press("Map and send 3")
    assert wait_until(lambda: "3 records go on now" in chromium.page_source, seconds=10)

    chromium.get(f"{world.url}/console/connections/{world.connection_id}")
    press("Sync now")
    assert wait_until(lambda: "Waiting for a worker" in chromium.page_source, seconds=10)
    world.sync()  # what a worker does
    assert wait_until(lambda: "3 sent" in chromium.page_source, seconds=20)  # by itself

    complaints = chromium.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's own
    assert complaints == []
