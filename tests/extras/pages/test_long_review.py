"""Reviews of thousands of pairs in a real browser: what they cost does not grow with them."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.journal import read_journal
from defocus.capture.sessions.state import PlannedPair
from defocus.datasets.api import open_dataset
from defocus.datasets.audit.run import audit_dataset
from defocus.datasets.curation import Curation, begin_curation
from defocus.datasets.curation_rules import Rules
from defocus.extras.pages.curation import make_page
from defocus.extras.pages.serving.feed import Feed
from defocus.pictures.write import write_image
from tests.capture.raw_sessions import write_session
from tests.datasets.conftest import write_folder
from tests.extras.pages.benches import TOKEN, bench_at_work, served
from tests.extras.pages.page_server import serving
from tests.extras.pages.test_live_browser import opened, press, text, until

pytestmark = pytest.mark.debian

PAIRS, SCENES, REJECTED = 1000, 20, 50
CURATED = 2000
ASKED = "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)"
LOADED = "return [...document.images].filter(image => image.complete && image.naturalWidth).length"


def long_session(root: Path) -> None:
    """A thousand pairs of twenty scenes; all share the files of one, and every twentieth is bad."""
    write_image(root.parent / "p.png", np.full((48, 64, 3), 90, np.uint8))
    write_session(root, [dict.fromkeys(("blurry", "sharp"), root.parent / "p.png")])
    records = read_journal(root / "journal.jsonl").records
    complete = next(record for record in records if record["event"] == "pair-complete")
    judged = {
        name: complete[name] for name in complete if name not in ("n", "time", "event")
    }
    planned = [
        PlannedPair(
            f"{n:04d}_scene-{(n - 1) % SCENES}", n, f"scene-{(n - 1) % SCENES}", 1
        )
        for n in range(2, PAIRS + 1)
    ]
    with open_session_folder(root, create=False) as folder:
        folder.plan([{"camera": {"uri": "sim:"}}], planned)
        for pair in planned:
            shutil.copytree(
                root / "pairs" / "0001_desk",
                root / "pairs" / pair.id,
                copy_function=os.link,
            )
            verdict = "reject" if pair.number % SCENES == 0 else "accept"
            fields = {
                **judged,
                "pair": pair.id,
                "scene": pair.scene,
                "verdict": verdict,
            }
            folder.journal.append("pair-complete", **fields)


def asked_for(browser: webdriver.Chrome, start: str, end: str) -> list[str]:
    paths = browser.execute_script(ASKED)
    return [path for path in paths if path.startswith(start) and path.endswith(end)]


@pytest.mark.full
def test_a_thousand_pairs(open_page, tmp_path):
    long_session(tmp_path / "s")
    with bench_at_work(tmp_path / "s", uri=None) as work, served(work) as port:
        browser = opened(open_page, f"http://127.0.0.1:{port}/?token={TOKEN}")
        browser.execute_script("performance.setResourceTimingBufferSize(10000)")
        until(browser, "pair-name", "0001_desk")
        until(browser, "counts", f"{PAIRS - REJECTED} accepted · {REJECTED} rejected")
        nodes = browser.execute_script("return document.querySelectorAll('*').length")
        assert nodes < 10 * PAIRS, (
            "some elements for each pair, no pictures of what is not seen"
        )
        assert browser.execute_script(LOADED) < 100
        asked = len(asked_for(browser, "/pairs", "/pairs"))

        press(browser, *[Keys.ARROW_RIGHT] * 30)
        until(browser, "pair-name", "0031_scene-10")
        wait = WebDriverWait(browser, 20, 0.05)
        wait.until(
            lambda b: b.find_elements(By.CSS_SELECTOR, "#viewer .stage img.left")
        )
        assert len(browser.find_elements(By.CSS_SELECTOR, "#viewer .comparison")) == 1
        grown = (
            browser.execute_script("return document.querySelectorAll('*').length")
            - nodes
        )
        assert grown < 100, "what was shown is gone again"
        assert len(asked_for(browser, "/pairs", "/pairs")) == asked, (
            "the list is asked for once"
        )
        assert len(asked_for(browser, "/pictures", "/large")) <= 2 * 33
        assert not asked_for(browser, "/pictures", "/whole")
        assert len(set(asked_for(browser, "/pictures", "/thumb"))) < 200

        browser.find_element(By.CSS_SELECTOR, "#filter [value=reject]").click()
        until(browser, "shown", f"{REJECTED} of {PAIRS}")
        until(browser, "pair-name", "0020_scene-19")
        press(browser, Keys.ARROW_RIGHT)
        until(browser, "pair-name", "0040_scene-19")
        press(browser, "a", "1")
        until(
            browser,
            "counts",
            f"{PAIRS - REJECTED + 1} accepted · {REJECTED - 1} rejected",
        )
        until(browser, "pair-name", "0060_scene-19")
        browser.find_element(By.CSS_SELECTOR, "#scenes option[value=scene-3]").click()
        until(browser, "shown", f"0 of {PAIRS}")
        browser.find_element(By.CSS_SELECTOR, "#filter [value=all]").click()
        until(browser, "shown", f"50 of {PAIRS}")
        until(browser, "pair-name", "0004_scene-3")
        assert text(browser, "problem") == ""
        assert browser.get_log("browser") == []


def long_curation(root: Path) -> Curation:
    """A dataset of two thousand pairs, all links to one, which alone is measured."""
    source = write_folder(root / "source", ["0000.png"])
    audit = audit_dataset(open_dataset(f"pairs:{source}"), "dis", 1)
    (row,) = audit.pairs
    for role in ("blurry", "sharp"):
        for n in range(1, CURATED):
            os.link(source / role / "0000.png", source / role / f"{n:04d}.png")
    dataset = open_dataset(f"pairs:{source}")
    rows = tuple(
        replace(row, id=one.id, scene=one.scene, split=one.split)
        for one in dataset.pairs
    )
    return begin_curation(dataset, replace(audit, pairs=rows), Rules(), root / "out")


@pytest.mark.full
def test_two_thousand_pairs_of_a_dataset(open_page, tmp_path):
    feed = Feed()
    app = make_page(long_curation(tmp_path), feed, TOKEN)
    with serving(app, feed.close) as port:
        browser = opened(open_page, f"http://127.0.0.1:{port}/?token={TOKEN}")
        until(browser, "counts", f"0 accepted · {CURATED} rejected")
        nodes = browser.execute_script("return document.querySelectorAll('*').length")
        assert nodes < 10 * CURATED
        assert browser.execute_script(LOADED) < 100
        for n in range(1, 31):
            press(browser, Keys.ARROW_RIGHT)
            until(browser, "pair-name", f"{n:04d}")
        press(browser, "a", Keys.ENTER)
        until(browser, "counts", f"1 accepted · {CURATED - 1} rejected")
        until(browser, "pair-name", "0031")
        grown = (
            browser.execute_script("return document.querySelectorAll('*').length")
            - nodes
        )
        assert grown < 100, "what was shown is gone again"
        assert browser.execute_script(LOADED) < 200
        press(browser, "u")
        until(browser, "pair-name", "0030")
        until(browser, "counts", f"0 accepted · {CURATED} rejected")
        assert browser.get_log("browser") == []
