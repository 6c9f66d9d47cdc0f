"""A RAW photograph of the chart, from the file of a sensor to MTF and lens."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.extras.charts.accuracy.lenses import chart_through, kernel_error
from defocus.extras.charts.chart_commands.lens import command as lens
from defocus.extras.charts.chart_commands.read import command as chart_read
from defocus.extras.charts.reading.levels import paper_and_ink
from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.reading.stored_light import stored_light
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import INK_LIGHT, PAPER_LIGHT, photographed
from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.pictures.write import write_image
from defocus.scene.aperture import disc_psf
from defocus.scene.colour_psf import colour_psfs
from defocus.scene.lens_file import read_lens
from defocus.scene.real_lens import RealLens
from tests.capture.raw_sessions import bayer_dng

Floats = NDArray[np.float64]

BLUR_PX = 6.0
PLACES = np.array([(45, 40), (850, 30), (860, 600), (40, 590)], np.float32)


def chart_light() -> Floats:
    corners = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
    place = np.asarray(cv2.getPerspectiveTransform(corners, PLACES), np.float64)
    light = cv2.filter2D(
        photographed(make_sheet(), place, 900, 640), -1, disc_psf(BLUR_PX)
    )
    noise = 0.002 * np.random.default_rng(3).standard_normal(light.shape)
    return np.clip(light + noise, 0.0, 1.0)


def test_a_raw_chart_is_read_in_linear_light(tmp_path, capfd):
    light = np.repeat(chart_light()[:, :, 1:2], 3, axis=2)
    raw = bayer_dng(tmp_path / "chart.dng", light[:, :, 1].copy())
    tiff = tmp_path / "chart.tif"
    write_image(tiff, as_integer(linear_to_srgb(light), 16))
    assert chart_read.main([str(raw), str(tiff), "--json"], standalone_mode=False) == 0
    document, true = json.loads(capfd.readouterr().out)
    medians = [
        float(np.median([edge["mtf50"] for edge in one["edges"] if edge.get("mtf50")]))
        for one in (document, true)
    ]
    assert medians[0] == pytest.approx(medians[1], rel=0.03), "the mosaic alone softens"
    assert sum(edge.get("mtf50") is not None for edge in document["edges"]) == 56
    for one, other in zip(document["leaves"], true["leaves"], strict=True):
        assert one["lost"] == pytest.approx(other["lost"], abs=0.05)
    for star in document["stars"]:
        assert star["turns_at"] == pytest.approx(1.2197 / BLUR_PX, rel=0.05)
    developed = stored_light(raw)
    reading = read_chart(developed)
    assert reading is not None
    paper, ink = paper_and_ink(developed, reading.sheet, reading.geometry)
    # a few noisy pixels of ink; another curve would double it
    assert paper / ink == pytest.approx(PAPER_LIGHT / INK_LIGHT, rel=0.06), "not linear"


LENS = RealLens(4.0, 2.0, 16.0, 8, spherical=1.5)


@pytest.mark.full
@pytest.mark.timeout(900)  # about a minute of processor time
def test_a_lens_is_measured_with_raw_charts(tmp_path, capsys):
    files = [
        bayer_dng(tmp_path / f"{number}.dng", np.clip(light[:, :, 1], 0.0, 1.0))
        for number, light in enumerate(chart_through(LENS, (9.0, 1.0, -8.0)))
    ]
    out = tmp_path / "lens.json"
    width = stored_light(files[0]).shape[1]  # the files say that the camera was turned
    sensor = ("--sensor-width", str(width * LENS.pixel_pitch_um / 1000))
    asked = [*map(str, files), "--out", str(out), "--open-f-number", "2", *sensor]
    assert lens.main(asked, standalone_mode=False) is None
    assert "f/4" in capsys.readouterr().out
    lens_file = read_lens(out)
    assert tuple(lens_file.f_numbers) == (4.0,), "from the files"
    stopped = replace(lens_file.lens, f_number=LENS.f_number)
    for diameter in (6.0, -6.0):
        true, given = (
            colour_psfs(one, diameter, (0.0, 0.0))[1:2].repeat(3, 0)
            for one in (LENS, stopped)
        )
        assert kernel_error(true, given) < 0.15
