"""Seconds until ``defocus-restore --page`` shows a large picture restored.

``python -m research.pages.first_look PHOTOGRAPH`` starts the installed command and gives the page
in Chromium, without a window, the pictures of :mod:`research.pages.camera_speed`. Counted from the
moment that the browser has the file: until the first look, until the map of blur, and until the
whole is seen. Over the picture with its first look the map is shown, and has to change it."""

import argparse
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.progress import say
from research.markdown import row
from research.pages.camera_speed import pictures

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
)
MEGAPIXELS = 24
WINDOW_PX = (1280, 800)
LONGEST_S = 600
"""Longest wait for one step of a picture, in seconds."""
WATCH = """
const seen = window.seen = {};
let began = 0;
const text = (id) => document.getElementById(id).textContent;
document.getElementById("files").addEventListener(
  "change", () => { began = performance.now(); }, true);
new MutationObserver(() => {
  const there = {
    look: text("chip") === "First look",
    map: text("facts").includes("Sharpest parts"),
    whole: text("chip").startsWith("Restored"),
  };
  for (const step of Object.keys(there)) {
    if (there[step] && !(step in seen)) seen[step] = (performance.now() - began) / 1000;
  }
}).observe(document.body, {subtree: true, childList: true});
"""
CANVAS = "return document.getElementById('canvas').toDataURL();"
NEXT_FRAME = "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()));"


def main() -> None:
    """Print a line of the table for each picture, as it is measured."""
    words = argparse.ArgumentParser(description="Seconds until the page shows results.")
    words.add_argument("photograph", type=Path)
    words.add_argument("--megapixels", type=float, default=MEGAPIXELS)
    words.add_argument("--baseline", default="defocus-m")
    words.add_argument(
        "--shown", type=Path, help="Folder for what the window shows with the map."
    )
    given = words.parse_args()
    photograph = np.asarray(read_image(given.photograph), np.uint8)
    say("| picture | first look, s | map of blur, s | whole, s |")
    say("|---|---|---|---|")
    for name, picture in pictures(photograph, given.megapixels):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "picture.jpg")
            write_image(path, picture)
            with served(given.baseline) as address, chromium() as browser:
                seconds = seen_after(browser, address, path)
                if given.shown is not None:
                    browser.save_screenshot(str(given.shown / f"{name}.png"))
        cells = [f"{seconds[step]:.1f}" for step in ("look", "map", "whole")]
        say(row(name, *cells))


@contextmanager
def served(baseline: str) -> Iterator[str]:
    """The address of the page while the command serves it."""
    command = ["defocus-restore", "--page", "--baseline", baseline]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = next(iter(process.stdout or ()), "").strip()
            if not address:
                raise SystemExit("defocus-restore --page did not start")
            yield address
        finally:
            process.send_signal(signal.SIGINT)


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """A browser without a window, whose profile goes with it."""
    program = shutil.which("chromium")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        raise SystemExit("needs the Debian packages chromium and chromium-driver")
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for argument in ARGUMENTS:
            options.add_argument(argument)
        options.add_argument(f"--user-data-dir={profile}")
        service = webdriver.ChromeService(driver)
        browser = webdriver.Chrome(options=options, service=service)
        try:
            browser.set_window_size(*WINDOW_PX)
            yield browser
        finally:
            browser.quit()


def seen_after(
    browser: webdriver.Chrome,
    address: str,
    path: Path,
) -> dict[str, float]:
    """Seconds from the file to each step; the map is laid over the picture on the way."""
    browser.get(address)
    browser.execute_script(WATCH)
    browser.find_element(By.ID, "files").send_keys(str(path))
    _wait_for(browser, "look")
    _wait_for(browser, "map")
    without = _drawn(browser)
    browser.find_element(By.ID, "overlay").click()
    WebDriverWait(browser, LONGEST_S, 0.1).until(
        lambda b: _drawn(b) != without,
        "the map does not show over the picture",
    )
    _wait_for(browser, "whole")
    seconds: dict[str, float] = browser.execute_script("return seen;")
    return seconds


def _wait_for(browser: webdriver.Chrome, step: str) -> None:
    WebDriverWait(browser, LONGEST_S, 0.1).until(
        lambda b: b.execute_script("return arguments[0] in seen;", step),
        f"the page never came to this: {step}",
    )


def _drawn(browser: webdriver.Chrome) -> str:
    """What the canvas shows, when it has been drawn."""
    browser.execute_async_script(NEXT_FRAME)
    drawn: str = browser.execute_script(CANVAS)
    return drawn


if __name__ == "__main__":
    main()
