"""A real browser without windows and without network, and the report it opens."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

from defocus.reports.html import render_html
from tests.reports.example_pages import hostile_page, realistic_page

Open = Callable[..., webdriver.Chrome]

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


SCRIPT_SECONDS = 600
"""Seconds that a script in the browser may take, which only one that never ends reaches."""

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
RUN_AXE = """
const told = (node) => node.html.slice(0, 120);
axe.run().then((found) => arguments[0](
  found.violations.map((one) => `${one.id}: ${one.nodes.map(told).join(" | ")}`)));
"""


def axe(browser: webdriver.Chrome) -> dict[str, list[str]]:
    """What axe finds wrong with the page, in the light and in the dark; nothing if all is well."""
    browser.execute_script(AXE)
    faults = {}
    for theme in ("light", "dark"):
        show_in(browser, theme)
        faults[theme] = list(browser.execute_async_script(RUN_AXE))
    return {theme: found for theme, found in faults.items() if found}


def show_in(browser: webdriver.Chrome, theme: str) -> None:
    """Ask the page for a theme, and for no motion."""
    features = [
        {"name": "prefers-color-scheme", "value": theme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def requested(browser: webdriver.Chrome) -> set[str]:
    """Addresses that were asked for since the page was opened, those of data left out."""
    messages = [
        json.loads(entry["message"])["message"]
        for entry in browser.get_log("performance")
    ]
    urls = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    return {url for url in urls if not url.startswith("data:")}


def wait_until_nothing_overflows(browser: webdriver.Chrome, width: int) -> None:
    """Fail where the page stays wider than the window, px; just loaded it may have 980 px."""

    def fits(_: webdriver.Chrome) -> bool:
        metrics = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})
        return bool(metrics["cssContentSize"]["width"] <= width)

    WebDriverWait(browser, 120).until(fits, f"the page is wider than {width} px")


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_html(realistic_page()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def hostile_report(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    path.write_text(render_html(hostile_page()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium with an empty profile, which logs its console and every request."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None:
        pytest.skip("needs the Debian package chromium")
    if driver is None:
        pytest.skip("needs the Debian package chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    # axe reads a long page for 5 s on an idle machine; beside other tests, the default of 30 s is
    # reached
    chrome.set_script_timeout(SCRIPT_SECONDS)
    yield chrome
    chrome.quit()


@pytest.fixture
def open_page(browser):
    """Open a file or an address at a size, light or dark, with or without scripts."""

    def open_path(
        path: Path | str,
        width: int = 1280,
        height: int = 900,
        *,
        theme: str = "light",
        script: bool = True,
    ) -> webdriver.Chrome:
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get_log("performance")
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": width,
                "height": height,
                "deviceScaleFactor": 1,
                "mobile": width < 600,
            },
        )
        show_in(browser, theme)
        browser.execute_cdp_cmd(
            "Emulation.setScriptExecutionDisabled", {"value": not script}
        )
        browser.get(path if isinstance(path, str) else path.as_uri())
        return browser

    return open_path
