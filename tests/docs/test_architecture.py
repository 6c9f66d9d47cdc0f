"""The page about the architecture: its picture, its ways and its places are those of the code."""

import re
import sys
import threading
from itertools import dropwhile, groupby
from pathlib import Path
from traceback import walk_stack
from types import FrameType

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from defocus.command_line.commands import command_group
from defocus.pictures.values import as_integer
from defocus.pictures.write import write_image
from defocus.scene.pictures import texture
from defocus.storage.files import make_folder
from research.pages import architecture

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def way(title: str) -> list[str]:
    """The functions of a way, in the page's order."""
    (section,) = re.findall(rf"### {title}\n(.*?)(?=\n##)", PAGE, re.DOTALL)
    stations = re.findall(r"^\| `(defocus\.[\w.]+:[\w.]+)` \|", section, re.MULTILINE)
    assert len(stations) >= 5
    return stations


def call_of(frame: FrameType) -> str:
    """The function of a frame, as the page writes it."""
    return f"{frame.f_globals.get('__name__', '')}:{frame.f_code.co_qualname}"


def stops_before(frame: FrameType) -> tuple[str, ...]:
    """The modules that a call came through, the command first; the main thread waits for others."""
    main, here = threading.main_thread(), threading.current_thread()
    starts = [sys._current_frames()[main.ident]] + ([] if here is main else [frame])
    frames = [one for start in starts for one, _ in [*walk_stack(start)][::-1]]
    names = [call_of(one).partition(":")[0] for one in frames]
    inside = dropwhile(lambda name: ".commands." not in name, names)
    # the bar gives on what it gets
    own = [
        name
        for name in inside
        if name.startswith("defocus.") and name != "defocus.progress"
    ]
    return tuple(name.removeprefix("defocus.") for name, _ in groupby(own))


def assert_followed(
    title: str, stage: str, words: list[str], ends: tuple[str, ...] = ()
) -> set[tuple[str, ...]]:
    """A command calls the page's functions in their order; the ways by which it comes to ends."""
    stations, calls, ways = way(title), [], set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            calls.append(call_of(frame))
            if calls[-1] in ends:
                ways.add(stops_before(frame))

    before = sys.getprofile()
    sys.setprofile(note)
    threading.setprofile(note)
    try:
        group = command_group("defocus", f"defocus.{stage}.commands", "")
        result = CliRunner().invoke(group, words)
    finally:
        threading.setprofile(before)
        sys.setprofile(before)
    assert result.exit_code == 0, result.output
    left = (call for call in calls if call in stations)
    assert [one for one in stations if one not in left] == []
    return ways


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("pairs")
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for role in ("blurry", "sharp"):
            (root / split / role).mkdir(parents=True)
            noise = random.integers(0, 256, (64, 96, 3), dtype=np.uint8)
            cv2.imwrite(
                str(root / split / role / "one.png"), cv2.GaussianBlur(noise, (0, 0), 2)
            )
    return f"pairs:{root}"


def test_the_picture_is_drawn_from_the_code():
    drawn = architecture.PICTURE.read_text(encoding="utf-8")
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [
        name
        for name in re.findall(r"extras/(\w+)/README", table)
        if not (ROOT / "extras" / name).exists()
    ]
    if missing:
        pytest.skip(f"the picture shows extras that are not here: {', '.join(missing)}")
    assert drawn == architecture.drawn(), "run: python -m research.pages.architecture"


def test_every_room_says_what_it_holds():
    for layer in architecture.layers():
        for package in layer:
            for room in architecture.rooms(package):
                text = ROOT / package.replace(".", "/") / room / "__init__.py"
                assert text.read_text(encoding="utf-8").startswith('"""'), text


@pytest.mark.full
def test_a_picture_becomes_a_score(dataset, tmp_path):
    words = [
        "run",
        "--only",
        "input",
        "--dataset",
        dataset,
        "--out",
        str(tmp_path / "study"),
    ]
    end = "defocus.benchmark.scoring.fused:fused_sums"
    ways = assert_followed("A picture becomes a score", "benchmark", words, (end,))
    begin = ("benchmark.commands.run", "benchmark.study.run", "benchmark.study.tasks")
    begin += ("cluster.dispatcher", "processes.workers", "processes.isolation")
    begin += ("benchmark.study.work",)
    last = (
        "evaluation.evaluate",
        "evaluation.picture_scores",
        "scoring.score",
        "scoring.fused",
    )
    assert ways == {(*begin, *(f"benchmark.{name}" for name in last))}


@pytest.mark.full
def test_a_pair_is_measured(tmp_path):
    sharp = as_integer(texture("gravel", 384, 256), 8)
    for role, picture in (
        ("blurry", cv2.GaussianBlur(sharp, (0, 0), 2)),
        ("sharp", sharp),
    ):
        write_image(
            make_folder(tmp_path / "pairs" / "test" / role) / "one.png", picture
        )
    words = ["audit", f"pairs:{tmp_path / 'pairs'}", "--out", str(tmp_path / "audit")]
    shift, flow = (
        "registration.tile_shifts:most_alike_shifts",
        "flow.estimator:DISFlow.__call__",
    )
    ends = (f"defocus.align.{shift}", f"defocus.align.{flow}")
    begin = (
        "datasets.commands.audit",
        "datasets.audit.run",
        "cluster.dispatcher",
        "processes.workers",
        "processes.isolation",
    )
    begin += ("datasets.audit.pair_audit", "datasets.measuring.kept", "align.measure")
    searched = ("align.registration.register", "align.registration.zoom_search")
    assert assert_followed("A pair is measured", "datasets", words, ends) == {
        (*begin, "align.registration.register", "align.registration.tile_shifts"),
        (*begin, *searched, "align.registration.tile_shifts"),
        (*begin, "align.flow.dense", "align.flow.estimator"),
    }


@pytest.mark.full
def test_a_shot_becomes_a_pair(tmp_path):
    aim = [
        "--camera",
        "sim:",
        "--blurry",
        "f/4",
        "--sharp",
        "f/22",
        "--scenes",
        "1",
        "--yes",
    ]
    words = ["shoot", str(tmp_path / "session"), *aim]
    assert_followed("A shot becomes a pair", "capture", words)


@pytest.mark.full
def test_a_step_of_jdrl(dataset, tmp_path):
    settings = tmp_path / "one.toml"
    settings.write_text(
        "[schedule]\nsteps = 1\ncrop_px = 64\nbatch = 1\n", encoding="utf-8"
    )
    aim = [
        "--dataset",
        dataset,
        "--settings",
        str(settings),
        "--out",
        str(tmp_path / "study"),
    ]
    assert_followed("A step of JDRL", "benchmark", ["train", "jdrl-unet", *aim])


def test_places_to_add_a_thing_exist():
    (section,) = re.findall(r"## Where to add a thing\n(.*?)(?=\n## )", PAGE, re.DOTALL)
    places = re.findall(r"`((?:\w+/)+[\w.]+)`", section)
    assert len(places) >= 10
    assert [place for place in places if not (ROOT / place).exists()] == []
