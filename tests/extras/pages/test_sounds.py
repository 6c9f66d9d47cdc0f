"""What one hears beside the bench: every note that the page asks the browser for."""

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.extras.pages.live.scenes import SceneShooter
from tests.browser.conftest import Open
from tests.extras.pages.benches import TOKEN, bench_at_work, served
from tests.extras.pages.test_live_browser import opened, press, until

pytestmark = pytest.mark.debian

CAMERA = "sim:?seed=1&width=240&height=180&scene=steps"
NOTES = {"accept": [880], "warn": [660, 660]}
REJECTED, ACTION, REFUSED = [440, 330, 262], [660, 880], [220]

LISTEN = """
window.heard = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) {
  heard.push(Math.round(this.frequency.value));
  return start.call(this, at);
};
"""


def page_of(open_page: Open, port: int) -> webdriver.Chrome:
    """The page, and an ear."""
    browser = opened(open_page, f"http://127.0.0.1:{port}/?token={TOKEN}")
    browser.execute_script(LISTEN)
    until(browser, "focus-share", "%")
    return browser


def heard(browser: webdriver.Chrome, wanted: list[int]) -> None:
    """Wait for these notes, and forget them."""
    WebDriverWait(browser, 60, 0.05).until(
        lambda b: b.execute_script("return heard") == wanted,
        f"heard {browser.execute_script('return heard')}, not {wanted}",
    )
    browser.execute_script("heard.length = 0")


def shot(browser: webdriver.Chrome, pair: str) -> str:
    """Shoot a pair with a key; its verdict, in the page's attribute."""
    press(browser, "s")
    until(browser, "pair-name", pair)
    return str(browser.find_element(By.ID, "verdict").get_attribute("data-verdict"))


@pytest.mark.full
def test_verdicts_sound_unless_they_are_switched_off(open_page, tmp_path):
    rejecting = f"{CAMERA}&fault=wrong-aperture@4"
    with bench_at_work(tmp_path / "s", rejecting) as work, served(work) as port:
        browser = page_of(open_page, port)
        heard(browser, NOTES[shot(browser, "0001_scene-001")])
        assert shot(browser, "0002_scene-001") == "reject"
        heard(browser, REJECTED)
        browser.find_element(By.ID, "sounds").click()
        shot(browser, "0003_scene-001")
        browser.refresh()
        browser.execute_script(LISTEN)
        until(browser, "counts", "1 rejected")
        assert not browser.find_element(By.ID, "sounds").is_selected(), "as it was left"
        shot(browser, "0004_scene-001")
        heard(browser, [])
        browser.find_element(By.ID, "sounds").click()
        heard(browser, NOTES[shot(browser, "0005_scene-001")])


def test_what_must_be_done_sounds(open_page, tmp_path):
    """The grey card is held and taken away; each press of the key goes on."""
    options = ShootOptions(retake="ask", grey_card=True, strictness="off")
    shooter = SceneShooter(BracketRequest(), options)
    with bench_at_work(tmp_path / "s", CAMERA, shooter) as work, served(work) as port:
        browser = page_of(open_page, port)
        press(browser, "s")
        heard(browser, ACTION)
        # A page that is slower than the bench hears of the newest state alone.
        work.bench.feed.publish("state", {**work.told, "prompt": "take the card out"})
        heard(browser, ACTION)
        press(browser, "s")
        heard(browser, ACTION)
        press(browser, "s")
        until(browser, "pair-name", "0001_scene-001")
        heard(browser, NOTES["accept"])


def test_a_press_in_vain_and_a_lost_camera_sound(open_page, tmp_path):
    with bench_at_work(tmp_path / "s", CAMERA) as work, served(work) as port:
        browser = page_of(open_page, port)
        press(browser, "a")
        until(browser, "notice", "Not now: choose a pair that has been shot")
        heard(browser, REFUSED)
        work.faults.absent, work.faults.lost_at_shot = True, 1
        press(browser, "s")
        until(browser, "problem", "Camera lost: ")
        heard(browser, REJECTED)
