"""One command under two names, the map of blur that it writes, and the memory that it takes."""

import sys
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from numpy.typing import NDArray

from defocus import __version__
from defocus.baselines.registry import baseline
from defocus.command_line.commands import command_group, single_command
from defocus.errors import InputError, StorageError
from defocus.restoration import run as module
from defocus.restoration.command import command
from defocus.restoration.journal import Restored
from tests.command_process import run_python
from tests.restoration.test_restore import made_in


def program() -> click.Command:
    return single_command("defocus-restore", command)


def second_name() -> click.Command:
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")
    second = group.get_command(click.Context(group), "restore")
    assert second is not None
    return second


def options_of(one: click.Command) -> list[list[str]]:
    return [option.opts for option in one.params]


def test_both_names_have_the_same_options():
    second = options_of(second_name())
    assert options_of(program()) == [*second, ["--version"]]
    assert options_of(second_name()) == second, (
        "what a program has besides stays its own"
    )


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_the_programs(word):
    CliRunner().invoke(command, ["--help"])  # click keeps its option of help
    result = CliRunner().invoke(program(), [word], prog_name="defocus-restore")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: defocus-restore [OPTIONS] [IMAGES]...\n")
    assert "Common options:\n" in result.output


def test_the_version_is_the_packages():
    result = CliRunner().invoke(program(), ["--version"])
    assert (result.exit_code, result.output) == (
        0,
        f"defocus-restore, version {__version__}\n",
    )


def test_its_variables_begin_with_its_name():
    words, variables = ["a.png", "--print-config"], {"DEFOCUS_RESTORE_STRENGTH": "0.5"}
    result = CliRunner().invoke(
        program(), words, prog_name="defocus-restore", env=variables
    )
    assert result.output.startswith("[defocus-restore]\n")
    assert "strength = 0.5  # environment\n" in result.output


@pytest.mark.parametrize("name", [("defocus-restore",), ("defocus-bench", "restore")])
def test_what_is_wrong_is_said_by_the_program_that_was_called(name, run, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((32, 48, 3), 90, np.uint8))
    unknown = run(*name, "a.png", "--baseline", "wienr", code=2)
    assert unknown.stderr.startswith(f"{name[0]}: ")
    assert "did you mean 'wiener'" in unknown.stderr
    missing = run(
        *name, "a.png", "b.png", "--baseline", "wiener", "--strength", "0", code=2
    )
    assert "b.png is left out: no such picture or folder\n" in missing.stderr
    assert missing.stdout.startswith("restored/a.png: 48x32, 8 bits")
    assert missing.stdout.endswith("\nrestored: 1 picture restored, 1 left out\n")
    result = run(*name, "a.png", "--baseline", "wiener", "--strength", "0", code=0)
    assert result.stdout.endswith("; done before\n")


@pytest.fixture
def picture(tmp_path):
    drawn = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), drawn)
    return tmp_path / "a.png"


def restored(picture: Path, map_file: Path | None) -> Restored:
    out, system = picture.parent / "out", baseline("input")
    (restoration,) = made_in(out, picture, network=system, map=map_file)
    return restoration


def test_a_map_is_made_of_what_was_restored_before(picture, refused):
    assert restored(picture, None).map == ""
    target, wanted = (
        picture.parent / "out" / "a.png",
        picture.parent / "maps" / "blur.tif",
    )
    before = target.stat().st_mtime_ns
    assert restored(picture, wanted).map == str(wanted)
    first = tifffile.imread(wanted)
    assert first.shape == (40, 56)
    for path in (wanted, wanted.with_suffix(".png")):
        path.unlink()
        assert restored(picture, wanted).reason == ""
        assert path.is_file()
    np.testing.assert_array_equal(tifffile.imread(wanted), first)
    assert target.stat().st_mtime_ns == before
    assert restored(picture, None).map == ""
    mine = picture.with_name("mine.png")
    mine.write_bytes(b"mine")
    with refused(InputError):
        restored(picture, mine)
    assert mine.read_bytes() == b"mine"


def test_a_map_that_cannot_be_written_is_refused_at_once(picture, monkeypatch, refused):
    def never(*_: Any) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(module.PictureStages, "read", never)
    with refused(InputError):
        restored(picture, picture.parent / "blur.jpg")
    with refused(InputError):
        restored(picture, picture.parent / "out" / "a.tif")
    other, map_file = picture.with_name("b.png"), picture.with_name("blur.png")
    with refused(InputError):
        made_in(picture.parent / "out", picture, other, map=map_file)
    with refused(StorageError):
        restored(picture, picture / "blur.png")
    if sys.platform == "linux":  # where root may not write either
        with pytest.raises(StorageError, match=r"^cannot write /proc: \w"):
            restored(picture, Path("/proc/blur.png"))
    assert not (picture.parent / "out").exists()


PROGRAM = """
import itertools
import sys
from pathlib import Path
import torch
from defocus.baselines.layers.row_strips import Strip
from defocus.baselines.registry import baseline
from defocus.baselines.systems.defocus_own.network import DefocusUNet
from defocus.baselines.weights.store import find_weights
from defocus.restoration.run import restore_pictures
from defocus.restoration.settings import RestoreSettings

in_strips, sizes = DefocusUNet.in_strips, []
def of_a_few(network, strips):
    def beginning():
        rows = 0
        for strip in strips:
            rows += strip.height
            last = strip.last or rows >= 1024
            yield Strip(strip.rows, last)
            if last:
                return
    first = next(strips)
    sizes.append(first.rows.shape[3])
    strips = itertools.chain([first], strips)
    yield from in_strips(network, beginning())
    yield from strips
DefocusUNet.in_strips = of_a_few
torch.set_num_threads(2)

system = baseline("defocus-m")
settings = RestoreSettings(out=Path(sys.argv[2]))
arguments = find_weights(system, "own"), torch.device("cpu"), settings
(done,) = restore_pictures([Path(sys.argv[1])], system, *arguments)
assert not done.reason, done.reason
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(len(set(sizes)), 1024 * int(status["VmHWM"].split()[0]))
"""


@pytest.mark.full
@pytest.mark.skipif(
    sys.platform != "linux", reason="the peak is read as Linux tells it"
)
@pytest.mark.parametrize(
    ("width", "height", "sizes", "most_bytes"),
    [(4000, 3000, 1, 1.5e9), (6000, 4000, 1, 1.8e9), (9504, 6336, 2, 2.5e9)],
    ids=["12 MP", "24 MP", "60 MP, restored at two sizes"],
)
def test_a_large_picture_takes_bounded_memory(
    tmp_path, width, height, sizes, most_bytes
):
    """With map of blur, guard, reading and writing; 1024 rows of each size are restored.

    Further rows take no more. Linux gives KiB. ``ru_maxrss`` will not do: a child begins with the
    peak of its parent."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (500, 500, 3)).astype(np.uint8)
    part = cv2.GaussianBlur(noise, (0, 0), 2)
    repeats = (-(-height // 500), -(-width // 500), 1)
    picture = np.tile(part, repeats)[:height, :width]
    if sizes == 2:
        picture[height // 2 :] = np.tile(strongly_blurred(part), repeats)[
            : height - height // 2, :width
        ]
    cv2.imwrite(str(tmp_path / "a.jpg"), picture)
    result = run_python(PROGRAM, tmp_path / "a.jpg", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    restored, peak_bytes = result.stdout.split()[-2:]
    assert int(restored) >= sizes
    assert float(peak_bytes) <= most_bytes


def strongly_blurred(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Behind a circle of confusion of 41 px, with its full contrast again."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (41, 41)).astype(np.float32)
    blurred = cv2.filter2D(picture, cv2.CV_32F, disc / disc.sum())
    rounded = cv2.normalize(blurred, blurred, 0, 255, cv2.NORM_MINMAX).round()
    return rounded.astype(np.uint8)
