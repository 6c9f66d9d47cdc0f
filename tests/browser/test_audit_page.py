"""The page of an audit in a real browser: the verdict first, and nothing cut on a phone."""

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from defocus.datasets.api import open_dataset
from defocus.datasets.audit.members import Warned
from defocus.datasets.audit.page import build_page
from defocus.datasets.audit.pair_audit import AuditedPair, NearDuplicate
from defocus.datasets.audit.run import Audit
from defocus.datasets.curation_rules import usable_pairs
from defocus.pictures.write import write_image
from defocus.reports.html import write_html
from tests.browser.conftest import axe

pytestmark = pytest.mark.debian
REASON = "the texture repeats itself every 14 px, so that the shift may be another by that much"

CUT = """
const cut = [];
for (const cell of document.querySelectorAll("table.stacked :is(td, tbody th)")) {
  const box = cell.getBoundingClientRect();
  if (box.left < 0 || box.right > innerWidth + .5 || cell.scrollWidth > cell.clientWidth + 1)
    cut.push(cell.textContent);
}
return [document.documentElement.scrollWidth, cut];
"""

ON_SCREEN = """
const box = arguments[0].getBoundingClientRect();
return box.top >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Eight misaligned pairs with pictures or rows, one unknown, one unreadable, one leak."""
    root = tmp_path_factory.mktemp("audited")
    random = np.random.default_rng(0)
    names = [
        "unknown",
        "broken",
        "aligned",
        *(f"a-pair-with-a-long-name-{k}" for k in range(8)),
    ]
    for role in ("blurry", "sharp"):
        (root / "set/train" / role).mkdir(parents=True)
        for name in names:
            picture = random.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            write_image(root / "set/train" / role / f"{name}.png", picture)
    dataset = open_dataset(f"pairs:{root / 'set'}")
    ids = [f"train-{name}" for name in names]
    alike = {
        "width": 64,
        "height": 48,
        "shift_y_px": 0.0,
        "zoom": 1.0,
        "rotation_deg": 0.0,
    }

    def measured(name: str, size: float) -> AuditedPair:
        sizes = {"misalignment_px": size, "shift_x_px": size, "residual_p95_px": 0.1}
        return AuditedPair(name, name, "train", "ok", **alike, **sizes)  # type: ignore[arg-type]

    rows = (
        AuditedPair(ids[0], ids[0], "train", "unknown", REASON),
        AuditedPair(
            ids[1], ids[1], "train", "unreadable", "train/sharp/broken.png: cut short"
        ),
        *(measured(name, float(at)) for at, name in enumerate(ids[2:])),
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DEFOCUS_CACHE", str(root / "cache"))
        leak = NearDuplicate(ids[2], ids[3], ("train", "test"), 0.98)
        warned = Warned(ids[4], "orientation", "EXIF says 1 and 6 for blurry and sharp")
        audit = Audit(
            dataset.name, dataset.content_hash, "dis", rows, (leak,), (warned,)
        )
        write_html(
            build_page(dataset, audit, 0.5, usable_pairs(audit)), root / "audit.html"
        )
    return root / "audit.html"


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_reason_is_cut_and_each_failing_pair_leads_to_its_pictures_or_its_row(
    open_page, page, width
):
    browser = open_page(page, width, 844)
    assert browser.execute_script(CUT) == [width, []]
    cells = [one.text for one in browser.find_elements(By.CSS_SELECTOR, ".stacked td")]
    assert any(REASON in text for text in cells)
    bodies = browser.find_elements(By.CSS_SELECTOR, ".stacked tbody")
    table = next(
        body for body in bodies if len(body.find_elements(By.TAG_NAME, "tr")) == 11
    )
    reasons = {}
    for link in table.find_elements(By.TAG_NAME, "a"):
        place = str(link.get_attribute("href")).partition("#")[2]
        target = browser.find_element(By.ID, place)
        link.send_keys(Keys.ENTER)
        WebDriverWait(browser, 120).until(lambda _, shown=target: shown.is_displayed())
        assert link.text in target.text
        reasons[link.text] = target.tag_name
    assert len(reasons) == 11
    assert list(reasons.values()).count("figure") == 6, "the worst six have pictures"
    assert reasons["train-unknown"] == reasons["train-aligned"] == "tr"


def test_the_first_screen_says_how_many_pairs_can_be_used_and_what_comes_next(
    open_page, page
):
    browser = open_page(page, 1280, 900)
    for selector in (".summary", "#part-1-1"):
        assert browser.execute_script(
            ON_SCREEN, browser.find_element(By.CSS_SELECTOR, selector)
        )
    summary = browser.find_element(By.CLASS_NAME, "summary").text
    assert summary.startswith(
        "1 of 11 pairs can be used as they are, 7 only after compensation"
    )
    assert "Failed: 11 of 11" in summary
    headings = [one.text for one in browser.find_elements(By.TAG_NAME, "h2")]
    assert headings[:2] == ["What to do next", "Pairs that cannot be used"]
    assert headings.index("Pairs that fail") + 1 == headings.index("Their pictures")
    assert headings[-1] == "More"
    assert "Distributions" not in headings, "nine measured pairs have none"
    folds = [
        one.text for one in browser.find_elements(By.CSS_SELECTOR, ".folded > summary")
    ]
    assert folds[1].startswith(
        "Pairs 11 pairs, 9 measured: misalignment 4.00 px in the median"
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(open_page, page, width):
    browser = open_page(page, width, 844)
    assert axe(browser) == {}
    browser.execute_script(
        "document.querySelectorAll('details').forEach((d) => d.open = true)"
    )
    assert axe(browser) == {}


def test_a_card_says_what_each_of_its_lines_is(open_page, page):
    browser = open_page(page, 390, 844)
    labels = browser.execute_script(
        "return [...[...document.querySelectorAll('.stacked tbody')]"
        ".find((body) => body.rows[0].cells.length === 3).rows[0].querySelectorAll('td')]"
        ".map((cell) => getComputedStyle(cell, '::before').content)"
    )
    assert labels == ['"split: "', '"why it fails: "']


def test_the_page_of_five_good_pairs_is_short_and_folds_what_passed(
    open_page, tmp_path
):
    random = np.random.default_rng(0)
    for role in ("blurry", "sharp"):
        (tmp_path / "set/train" / role).mkdir(parents=True)
        for number in range(5):
            picture = random.integers(0, 256, (400, 600, 3), dtype=np.uint8)
            write_image(tmp_path / "set/train" / role / f"p{number}.png", picture)
    dataset = open_dataset(f"pairs:{tmp_path / 'set'}")
    alike = {
        "width": 600,
        "height": 400,
        "shift_y_px": 0.0,
        "zoom": 1.0,
        "rotation_deg": 0.0,
    }
    sizes = {
        "misalignment_px": 0.0,
        "shift_x_px": 0.0,
        "residual_p95_px": 0.1,
        "gain_ev": 5e-5,
    }
    rows = tuple(
        AuditedPair(pair.id, pair.id, "train", "ok", **alike, **sizes)  # type: ignore[arg-type]
        for pair in dataset.pairs
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
        audit = Audit(dataset.name, dataset.content_hash, "dis", rows, (), ())
        write_html(
            build_page(dataset, audit, 1.0, usable_pairs(audit)),
            tmp_path / "audit.html",
        )
    browser = open_page(tmp_path / "audit.html", 1280, 800)
    assert (
        browser.execute_script("return document.documentElement.scrollHeight") <= 2000
    )
    assert browser.find_element(By.CLASS_NAME, "summary").text.startswith(
        "5 of 5 pairs can be"
    )
    headings = [one.text for one in browser.find_elements(By.TAG_NAME, "h2")]
    assert headings == ["What to do next", "More"]
    folds = [
        one.text for one in browser.find_elements(By.CSS_SELECTOR, ".folded > summary")
    ]
    assert folds[0] == "Checks 5 of 5 checks passed"
    assert folds[1].startswith(
        "Pairs 5 pairs, 5 measured: misalignment 0.00 px in the median"
    )
    tables = browser.find_elements(By.TAG_NAME, "table")
    assert tables
    assert not any(one.is_displayed() for one in tables), "what passed is folded"
    assert not any(
        one.is_displayed() for one in browser.find_elements(By.CLASS_NAME, "stage")
    )
