"""What is restored first of a large picture, and whose turn it is."""

import json
import threading

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from defocus.extras.pages.restore import first_look
from defocus.extras.pages.restore.first_look import look_area, part_of
from defocus.extras.pages.restore.turns import Turns
from defocus.pictures.metadata import Metadata
from defocus.pictures.values import OwnPicture, as_shown, as_stored
from defocus.restoration.restoration import restore_colours
from tests.extras.pages.restoring_page import (
    Sharpener,
    Waiting,
    WaitingForWhole,
    choice,
    restoring_page,
)
from tests.extras.pages.test_restore_page import Page, png

LARGE, SMALL = (600, 800), (60, 80)


@pytest.fixture
def few_pixels(monkeypatch):
    """Pictures of half a megapixel count as large."""
    monkeypatch.setattr(first_look, "LARGE_PIXELS", 400_000)
    monkeypatch.setattr(first_look, "LOOK_PX", (160, 240))


def sharp_and_blurred() -> np.ndarray:
    """Details in focus on the left, the same behind a blur at the lower right, else grey."""
    draw = np.random.default_rng(0)
    squares = np.kron(draw.integers(0, 255, (30, 30, 3)), np.ones((8, 8, 1)))
    details = squares.astype(np.uint8)
    picture = np.full((*LARGE, 3), 128, np.uint8)
    picture[100:340, 40:280] = details
    picture[340:580, 540:780] = cv2.blur(details, (15, 15))
    return picture


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_first_look_is_where_details_are_blurred(few_pixels, orientation):
    shown = sharp_and_blurred()
    stored = np.ascontiguousarray(as_stored(shown, orientation))
    tags = Pillow.Exif()
    tags[274] = orientation
    exif = tags.tobytes().removeprefix(b"Exif\0\0")
    picture = OwnPicture(stored, Metadata(exif=exif))
    assert picture.orientation == orientation
    area = look_area(picture)
    assert (area.width, area.height) == (240, 160)
    assert (area.left, area.top) == (560, 440)
    part = part_of(picture, area)
    rows = slice(area.top, area.top + area.height)
    columns = slice(area.left, area.left + area.width)
    assert np.array_equal(as_shown(part.stored, orientation), shown[rows, columns])


@pytest.mark.parametrize("size", [(20, 25_000), (25_000, 20), (640, 700)])
def test_the_first_look_lies_in_a_picture_of_any_shape(few_pixels, size):
    pixels = np.random.default_rng(0).integers(0, 65535, size, np.uint16)
    area = look_area(OwnPicture(pixels, Metadata()))
    assert (area.height, area.width) == (min(160, size[0]), min(240, size[1]))
    assert 0 <= area.top <= size[0] - area.height
    assert 0 <= area.left <= size[1] - area.width


def test_a_small_picture_has_no_first_look(tmp_path):
    with restoring_page(tmp_path, [choice(Sharpener())]) as (desk, port):
        page = Page(desk, port)
        _, document = page.drop(png(*SMALL), "small.png")
        assert document["look"] is None
        assert page.ask(f"/pictures/{document['id']}/look/0")[0] == 404


def test_the_part_is_restored_before_the_map_and_the_whole(few_pixels, tmp_path):
    network = Sharpener()
    with restoring_page(tmp_path, [choice(network)]) as (desk, port):
        page = Page(desk, port)
        _, document = page.drop(png(*LARGE), "large.png")
        place = f"/pictures/{document['id']}"
        status, _, content = page.ask(f"{place}/look/0")
        assert status == 200
        seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[
            :, :, ::-1
        ]
        part = desk.pictures[document["id"]].part
        expected = restore_colours(desk.load(0), part.colours()).restored
        assert np.array_equal(seen, part.with_colours(expected))
        asked = network.asked
        page.ask(f"{place}/look/0")
        assert network.asked == asked  # is kept
        assert not document["mapped"]
        assert page.ask(f"{place}/shown/map")[0] == 404
        status, _, answer = page.ask(f"{place}/map", b"")
        assert (status, json.loads(answer)["mapped"]) == (200, True)
        assert page.ask(f"{place}/shown/map")[0] == 200
        assert network.asked == asked
        for path in (f"{place}/look/1", "/pictures/99/look/0"):
            assert page.ask(path)[0] == 404
        assert page.ask("/pictures/99/map", b"")[0] == 404


def test_the_first_look_goes_before_a_whole_picture_between_its_tiles(
    few_pixels, tmp_path
):
    network = Waiting()  # in front of tiles of 256 px and of parts
    with restoring_page(tmp_path, [choice(network)], tile_px=256) as (desk, port):
        page = Page(desk, port)
        _, one = page.drop(png(*LARGE), "one.png")
        _, other = page.drop(png(*LARGE), "other.png")
        ends: list[str] = []

        def restore() -> None:
            page.ask(f"/pictures/{one['id']}/restore", b'{"system": "0"}')
            ends.append("whole")

        def look() -> None:
            page.ask(f"/pictures/{other['id']}/look/0")
            ends.append("look")

        threads = [threading.Thread(target=restore), threading.Thread(target=look)]
        threads[0].start()
        assert network.reached.wait(60)
        threads[1].start()
        while not desk._turns._looks:
            threads[1].join(0.01)
        network.may_go.set()
        for thread in threads:
            thread.join(60)
        assert ends == ["look", "whole"]


def test_first_looks_go_before_whole_pictures_that_wait():
    turns = Turns()
    order: list[str] = []

    def whole() -> None:
        with turns.whole():
            order.append("whole")

    def look() -> None:
        with turns.look():
            order.append("look")

    with turns.whole():
        threads = [threading.Thread(target=whole), threading.Thread(target=look)]
        threads[0].start()
        threads[1].start()
        while not turns._looks:
            threads[1].join(0.01)
        assert order == []
        turns.give_way()
        assert order == ["look"]
    for thread in threads:
        thread.join(60)
    assert order == ["look", "whole"]


def test_a_first_look_is_stopped_and_a_removed_picture_has_none(few_pixels, tmp_path):
    network = WaitingForWhole(LARGE[1])
    with restoring_page(tmp_path, [choice(network)]) as (desk, port):
        page = Page(desk, port)
        _, one = page.drop(png(*LARGE), "one.png")
        _, other = page.drop(png(*LARGE), "other.png")
        answers: list[int] = []

        def restore() -> None:
            answers.append(
                page.ask(f"/pictures/{one['id']}/restore", b'{"system": "0"}')[0]
            )

        def look() -> None:
            answers.append(page.ask(f"/pictures/{other['id']}/look/0")[0])

        threads = [threading.Thread(target=restore), threading.Thread(target=look)]
        threads[0].start()
        assert network.reached.wait(60)
        threads[1].start()
        while not desk._turns._looks:
            threads[1].join(0.01)
        assert page.ask(f"/pictures/{other['id']}/stop", b"")[0] == 202
        network.may_go.set()
        for thread in threads:
            thread.join(60)
        assert sorted(answers) == [200, 409]
        picture = desk.pictures[other["id"]]
        assert not picture.look_path(0).exists()
        assert page.ask(f"/pictures/{other['id']}/remove", b"")[0] == 200
        assert page.ask(f"/pictures/{other['id']}/look/0")[0] == 404
