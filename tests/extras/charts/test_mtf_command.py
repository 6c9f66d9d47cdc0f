"""The command ``chart mtf`` and its Python function on files."""

import json

import numpy as np
import pytest

import defocus
from defocus.errors import ImageError, InputError
from defocus.extras.charts.accuracy.known_edges import (
    EdgeShot,
    KnownBlur,
    blur_of_mtf50,
    edge_picture,
)
from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.pictures.write import write_image

SHOT = EdgeShot(5.0, noise=0.003, rows=300, columns=200)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """An edge of MTF50 0.15 in the middle of a larger picture."""
    edge = edge_picture(
        blur_of_mtf50("disc", 0.15, 5.0), SHOT, np.random.default_rng(0)
    )
    whole = np.full((400, 320, 3), 0.3)
    whole[40:340, 70:270] = edge[:, :, None]
    path = tmp_path_factory.mktemp("mtf") / "wall.png"
    write_image(path, as_integer(linear_to_srgb(whole), 16))
    return path


def test_the_command_prints_the_numbers(run, picture):
    result = run(
        "defocus-capture",
        "chart",
        "mtf",
        picture,
        "--region",
        "70,40,200,300",
        "--json",
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["mtf50"] == pytest.approx(0.15, rel=0.01)
    assert document["mtf"][15] == [0.15, pytest.approx(0.5, abs=0.01)]
    assert document["colours"]["red"]["shift_px"] == pytest.approx(0, abs=0.01)
    assert document["notes"] == []
    assert document["straightness"]["rms_px"] < 0.05
    assert abs(document["straightness"]["bow_px"]) < 0.1
    text = run("defocus-capture", "chart", "mtf", picture, "--region", "70,40,200,300")
    assert f"MTF50        {document['mtf50']:.4f} cycles/px" in text.stdout
    assert (
        f"straightness {document['straightness']['rms_px']:.3f} px RMS" in text.stdout
    )
    short = run(
        "defocus-capture", "chart", "mtf", picture, "--region", "70,40,200,36", "--json"
    )
    assert json.loads(short.stdout)["straightness"] is None


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("70,40,200", "LEFT,TOP,WIDTH,HEIGHT"),
        ("300,0,200,300", "not in a picture of 320x400"),
        ("0,0,60,39", "no edge"),
    ],
)
def test_bad_regions_are_one_line(run, picture, region, words):
    result = run("defocus-capture", "chart", "mtf", picture, "--region", region)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_from_python_an_array_and_a_file_give_the_same(picture, refused):
    region = (70, 40, 200, 300)
    from_file = defocus.measure_mtf(picture, region)
    grey = edge_picture(KnownBlur("disc", 4.0), SHOT, np.random.default_rng(0))
    assert from_file.mtf50 == pytest.approx(0.15, rel=0.01)
    from_array = defocus.measure_mtf(linear_to_srgb(grey))
    assert from_array.mtf50 == pytest.approx(blur_mtf50(4.0), rel=0.01)
    with refused(ImageError):
        defocus.measure_mtf(grey, (0, 0, 500, 10))
    for region in ((1, 2), (0.5, 0, 20, 20), "x", 5):
        with refused(InputError):
            defocus.measure_mtf(grey, region)  # type: ignore[arg-type]


def blur_mtf50(diameter: float) -> float:
    """MTF50 of a disc and the pixel, from the disc that has it."""
    wanted = np.linspace(0.1, 0.25, 200)
    sizes = [blur_of_mtf50("disc", one, 5.0).size_px for one in wanted]
    return float(np.interp(-diameter, -np.array(sizes), wanted))
