"""The page of ``restore --page`` in a real browser: drop, compare, save."""

import base64
import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from defocus.blur import learned_map
from defocus.extras.pages.restore import first_look
from defocus.extras.pages.restore.desk import Desk
from defocus.scene.aperture import disc_psf
from tests.browser.conftest import axe, wait_until_nothing_overflows
from tests.extras.pages.conftest import CONTRAST
from tests.extras.pages.restoring_page import (
    TOKEN,
    Sharpener,
    WaitingForWhole,
    choice,
    restoring_page,
)
from tests.extras.pages.test_live_browser import press, text, until

pytestmark = pytest.mark.debian

WIDTH, HEIGHT = 640, 400
HOSTILE = "<img src=x onerror=document.title='run'>.png"
DROP = """
const carried = new DataTransfer();
for (const [name, content] of arguments[0]) {
  carried.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
}
const where = document.querySelector('main');
for (const kind of ['dragover', 'drop']) {
  const how = {dataTransfer: carried, bubbles: true, cancelable: true};
  where.dispatchEvent(new DragEvent(kind, how));
}
"""
PIXELS = """
const canvas = document.getElementById('canvas');
const seen = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
const letters = [];
for (let at = 0; at < seen.data.length; at += 30000) {
  letters.push(String.fromCharCode(...seen.data.subarray(at, at + 30000)));
}
return [canvas.width, canvas.height, btoa(letters.join(''))];
"""


@dataclass
class Served:
    desk: Desk
    network: Sharpener
    url: str


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    network = Sharpener()
    choices = [choice(network), choice(Sharpener(), "other")]
    with restoring_page(tmp_path_factory.mktemp("page"), choices) as (desk, port):
        yield Served(desk, network, f"http://127.0.0.1:{port}/?token={TOKEN}")


@pytest.fixture
def page(served):
    """The page without pictures."""
    yield served
    for picture in list(served.desk.pictures.values()):
        served.desk.remove(picture)


def scene(blur_px: float = 3.0, square_px: int = 8) -> np.ndarray[Any, Any]:
    """Squares in random colours, blurred."""
    import cv2

    draw = np.random.default_rng(0)
    rows, columns = -(-HEIGHT // square_px), -(-WIDTH // square_px)
    square = np.ones((square_px, square_px, 1))
    sharp = np.kron(draw.random((rows, columns, 3)), square)[:HEIGHT, :WIDTH]
    kernel = disc_psf(blur_px).astype(np.float32)
    blurred = cv2.filter2D(
        sharp.astype(np.float32), -1, kernel, borderType=cv2.BORDER_REFLECT
    )
    return np.rint(40 + 175 * blurred).astype(np.uint8)


def png(picture: np.ndarray[Any, Any]) -> str:
    content = io.BytesIO()
    Pillow.fromarray(picture).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def dropped(browser: webdriver.Chrome, *files: tuple[str, str]) -> None:
    browser.execute_script(DROP, files)


def seen(browser: webdriver.Chrome) -> np.ndarray[Any, Any]:
    """What the canvas shows, when it has been drawn."""
    browser.execute_async_script(
        "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))"
    )
    width, height, content = browser.execute_script(PIXELS)
    pixels = np.frombuffer(base64.b64decode(content), np.uint8).reshape(
        height, width, 4
    )
    return pixels[:, :, :3]


def restored(browser: webdriver.Chrome) -> None:
    until(browser, "chip", "Restored")
    WebDriverWait(browser, 60, 0.05).until(
        lambda b: b.find_element(By.ID, "split").is_displayed(),
        "the restored picture is not there",
    )


def test_a_picture_is_dropped_compared_and_saved(open_page, page, tmp_path):
    browser = open_page(page.url)
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior",
        {"behavior": "allow", "downloadPath": str(tmp_path)},
    )
    before = scene()
    dropped(browser, ("garden.png", png(before)))
    restored(browser)
    (kept,) = page.desk.pictures.values()
    after = np.asarray(Pillow.open(kept.made[0].shown))
    asked = page.network.asked
    assert text(browser, "zoom") == "100 %"
    canvas = seen(browser)
    top, left = (canvas.shape[0] - HEIGHT + 1) // 2, (canvas.shape[1] - WIDTH + 1) // 2
    middle = WIDTH // 2

    def shown() -> np.ndarray[Any, Any]:
        return seen(browser)[top : top + HEIGHT, left : left + WIDTH].astype(int)

    def differs(part: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> int:
        return int(np.abs(part - other).max())

    assert differs(shown()[:, : middle - 2], before[:, : middle - 2]) == 0
    assert differs(shown()[:, middle + 2 :], after[:, middle + 2 :]) == 0
    assert differs(before.astype(int), after) > 20

    strength = browser.find_element(By.ID, "strength")
    strength.send_keys(Keys.HOME)
    assert text(browser, "strength-value") == "0.00"
    assert differs(shown(), before) == 0
    strength.send_keys(Keys.END)
    WebDriverWait(browser, 60, 0.05).until(lambda b: text(b, "busy") == "")
    twice = np.asarray(Pillow.open(kept.strongest(0))).astype(int)
    assert differs(twice, after) > 10
    assert differs(shown()[:, middle + 2 :], twice[:, middle + 2 :]) == 0
    split = browser.find_element(By.ID, "split")
    split.send_keys(Keys.ARROW_LEFT)
    assert split.get_attribute("aria-valuetext") == "49 % before, 51 % after"
    split.send_keys(Keys.HOME)
    assert differs(shown(), twice) == 0
    press(browser, "b")
    assert differs(shown(), before) == 0
    press(browser, "b")
    browser.find_element(By.ID, "leave-sharp").click()
    left_sharp = kept.blur_map.sharp()
    partly = before + (1 - left_sharp[:, :, None]) * (twice.astype(float) - before)
    # its map is seen at a quarter
    assert differs(shown(), np.clip(partly, 0, 255)) <= 8
    press(browser, "m")
    assert browser.find_element(By.ID, "scale-of-blur").is_displayed()
    assert differs(shown(), np.clip(partly, 0, 255)) > 40

    browser.find_element(By.ID, "save").click()
    until(browser, "told", "Saved to the browser's downloads: garden-restored.png")
    saved = tmp_path / "garden-restored.png"
    WebDriverWait(browser, 60, 0.05).until(lambda _b: saved.is_file())
    assert saved.read_bytes() == kept.saved(0, 2.0, leave_sharp=True)
    assert page.network.asked == asked  # none of it asked the network again
    browser.find_element(By.ID, "system").send_keys("Other", Keys.ENTER)
    WebDriverWait(browser, 60, 0.05).until(lambda _b: 1 in kept.made)
    assert browser.get_log("browser") == []


def test_a_large_picture_is_seen_restored_in_part_before_the_whole(
    open_page, tmp_path, monkeypatch
):
    monkeypatch.setattr(first_look, "LARGE_PIXELS", WIDTH * HEIGHT)
    monkeypatch.setattr(first_look, "LOOK_PX", (200, 240))
    network = WaitingForWhole(WIDTH)
    with restoring_page(tmp_path, [choice(network)]) as (desk, port):
        browser = open_page(f"http://127.0.0.1:{port}/?token={TOKEN}")
        before = scene(square_px=7)  # squares of 8 px count as enlarged by 2
        try:
            dropped(browser, ("large.png", png(before)), ("next.png", png(before)))
            until(browser, "chip", "First look")
            assert network.reached.wait(60)
            assert text(browser, "explained").startswith(
                "Only a part is restored so far"
            )
            assert (
                browser.find_element(By.CSS_SELECTOR, ".tag.right").text == "First look"
            )
            assert (
                browser.find_element(By.ID, "save").get_attribute("aria-disabled")
                == "true"
            )
            browser.find_element(By.ID, "split").send_keys(Keys.HOME)
            picture, *_ = desk.pictures.values()
            area = picture.look
            shown = seen(browser)
            top, left = (
                (shown.shape[0] - HEIGHT + 1) // 2,
                (shown.shape[1] - WIDTH + 1) // 2,
            )
            picture_shown = shown[top : top + HEIGHT, left : left + WIDTH]
            expected = before.copy()
            part = np.asarray(Pillow.open(picture.look_path(0)))
            rows = slice(area.top, area.top + area.height)
            columns = slice(area.left, area.left + area.width)
            expected[rows, columns] = part
            assert np.array_equal(picture_shown, expected)
            assert not np.array_equal(expected, before)
            browser.find_elements(By.CSS_SELECTOR, "#list button")[1].click()
            until(browser, "said", "Waiting for the picture before it")
            WebDriverWait(browser, 60, 0.05).until(
                lambda b: not b.find_element(By.ID, "split").is_displayed(),
                "nothing of the second picture is restored",
            )
            browser.find_element(By.ID, "stop").click()
            until(browser, "explained", "Stopped.")
            browser.find_elements(By.CSS_SELECTOR, "#list button")[0].click()
            until(browser, "chip", "First look")
        finally:
            network.may_go.set()
        restored(browser)
        assert browser.find_element(By.CSS_SELECTOR, ".tag.right").text == "After"
        whole = np.asarray(Pillow.open(picture.made[0].shown))
        shown = seen(browser)[top : top + HEIGHT, left : left + WIDTH]
        assert np.array_equal(shown, whole)


@pytest.mark.full
def test_zoom_and_pan_by_keyboard_and_wheel(open_page, page):
    browser = open_page(page.url, width=700, height=600)
    dropped(browser, ("wide.png", png(np.tile(scene(), (2, 3, 1)))))
    restored(browser)
    canvas = browser.find_element(By.ID, "canvas")
    WebDriverWait(browser, 60, 0.05).until(lambda b: text(b, "zoom") == "100 %")
    first = seen(browser)
    canvas.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert not np.array_equal(seen(browser), first)
    press(browser, "0")
    whole = canvas.size["width"] / (3 * WIDTH)
    assert text(browser, "zoom") == f"{round(100 * whole)} %"
    press(browser, "+")
    assert text(browser, "zoom") == f"{round(150 * whole)} %"
    press(browser, "1")
    assert text(browser, "zoom") == "100 %"
    webdriver.ActionChains(browser).scroll_from_origin(
        webdriver.common.actions.wheel_input.ScrollOrigin.from_element(canvas), 0, -300
    ).perform()
    until(browser, "zoom", "200 %")


def zoom_percent(browser: webdriver.Chrome) -> float:
    browser.execute_async_script("requestAnimationFrame(() => arguments[0]())")
    return float(text(browser, "zoom").removesuffix(" %"))


def test_two_fingers_zoom_and_one_pans(open_page, page):
    """As a touch screen sends them, through the browser's own input."""
    browser = open_page(page.url)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    dropped(browser, ("a.png", png(scene())))
    restored(browser)
    press(browser, "0")
    whole = zoom_percent(browser)
    box = browser.find_element(By.ID, "canvas").rect
    # beside the line
    middle = (box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)

    def touch(kind: str, *apart_px: tuple[float, float]) -> None:
        points = [
            {"x": middle[0] + right, "y": middle[1] + down, "id": number}
            for number, (right, down) in enumerate(apart_px)
        ]
        what = {"type": kind, "touchPoints": points}
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", what)

    touch("touchStart", (-20, 0))
    touch("touchStart", (-20, 0), (20, 0))
    for apart in (30, 45, 60):
        touch("touchMove", (-apart, 0), (apart, 0))
    touch("touchEnd")
    assert zoom_percent(browser) == pytest.approx(3 * whole, rel=0.05)
    # not the page
    assert browser.execute_script("return window.visualViewport.scale") == 1
    before = seen(browser)
    touch("touchStart", (0, 0))
    touch("touchMove", (40, 0))
    touch("touchEnd")
    after = seen(browser)
    assert zoom_percent(browser) == pytest.approx(3 * whole, rel=0.05)
    width = after.shape[1]
    left, right = before[:, : width // 2 - 60], after[:, 40 : width // 2 - 20]
    # all has gone 40 px to the right
    assert np.abs(left.astype(int) - right).mean() < 1


def test_what_cannot_be_restored_is_said_and_stops_nothing(
    open_page, page, monkeypatch
):
    # more is not seen in a small picture
    monkeypatch.setattr(learned_map, "RESCUED_TO_PX", 20.0)
    browser = open_page(page.url)
    broken = base64.b64encode(b"\xff\xd8 no picture").decode()
    notes = base64.b64encode(b"notes").decode()
    dropped(browser, ("a.jpg", broken), ("b.txt", notes), (HOSTILE, png(scene())))
    restored(browser)
    lines = text(browser, "problem").split("\n")
    assert lines[0].startswith("a.jpg: ")
    assert (
        lines[1]
        == "b.txt: not JPEG, PNG, TIFF, WebP, BMP, HEIC, AVIF, JPEG XL or RAW by its name"
    )
    browser.find_element(By.ID, "close-problem").click()
    assert not browser.find_element(By.ID, "problems").is_displayed()
    assert str(page.desk._folder) not in browser.page_source
    assert text(browser, "picture-name") == HOSTILE.replace("/", "")
    assert browser.find_elements(By.CSS_SELECTOR, "img[src=x]") == []

    asked = page.network.asked
    dropped(browser, ("fog.png", png(scene(60.0))))
    until(browser, "list", "too blurred to rescue")
    browser.find_elements(By.CSS_SELECTOR, "#list button")[1].click()
    until(browser, "chip", "Too blurred to rescue")
    assert page.network.asked == asked
    assert browser.find_element(By.ID, "save").get_attribute("aria-disabled") == "true"
    browser.find_element(By.ID, "save").click()
    assert (
        text(browser, "told") == "Not yet: a picture can be saved once it is restored."
    )
    browser.find_element(By.ID, "again").click()
    until(browser, "chip", "too blurred to rescue")
    restored_anyway = ("Restored, but too blurred to rescue", "Nothing changed")
    WebDriverWait(browser, 60, 0.05).until(lambda b: text(b, "chip") in restored_anyway)
    assert page.network.asked > asked
    browser.refresh()  # the pictures are still there
    until(browser, "list", "fog.png")
    browser.find_element(By.ID, "remove").click()
    browser.find_element(By.ID, "remove").click()
    WebDriverWait(browser, 60, 0.05).until(lambda _b: not page.desk.pictures)
    assert browser.find_element(By.ID, "choose").is_displayed()
    assert browser.title == "Restore pictures – defocus"
    said = [entry["message"] for entry in browser.get_log("browser")]
    assert len(said) == 2
    assert all("status of 422" in line for line in said)


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (1280, "dark")])
def test_it_fits_and_can_be_read_and_heard(open_page, page, width, theme):
    browser = open_page(page.url, width=width, theme=theme)
    assert axe(browser) == {}
    dropped(
        browser, ("a.png", png(scene())), ("b with a longer name.png", png(scene()))
    )
    restored(browser)
    until(browser, "list", "b with a longer name.png\nrestored")
    wait_until_nothing_overflows(browser, width)
    if width < 600:
        for button in browser.find_elements(By.CSS_SELECTOR, "button"):
            assert not button.is_displayed() or button.size["height"] >= 44
    script = CONTRAST.replace("'main *, header *'", "'main *, header *, .buttons *'")
    assert browser.execute_script(script.replace("'.stage'", "'.look'")) == {}
    assert axe(browser) == {}
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = {
        (n["role"]["value"], n.get("name", {}).get("value", ""))
        for n in tree
        if "role" in n
    }
    assert ("slider", "Share of the view that shows the picture before") in named
    assert ("slider", "Strength") in named
    assert ("combobox", "System") in named
    messages = [
        json.loads(entry["message"])["message"]
        for entry in browser.get_log("performance")
    ]
    asked = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    own = page.url.partition("?")[0]
    assert all(url.startswith((own, "data:", "blob:" + own)) for url in asked)
    assert browser.get_log("browser") == []
