"""The page for the lab bench in a real browser, against the simulated camera."""

import json
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from defocus.capture.planning.scene_list import ListedScene
from defocus.capture.quality.shot_findings import PairShots
from defocus.capture.quality.verdict import Quality
from defocus.capture.sessions.damage import check_session
from defocus.capture.taking.shots import series
from defocus.extras.pages.live import camera_slot as seat
from defocus.extras.pages.live.preview import (
    AT_RIM,
    CLIPPED_EDGE,
    NO_EDGE,
    SEVERAL_EDGES,
    TOO_BLURRED,
)
from defocus.extras.pages.serving.access import Share
from defocus.pictures.write import write_image
from tests.browser.conftest import Open, axe, wait_until_nothing_overflows
from tests.capture.raw_sessions import bayer_dng, write_session
from tests.command_process import StartedCommand, start_command
from tests.extras.pages.benches import TOKEN, bench_at_work, served
from tests.extras.pages.conftest import CONTRAST

pytestmark = pytest.mark.debian

CAMERA = "sim:?seed=1&width=240&height=180&scene=steps"
HOSTILE = (
    "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
)


STARTED: list[StartedCommand] = []


@pytest.fixture(autouse=True, scope="module")
def no_server_left():
    """End what a failing test left alive."""
    yield
    for process in STARTED:
        process.kill()


def serve(folder: Path, *arguments: str) -> tuple[StartedCommand, str]:
    process = start_command("defocus-capture", *arguments, folder=folder)
    STARTED.append(process)
    return process, process.stdout.readline().strip()


def end(process: StartedCommand) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def live_page(tmp_path_factory):
    """The address of a page that shoots with the simulated camera, in this process."""
    with (
        bench_at_work(tmp_path_factory.mktemp("live") / "week-20", CAMERA) as work,
        served(work) as port,
    ):
        yield f"http://127.0.0.1:{port}/?token={TOKEN}"


@pytest.fixture(scope="module")
def review_page(tmp_path_factory):
    """The address of a review, and its session: names and reasons are hostile, one file is gone."""
    root = tmp_path_factory.mktemp("review")
    light = np.outer(np.ones(64), np.linspace(0.1, 0.4, 64))
    files = {
        role: bayer_dng(root / f"{role}.dng", light) for role in ("blurry", "sharp")
    }
    write_session(root / "s", [files] * 3, {1: "reject"}, {0: HOSTILE}, {0: HOSTILE})
    process, url = serve(root, "review", "s", "--port", "0")
    yield url, root / "s"
    end(process)


def text(browser: webdriver.Chrome, name: str) -> str:
    return browser.find_element(By.ID, name).text


def until(browser: webdriver.Chrome, name: str, wanted: str) -> None:
    WebDriverWait(browser, 60, 0.05).until(
        lambda b: wanted in text(b, name),
        f"{name} is {text(browser, name)!r}, not {wanted!r}",
    )


def press(browser: webdriver.Chrome, *keys: str) -> None:
    webdriver.ActionChains(browser).send_keys(*keys).perform()


def opened(open_page: Open, url: str, **how: object) -> webdriver.Chrome:
    browser = open_page(url, **how)
    WebDriverWait(browser, 60, 0.05).until(lambda b: "accepted" in text(b, "counts"))
    return browser


def with_a_pair(browser: webdriver.Chrome) -> None:
    """Shoot one, unless there is one."""
    if text(browser, "counts") == "0 accepted":
        press(browser, "s")
    until(browser, "numbers", "Gradient energy")
    if not browser.find_element(By.ID, "members").is_displayed():
        press(browser, "v")


def test_a_scene_by_keyboard(open_page, tmp_path):
    """Look, shoot, see the verdict, take it again, judge, next scene: no mouse, no terminal."""
    process, url = serve(
        tmp_path,
        "live",
        "s",
        "--camera",
        CAMERA,
        "--port",
        "0",
        "--order",
        "sharp-first",
    )
    try:
        shoot_a_scene_by_keyboard(opened(open_page, url), tmp_path / "s")
    finally:
        end(process)


def shoot_a_scene_by_keyboard(browser: webdriver.Chrome, session: Path) -> None:
    assert "token" not in browser.current_url
    until(browser, "camera-name", "Simulated camera, Thin lens 50 mm · scene-001")
    until(browser, "focus-share", "%")
    assert (
        browser.find_element(By.ID, "live-picture").get_property("naturalWidth") == 240
    )
    overlay = browser.find_element(By.ID, "live-peaking")
    assert overlay.is_displayed()
    press(browser, "p")
    assert not overlay.is_displayed()
    assert (
        browser.find_element(By.ID, "histogram-0").get_attribute("d").count("L") == 63
    )
    assert "clipped 0.0 %" in text(browser, "clipping")

    picture = browser.find_element(By.ID, "live-picture")
    webdriver.ActionChains(browser).move_to_element_with_offset(
        picture, 20, 10
    ).click().perform()
    magnified = browser.find_element(By.ID, "magnified")
    WebDriverWait(browser, 20, 0.05).until(
        lambda _b: magnified.get_property("naturalWidth") == 192
    )
    reasons = f"{NO_EDGE}|{SEVERAL_EDGES}|{CLIPPED_EDGE}|{AT_RIM}|{TOO_BLURRED}"
    mtf, sharp, aim = text(browser, "edge-mtf").splitlines()
    assert aim == "The largest is in focus."
    assert re.fullmatch(
        rf"{reasons}|MTF50 0\.\d{{3}} cycles/px · best so far 0\.\d{{3}}", mtf
    )
    assert re.fullmatch(r"detail \d+\.\d\d % per px · best so far \d+\.\d\d", sharp)
    assert re.fullmatch(r"\d+\.\d\d", text(browser, "detail"))
    of_edges, of_detail = (
        e.text for e in browser.find_elements(By.CLASS_NAME, "focus-share")
    )
    assert re.fullmatch(r"\d+ %\s+of the edges in focus", of_edges)
    aim = r"% per px of detail: the largest is in focus \(so far \d+\.\d\d\)"
    assert re.fullmatch(rf"\d+\.\d\d\s+{aim}", of_detail)
    best = browser.find_element(By.ID, "best-detail")
    assert best.value_of_css_property("font-size") == "14px", (
        "the number of now is the large one"
    )
    browser.find_element(By.ID, "magnifier").click()
    WebDriverWait(browser, 20, 0.05).until(lambda _b: not magnified.is_displayed())
    assert not browser.find_element(By.ID, "spot").is_displayed()

    press(browser, "s")
    until(browser, "pair-name", "0001_scene-001")
    assert text(browser, "verdict") in ("accepted", "warned")
    until(browser, "numbers", "Gradient energy, sharp over blurry")
    until(browser, "sharp-settings", "f/22, 1/4 s, ISO 100")
    assert text(browser, "blurry-settings") == "f/4, 1/125 s, ISO 100"

    press(browser, "r")
    until(browser, "pair-name", "0002_scene-001")
    until(browser, "counts", "1 rejected")
    press(browser, Keys.ARROW_LEFT)
    until(browser, "reason", "taken again as 0002_scene-001")
    until(browser, "measured", "Measured: ")
    press(browser, Keys.ARROW_RIGHT)
    press(browser, "x", "1")
    until(browser, "reason", "somebody or something in the picture")
    body = browser.find_element(By.TAG_NAME, "body")
    press(browser, "v")
    assert body.get_attribute("data-view") == "live"
    press(browser, "x")
    assert body.get_attribute("data-view") == "pair", "in view while a reason is chosen"
    press(browser, *"a hand in the picture", Keys.ENTER)
    until(browser, "reason", "a hand in the picture")
    press(browser, "a")
    press(browser, *"it is part of it", Keys.ENTER)
    until(browser, "verdict", "accepted")
    until(browser, "reason", "it is part of it")

    press(browser, "n")
    until(browser, "dialog-hint", "Leave empty for scene-002.")
    press(browser, *"Shelf; rm -rf", Keys.ENTER)
    until(browser, "camera-name", "Shelf; rm -rf")
    press(browser, "s")
    until(browser, "pair-name", "0003_shelf-rm-rf")
    verdicts = {
        pair.id: (pair.verdict, pair.reason) for pair in check_session(session).pairs
    }
    press(browser, Keys.ARROW_LEFT, "r")
    until(
        browser,
        "dialog-hint",
        "It is of scene scene-001; the next pair would be of Shelf; rm -rf",
    )
    press(browser, Keys.ESCAPE)
    verdict, reason = verdicts["0001_scene-001"]
    assert (verdict, reason.endswith("taken again as 0002_scene-001")) == (
        "reject",
        True,
    )
    assert verdicts["0002_scene-001"] == ("accept", "it is part of it")
    assert len(verdicts) == 3


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_the_magnifier_hides_nothing_and_its_place_is_marked(
    open_page, live_page, width, height
):
    """The mark lies around the click, the magnifier beside the picture, the words beside both."""
    browser = opened(open_page, live_page, width=width, height=height)
    until(browser, "focus-share", "%")
    if browser.find_element(By.TAG_NAME, "body").get_attribute("data-view") != "live":
        press(browser, "v")
    picture = browser.find_element(By.ID, "live-picture")
    before = picture.rect
    webdriver.ActionChains(browser).move_to_element_with_offset(
        picture, 0, 20
    ).click().perform()
    WebDriverWait(browser, 20, 0.05).until(lambda b: text(b, "edge-mtf"))
    time.sleep(0.3)  # the picture has its new height, and the mark follows
    spot, screen, magnified, label = (
        browser.find_element(By.ID, one).rect
        for one in ("spot", "screen", "magnified", "edge-mtf")
    )
    box = picture.rect  # lower than before where the window has no room for both
    down = 20 * box["height"] / before["height"]
    assert spot["x"] + spot["width"] / 2 == pytest.approx(
        box["x"] + box["width"] / 2, abs=3
    )
    middle = box["y"] + box["height"] / 2 + down
    assert spot["y"] + spot["height"] / 2 == pytest.approx(middle, abs=3)
    assert spot["width"] == pytest.approx(spot["height"], abs=1)
    assert magnified["y"] >= screen["y"] + screen["height"]
    beside = label["x"] >= magnified["x"] + magnified["width"]
    assert beside or label["y"] >= magnified["y"] + magnified["height"]


def test_keys_that_are_typed_into_a_field_are_text(open_page, live_page):
    browser = opened(open_page, live_page)
    until(browser, "camera-name", "·")
    scene = text(browser, "camera-name")
    press(browser, "n")
    press(browser, *"snap", Keys.ESCAPE)
    dialog = browser.find_element(By.ID, "dialog")
    WebDriverWait(browser, 20, 0.05).until(lambda _b: not dialog.is_displayed())
    press(browser, "n")
    assert browser.find_element(By.ID, "dialog-text").get_property("value") == ""
    press(browser, Keys.ESCAPE)
    WebDriverWait(browser, 20, 0.05).until(lambda _b: not dialog.is_displayed())
    assert text(browser, "busy") == ""
    assert text(browser, "camera-name") == scene


def test_pairs_have_the_viewer_of_the_reports(open_page, live_page):
    browser = opened(open_page, live_page)
    with_a_pair(browser)
    WebDriverWait(browser, 20, 0.05).until(
        lambda b: b.find_elements(By.CSS_SELECTOR, "#viewer .stage img.right")
    )
    share = browser.find_element(By.CSS_SELECTOR, "#viewer .stage input")
    blink, _, _, displacement = browser.find_elements(
        By.CSS_SELECTOR, "#viewer .tools button"
    )
    share.send_keys(Keys.END)
    assert share.get_attribute("value") == "100"
    press(browser, "b")  # motion is unwanted in this browser: each press turns
    assert (blink.get_attribute("aria-pressed"), share.get_attribute("value")) == (
        "true",
        "0",
    )
    share.send_keys("b")  # the slider has the focus, and takes no letters
    assert (blink.get_attribute("aria-pressed"), share.get_attribute("value")) == (
        "false",
        "100",
    )
    assert displacement.text.startswith("Displacement × ")
    arrows = browser.find_element(By.CSS_SELECTOR, "#viewer img.over")
    assert not arrows.is_displayed()
    displacement.send_keys(Keys.SPACE)
    assert arrows.is_displayed()
    assert (
        arrows.size == browser.find_element(By.CSS_SELECTOR, "#viewer img.right").size
    )


def test_one_to_one_shows_the_same_pixels_of_both_and_is_kept_for_the_next_pair(
    open_page, tmp_path
):
    """The originals are larger than the page's pictures; a reject goes on to the next pair."""
    import numpy as np

    from defocus.pictures.write import write_image

    write_image(tmp_path / "p.png", np.zeros((60, 2400, 3), np.uint8))
    pair = dict.fromkeys(("blurry", "sharp"), tmp_path / "p.png")
    write_session(tmp_path / "s", [pair] * 3, {1: "reject"})
    with bench_at_work(tmp_path / "s", uri=None) as work, served(work) as port:
        browser = opened(open_page, f"http://127.0.0.1:{port}/?token={TOKEN}")
        until(browser, "pair-name", "0001_desk")
        WebDriverWait(browser, 20, 0.05).until(
            lambda b: b.find_elements(By.CSS_SELECTOR, "#viewer .stage img.left")
        )
        press(browser, "z")
        tag = "return document.querySelector('.stage .tag.right').dataset.percent"
        boxes = (
            "return [...document.querySelectorAll('.stage img:not(.over)')].map((image) => {"
            "const box = image.getBoundingClientRect(); return [box.x, box.y, box.width] })"
        )
        wait = WebDriverWait(browser, 20, 0.05)
        wait.until(lambda b: b.execute_script(tag) == " · 100 %")
        before = browser.execute_script(boxes)
        assert before[0] == before[1]
        assert before[0][2] == pytest.approx(2400, abs=1)
        stage = browser.find_element(By.CSS_SELECTOR, "#viewer .stage")
        drag = webdriver.ActionChains(browser).move_to_element_with_offset(
            stage, -60, 5
        )
        drag.click_and_hold().move_by_offset(-50, 0).release().perform()
        after = browser.execute_script(boxes)
        assert after[0] == after[1]
        assert after[0][0] == pytest.approx(before[0][0] - 50, abs=2)
        press(browser, "x", "4")
        until(browser, "pair-name", "0002_desk")
        wait.until(lambda b: b.execute_script(boxes)[:1] == after[:1])
        browser.find_element(By.CSS_SELECTOR, "#filter [value=reject]").click()
        until(browser, "shown", "2 of 3")
        thumbs = browser.find_elements(By.CSS_SELECTOR, ".sheet li")
        assert [thumb.is_displayed() for thumb in thumbs] == [True, True, False]
        sizes = {
            pair.id: (pair.verdict, pair.reason)
            for pair in check_session(tmp_path / "s").pairs
        }
        assert sizes["0001_desk"] == ("reject", "not in focus")


@pytest.mark.full
def test_a_filtered_review_fits_and_says_when_all_is_seen(open_page, tmp_path):
    """The filters keep to one row above whole pictures; on a phone the name has its own line."""
    light = np.outer(np.ones(64), np.linspace(0.1, 0.4, 64))
    pair = {
        role: bayer_dng(tmp_path / f"{role}.dng", light) for role in ("blurry", "sharp")
    }
    write_session(tmp_path / "s", [pair] * 3, {1: "reject"})
    box = "return document.querySelector(arguments[0]).getBoundingClientRect()"
    with bench_at_work(tmp_path / "s", uri=None) as work, served(work) as port:
        address = f"http://127.0.0.1:{port}/?token={TOKEN}"
        for width, height in ((1280, 800), (390, 844)):
            browser = opened(open_page, address, width=width, height=height)
            until(browser, "pair-name", "_desk")
            browser.find_element(By.CSS_SELECTOR, "#filter [value=unseen]").click()
            browser.find_element(By.CSS_SELECTOR, "#filter [value=reject]").click()
            until(browser, "shown", "1 of 3")
            places = [
                browser.execute_script(box, one)
                for one in ("#shown", "#filter", "#scenes")
            ]
            middles = [place["y"] + place["height"] / 2 for place in places]
            assert max(middles) - min(middles) < 8, f"one row at {width} px"
            thumb = browser.execute_script(box, ".sheet li:not([hidden]) .thumb")
            sheet = browser.execute_script(box, "#sheet")
            assert thumb["top"] >= max(sheet["top"], places[1]["bottom"])
            assert thumb["bottom"] <= sheet["bottom"] + 1
        name, verdict = (
            browser.execute_script(box, one) for one in ("#pair-name", "#verdict")
        )
        assert name["bottom"] <= verdict["top"] + 1, "on a phone the name stands above"
        browser = opened(open_page, address)
        until(browser, "pair-name", "0001_desk")
        for number in (1, 2, 3):
            until(browser, "pair-name", f"000{number}_desk")
            assert text(browser, "notice") == ""
            if number != 2:
                press(browser, "x", "4")
            else:
                press(browser, "a", "1")
        until(
            browser,
            "notice",
            "That was the last unseen pair; all have a person's verdict.",
        )


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_width_scrolls_sideways(open_page, live_page, width):
    browser = opened(open_page, live_page, width=width, height=800)
    until(browser, "focus-share", "%")
    wait_until_nothing_overflows(browser, width)
    if width < 600:
        script = (
            "const n = document.getElementById('notice'); "
            "n.textContent = 'Not now: it is busy.';"
        )
        assert browser.execute_script(f"{script} return n.offsetWidth") > 0.9 * width
        press(browser, "n")
        assert browser.find_element(By.ID, "dialog").size["width"] <= width
        press(browser, Keys.ESCAPE)
        browser.execute_script("document.getElementById('notice').textContent = ''")
        buttons = browser.find_elements(By.CSS_SELECTOR, ".buttons [data-do]")
        assert len(buttons) == 5
        assert len({button.rect["y"] for button in buttons}) == 1, "one row"
        for button in buttons:
            assert button.size["height"] >= 44
            whole = "return arguments[0].scrollWidth <= arguments[0].clientWidth"
            assert browser.execute_script(whole, button), button.text
        assert browser.find_element(By.ID, "buttons").size["height"] <= 56


def test_what_is_said_of_a_shot_does_not_move_the_picture(open_page, live_page):
    browser = opened(open_page, live_page, width=1280, height=800)
    until(browser, "focus-share", "%")
    box = "document.getElementById('screen').getBoundingClientRect().toJSON()"
    say = "document.getElementById('busy').textContent = "
    before, after = browser.execute_script(
        f"{say}''; const before = {box}; {say}'Shooting the sharp picture'; return [before, {box}]"
    )
    assert before == after


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast_in_both_themes(open_page, live_page, theme):
    browser = opened(open_page, live_page, theme=theme)
    with_a_pair(browser)
    until(browser, "numbers", "Gradient energy")
    paper = browser.find_element(By.TAG_NAME, "body").value_of_css_property(
        "background-color"
    )
    brightness = sum(
        map(int, paper.removeprefix("rgba(").removeprefix("rgb(").split(",")[:2])
    )
    assert (brightness > 400) is (theme == "light")
    script = CONTRAST.replace("'main *, header *'", "'main *, header *, .buttons *'")
    assert browser.execute_script(script.replace("'.stage'", "'.screen'")) == {}


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_while_one_shoots(open_page, live_page, width):
    browser = opened(open_page, live_page, width=width)
    until(browser, "focus-share", "%")
    assert axe(browser) == {}
    with_a_pair(browser)
    press(browser, "x")
    WebDriverWait(browser, 60, 0.05).until(
        lambda b: b.find_element(By.ID, "dialog").is_displayed()
    )
    assert axe(browser) == {}
    press(browser, Keys.ESCAPE)


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_while_one_reviews(open_page, review_page, width):
    browser = opened(open_page, review_page[0], width=width)
    until(browser, "pair-name", "_")
    assert axe(browser) == {}


def test_the_notes_of_a_pair_are_whole_however_much_its_verdict_says(
    open_page, review_page
):
    browser = opened(open_page, review_page[0], width=1280, height=620)
    until(browser, "pair-name", "_")
    browser.execute_script(
        "document.getElementById('reason').textContent = 'the pair moved '.repeat(400)"
    )
    box = "return document.querySelector(arguments[0]).getBoundingClientRect()"
    card = browser.execute_script(box, ".verdict-card")
    notes = browser.execute_script(box, ".notes")
    assert card["top"] < notes["top"]
    assert notes["bottom"] <= card["bottom"]


def test_buttons_move_the_focus_of_a_camera_with_a_motor(open_page, live_page):
    browser = opened(open_page, live_page)
    until(browser, "focus-share", "%")

    def detail(_: webdriver.Chrome) -> int:
        """Length of the live picture, a JPEG, which grows with detail."""
        return len(
            browser.find_element(By.ID, "live-picture").get_attribute("src") or ""
        )

    def move(words: str) -> None:
        for _ in range(8):
            browser.find_element(
                By.XPATH, f"//div[@id='motor']/button[.='{words}']"
            ).click()

    before = detail(browser)
    move("much nearer")
    WebDriverWait(browser, 60, 0.05).until(lambda b: detail(b) < 0.9 * before)
    move("much farther")
    WebDriverWait(browser, 60, 0.05).until(lambda b: detail(b) > 0.95 * before)
    assert text(browser, "problem") == ""


def test_names_and_roles_for_those_who_do_not_see(open_page, live_page):
    browser = opened(open_page, live_page)
    until(browser, "focus-share", "%")
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if "role" in node
    }
    assert ("toolbar", "What to do") in named
    assert ("image", "Histogram of the live picture in linear light") in named
    assert any(
        role == "checkbox" and name.startswith("Focus peaking") for role, name in named
    )
    assert not [
        role for role, name in named if role in ("button", "checkbox") and not name
    ]
    browser.execute_script("document.querySelector('.skip').focus()")
    press(browser, Keys.ENTER, Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("data-do") == "shoot"


def test_nothing_but_this_server_is_asked_and_the_console_is_empty(
    open_page, live_page
):
    browser = opened(open_page, live_page)
    until(browser, "focus-share", "%")
    assert browser.get_log("browser") == []
    messages = [
        json.loads(entry["message"])["message"]
        for entry in browser.get_log("performance")
    ]
    asked = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    own = live_page.partition("?")[0]
    assert {url for url in asked if not url.startswith("data:")}
    assert all(url.startswith((own, "data:")) for url in asked)


def test_a_wrong_token_shows_nothing(open_page, live_page):
    other = live_page.replace("127.0.0.1", "localhost").partition("?")[0]
    browser = open_page(f"{other}?token={'x' * 43}")
    body = browser.find_element(By.TAG_NAME, "body").text
    assert body == "open the address that the command printed: it holds the token"


def test_a_review_judges_by_keyboard_and_shoots_nothing(open_page, review_page):
    url, root = review_page
    browser = opened(open_page, url)
    assert text(browser, "counts") == "2 accepted · 1 rejected"
    buttons = browser.find_elements(By.CSS_SELECTOR, "#buttons [data-do]")
    assert [each.get_attribute("data-do") for each in buttons] == ["accept", "reject"]
    until(browser, "pair-name", "0001_desk")  # the first that nobody has decided on
    press(browser, "s", "r", "n")
    press(browser, Keys.ARROW_RIGHT)
    until(browser, "pair-name", "0002_desk")
    press(browser, "a")
    press(browser, *"good enough", Keys.ENTER)
    until(browser, "pair-name", "0003_desk")
    until(browser, "counts", "3 accepted")
    press(browser, Keys.ARROW_LEFT, "x")
    press(browser, *HOSTILE, Keys.ENTER)
    until(browser, "pair-name", "0003_desk")
    press(browser, Keys.ARROW_LEFT)
    until(browser, "reason", HOSTILE)
    assert browser.title == "s – defocus"
    verdicts = {
        pair.id: (pair.verdict, pair.reason) for pair in check_session(root).pairs
    }
    assert verdicts["0002_desk"] == ("reject", HOSTILE)
    assert all(file.ok for pair in check_session(root).pairs for file in pair.files)


@pytest.mark.parametrize(("width", "height"), [(1280, 600), (390, 600)])
def test_on_a_low_screen_the_question_is_whole_and_numbers_keep_their_units(
    open_page, live_page, width, height
):
    browser = opened(open_page, live_page, width=width, height=height)
    with_a_pair(browser)
    values = browser.find_elements(By.CSS_SELECTOR, "#numbers dd")
    texts = [str(each.get_property("textContent")) for each in values]
    assert any("\u00a0EV" in one for one in texts)
    assert [one for one in texts if re.search(r"\d [^(]| \d", one)] == []
    press(browser, "x")
    WebDriverWait(browser, 60, 0.05).until(
        lambda b: b.find_element(By.ID, "dialog").is_displayed()
    )
    box = browser.find_element(By.ID, "dialog").rect
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= height
    press(browser, Keys.ESCAPE)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_twenty_pairs_on_the_verdict_is_still_in_view(
    open_page, tmp_path, width, height
):
    """The list scrolls by itself: picture, verdict, reason and numbers stay above the buttons."""
    write_image(tmp_path / "p.png", np.full((30, 40, 3), 90, np.uint8))
    write_session(
        tmp_path / "s", [dict.fromkeys(("blurry", "sharp"), tmp_path / "p.png")] * 22
    )
    with bench_at_work(tmp_path / "s", uri=None) as work, served(work) as port:
        address = f"http://127.0.0.1:{port}/?token={TOKEN}"
        browser = opened(open_page, address, width=width, height=height)
        until(browser, "pair-name", "0001_desk")
        press(browser, *[Keys.ARROW_RIGHT] * 20)
        until(browser, "pair-name", "0021_desk")
        until(browser, "numbers", "Clipped")
        assert browser.execute_script("return scrollY") == 0
        (thumb,) = browser.find_elements(By.CSS_SELECTOR, "[aria-current=true]")
        stage = browser.find_element(By.CSS_SELECTOR, "#viewer .stage")
        shown = [
            browser.find_element(By.ID, name)
            for name in ("verdict", "reason", "numbers")
        ]
        end = browser.find_element(By.ID, "buttons").rect["y"]
        for each in (thumb, stage, *shown):
            box = browser.execute_script(
                "return arguments[0].getBoundingClientRect()", each
            )
            assert 0 <= box["left"] <= box["right"] <= width
            assert 0 <= box["top"] <= box["bottom"] <= end
        kept = [
            kbd.is_displayed()
            for kbd in browser.find_elements(By.CSS_SELECTOR, ".buttons kbd")
        ]
        assert kept == [width > 600] * 2


def test_who_only_looks_magnifies_a_place_of_his_own(open_page, tmp_path):
    share = Share("v" * 43, "192.168.1.5:8077", control=False)
    with bench_at_work(tmp_path / "s", CAMERA) as work, served(work, share) as port:
        browser = opened(open_page, f"http://127.0.0.1:{port}/?token={share.token}")
        until(browser, "focus-share", "%")
        assert browser.find_elements(By.CSS_SELECTOR, "[data-do=shoot]") == []
        magnifier, magnified = (
            browser.find_element(By.ID, name) for name in ("magnifier", "magnified")
        )
        assert not magnifier.is_displayed()
        browser.find_element(By.ID, "live-picture").click()
        wait = WebDriverWait(browser, 20, 0.05)
        wait.until(lambda _b: magnified.get_property("naturalWidth") == 192)
        assert magnifier.is_displayed()
        browser.refresh()
        until(browser, "focus-share", "%")
        assert not browser.find_element(By.ID, "magnifier").is_displayed(), (
            "of this viewer alone"
        )


def test_hostile_names_are_text(open_page, review_page):
    browser = opened(open_page, review_page[0])
    browser.find_element(By.CSS_SELECTOR, ".thumb").click()
    until(browser, "reason", HOSTILE)
    assert browser.title == "s – defocus"
    assert browser.find_elements(By.CSS_SELECTOR, "img[src=x]") == []


def test_a_server_that_is_gone_is_said_and_its_return_is_noticed(open_page, tmp_path):
    process, url = serve(tmp_path, "live", "s", "--camera", CAMERA, "--port", "0")
    browser = opened(open_page, url, width=390, height=600)
    until(browser, "focus-share", "%")
    end(process)
    until(browser, "problem", "The connection to the command is lost")
    assert browser.execute_script("scrollTo(0, 9999); return scrollY") > 100
    seen = "return document.getElementById('problem').getBoundingClientRect()"
    assert 0 <= browser.execute_script(seen)["top"] < 300, "wherever one has scrolled"
    assert browser.find_element(By.CSS_SELECTOR, "[data-do=shoot]").get_attribute(
        "aria-disabled"
    ) == "true"  # fmt: skip
    port = url.partition("?")[0].rpartition(":")[2].rstrip("/")
    process, url = serve(tmp_path, "live", "s", "--camera", CAMERA, "--port", port)
    try:
        browser = opened(open_page, url)
        until(browser, "focus-share", "%")
        assert not browser.find_element(By.ID, "problem").is_displayed()
    finally:
        end(process)


def test_a_press_while_it_is_busy_is_refused_where_one_sees_it(
    open_page, tmp_path, monkeypatch
):
    judging, judged = threading.Event(), series.judge_pair

    def slow(shots: PairShots, *arguments: object) -> Quality:
        assert judging.wait(300)
        return judged(shots, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(series, "judge_pair", slow)
    with bench_at_work(tmp_path / "s") as work, served(work) as port:
        try:
            browser = opened(open_page, f"http://127.0.0.1:{port}/?token={TOKEN}")
            until(browser, "focus-share", "%")
            press(browser, "s")
            until(browser, "busy", "judging 0001_scene-001")
            press(browser, "s")
            until(
                browser, "notice", "Not now: judging 0001_scene-001; press again when"
            )
        finally:
            judging.set()
        until(browser, "pair-name", "0001_scene-001")
        WebDriverWait(browser, 60, 0.05).until(
            lambda b: not text(b, "notice"), "it is over"
        )
    assert len(check_session(tmp_path / "s").pairs) == 1


@pytest.mark.full
def test_a_scene_with_a_long_note_is_shot_and_taken_again(open_page, tmp_path):
    """The number to focus by stays in view, the note can grow, Enter does what its button says."""
    scenes = (ListedScene("Desk", "left lamp " * 60), ListedScene("Shelf"))
    with bench_at_work(tmp_path / "s", scene_list=scenes) as work, served(work) as port:
        address = f"http://127.0.0.1:{port}/?token={TOKEN}"
        browser = opened(open_page, address, width=1280, height=800)
        until(browser, "focus-share", "%")
        until(browser, "scene-note", "left lamp")
        browser.execute_script(
            "document.getElementById('notice').textContent = 'Not now'"
        )
        box = "return arguments[0].getBoundingClientRect()"
        card = browser.execute_script(
            box, browser.find_element(By.CSS_SELECTOR, ".live-view")
        )
        for name in ("live-picture", "focus-share", "clipping"):
            shown = browser.execute_script(box, browser.find_element(By.ID, name))
            assert card["top"] < shown["top"] < shown["bottom"] < card["bottom"]
        assert card["bottom"] <= browser.find_element(By.ID, "buttons").rect["y"]

        press(browser, "s")
        until(browser, "pair-name", "0001_desk")
        press(browser, "y", Keys.END, "!", Keys.ENTER)
        until(browser, "note", "lamp !")
        press(browser, "n", Keys.ENTER)
        until(browser, "camera-name", "Shelf")
        press(browser, "r")
        until(browser, "dialog-title", "Retake 0001_desk?")
        press(browser, Keys.ESCAPE)
        assert browser.find_element(By.ID, "dialog").is_displayed() is False
        press(browser, "r")
        until(browser, "dialog-title", "Retake 0001_desk?")
        press(browser, Keys.ENTER)
        work.until(lambda now: now["current"] == "0002_desk" and not now["busy"])


def test_a_lost_camera_is_said_and_its_return_is_noticed(
    open_page, tmp_path, monkeypatch
):
    monkeypatch.setattr(seat, "RETRY_SECONDS", 0.2)
    with bench_at_work(tmp_path / "s") as work, served(work) as port:
        browser = opened(open_page, f"http://127.0.0.1:{port}/?token={TOKEN}")
        until(browser, "focus-share", "%")
        work.faults.lost_at_shot, work.faults.absent = 2, True
        press(browser, "s")
        until(browser, "problem", "Camera lost: ")
        until(
            browser,
            "unfinished",
            "0001_scene-001 was interrupted; Shoot takes it again, Next",
        )
        until(browser, "live-note", "the camera is lost")
        shoot = browser.find_element(By.CSS_SELECTOR, "[data-do=shoot]")
        assert shoot.get_attribute("aria-disabled") == "true"
        press(browser, "s")
        until(browser, "notice", "Not now: there is no camera.")
        work.faults.absent = False
        WebDriverWait(browser, 20, 0.05).until(
            lambda _b: shoot.get_attribute("aria-disabled") == "false"
        )
        assert text(browser, "problem") + text(browser, "notice") == ""
        press(browser, "s")
        until(browser, "pair-name", "0001_scene-001")
        assert text(browser, "unfinished") == ""
    assert (tmp_path / "s/interrupted/0001_scene-001.1/sharp.tif").is_file()
