"""A lens measured with photographs of the chart: fit, file, command, training stream."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from defocus.datasets.api import open_dataset
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import Photographs
from defocus.errors import (
    DatasetError,
    DefocusError,
    ImageError,
    OpticsError,
    SettingsError,
)
from defocus.extras.charts.accuracy.__main__ import command as accuracy
from defocus.extras.charts.accuracy.lenses import (
    LensError,
    chart_through,
    fitted_to_chart,
    kernel_error,
)
from defocus.extras.charts.chart_commands.lens import command
from defocus.extras.charts.lens import fit, numbers
from defocus.extras.charts.lens.fit import fit_lens
from defocus.extras.charts.lens.noise import measure_noise
from defocus.extras.charts.lens.photographs import chart_shots, signed_blur, why_too_few
from defocus.extras.charts.lens.probes import (
    ChartProbe,
    ChartShot,
    largest_blur,
    probes,
)
from defocus.extras.charts.lens.response import explained, left_over
from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import photographed
from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.pictures.write import write_image
from defocus.scene.colour_psf import colour_psfs
from defocus.scene.kernel_bank import KernelBank
from defocus.scene.lens_file import MeasuredLens, read_lens, write_lens
from defocus.scene.real_lens import OffAxis, RealLens, Rim

Floats = NDArray[np.float64]

LENS = RealLens(
    2.4, 2.4, 16.0, spherical=1.5, spherical_6=-0.8, coma=OffAxis(1.0, 2.5),
    astigmatism=OffAxis(0.5, -2.0), axial_colour_um=(60.0, -30.0), lateral_colour_um=(4.0, 7.0),
    front=Rim(-0.4, 1.1), rear=Rim(0.45, 1.1),
)  # fmt: skip
STOPPED = RealLens(
    7.58, 1.82, 16.0, 6, 0.43, 22.0, spherical=8.4, spherical_6=-5.5,
    oblique_spherical=OffAxis(-17.4, -30.5), coma=OffAxis(6.1, 24.5),
    astigmatism=OffAxis(-1.4, 23.7), field_curvature=OffAxis(9.5, -7.6),
    axial_colour_um=(-65.9, 113.0), lateral_colour_um=(-1.9, -5.0),
    front=Rim(-0.57, 1.25), rear=Rim(0.65, 1.11),
)  # fmt: skip
"""A hexagon of a pupil, and diffraction that shows."""
MEASURED = MeasuredLens(LENS, (2.4, 4.0), {"spherical": 0.1}, 0.006)


@pytest.fixture(scope="module")
def shot():
    (light,) = chart_through(LENS, (9.0,))
    reading = read_chart(light)
    assert reading is not None
    return ChartShot(light, reading, LENS.f_number)


def left(shot: ChartShot, lens: RealLens, diameter: float) -> Floats:
    """Root mean square of what a lens leaves of each probe, at the best of a few places."""
    steps = (-0.06, 0.0, 0.06)
    return np.array(
        [
            min(
                np.sqrt(
                    np.mean(left_over(p, explained(p, lens, diameter, (x, y))) ** 2)
                )
                for x in steps
                for y in steps
            )
            for p in list(probes(shot))[::6]
        ]
    )


def test_the_true_lens_explains_its_photograph_and_others_do_not(shot):
    """What is left at the truth is the noise of 0.004 over a contrast of 0.85, nearly."""
    assert len(list(probes(shot))) == 26
    truth = left(shot, LENS, 9.0)
    assert truth.max() < 0.0085
    for other, diameter in (
        (LENS, -9.0),
        (LENS, 9.6),
        (replace(LENS, axial_colour_um=(-60.0, 30.0)), 9.0),
        (replace(LENS, front=Rim(), rear=Rim()), 9.0),
    ):
        assert left(shot, other, diameter).max() > 1.3 * truth.max()


def test_blur_has_a_side_only_beside_a_picture_in_focus(shot):
    with pytest.raises(ImageError, match=r"no picture at f/2\.4 is in focus"):
        fit_lens([shot, shot], 16.0)


@pytest.mark.full
def test_blur_that_is_too_large_for_the_picture_is_named(shot):
    """The chart fills the frame, but its parts are too small for the blur."""
    (light,) = chart_through(LENS, (14.0,))
    reading = read_chart(light)
    assert reading is not None
    strong = ChartShot(light, reading, LENS.f_number, "near.tif")
    most = largest_blur(strong, fit.LEAST_PROBES)
    assert shot.blur_px < most < strong.blur_px
    with pytest.raises(
        ImageError, match=rf"near\.tif: blurred by 1\d\.\d px.* {most} px at most"
    ):
        fit_lens([strong, shot, strong], 16.0)
    assert "it is too small" in why_too_few([strong], 1000)


def test_one_picture_with_too_much_blur_is_named_beside_others_with_less(shot):
    """Its parts have no room, so that the fit went on without it."""
    (light,) = chart_through(LENS, (-25.0,))
    (sharp,) = chart_through(LENS, (1.0,))
    pictures = []
    for name, one in (("focused.tif", sharp), ("far.tif", light)):
        reading = read_chart(one)
        assert reading is not None
        pictures.append(ChartShot(one, reading, LENS.f_number, name))
    with pytest.raises(
        ImageError, match=r"far\.tif: blurred by 2\d\.\d px, too much .* at most"
    ):
        fit_lens([shot, *pictures], 16.0)


def test_a_picture_that_is_given_twice_is_refused(tmp_path, refused):
    (light,) = chart_through(LENS, (5.0,))
    near, far = tmp_path / "near.png", tmp_path / "far.tif"
    for path in (near, far):
        write_image(path, as_integer(linear_to_srgb(light), 16))
    with refused(ImageError):
        chart_shots([near, far], [2.4, 2.4])


@pytest.mark.full
def test_a_soft_lens_has_a_focus_too(shot, refused):
    """Its sharpest picture is blurred by more than the limit, and stands between two others."""
    (light,) = chart_through(LENS, (5.0,))
    reading = read_chart(light)
    assert reading is not None
    sharpest = ChartShot(light, reading, LENS.f_number)
    assert 3.0 < sharpest.blur_px < shot.blur_px
    blur = shot.blur_px
    assert signed_blur([shot, sharpest, shot]).tolist() == [blur, 0.0, -blur]
    with refused(ImageError):
        signed_blur([shot, sharpest])


NUMBERS = {
    "spherical": 1.5, "spherical_6": -0.8, "oblique_07": 0.0, "oblique_corner": 0.0,
    "coma_07": 1.0, "coma_corner": 2.5, "astigmatism_07": 0.5, "astigmatism_corner": -2.0,
    "curvature_07": 0.0, "curvature_corner": 0.0, "axial_red": 60.0, "axial_blue": -30.0,
    "lateral_red": 4.0, "lateral_blue": 7.0, "front_shift": -0.4, "front_radius": 1.1,
    "rear_shift": 0.45, "rear_radius": 1.1, "roundness": 0.5, "turn_deg": 0.0,
}  # fmt: skip
"""Of :data:`LENS`."""
BASE = RealLens(LENS.open_f_number, LENS.open_f_number, LENS.pixel_pitch_um)
OPEN = tuple(name for name in numbers.NUMBERS if name not in numbers.DIAPHRAGM)


def true_end(**other: float) -> fit._State:
    return fit._State({**NUMBERS, **other}, np.array([[9.0, 0.0, 0.0]]))


def seen_in(shot: ChartShot) -> list[fit._Seen]:
    """Its probes, at their places."""
    seen = [fit._Seen(0, probe, LENS.f_number) for probe in probes(shot)]
    for _ in range(2):
        fit._rest(true_end(), seen, BASE, move=True)
    return seen


@pytest.mark.parametrize(("pupil", "place"), [(1.0, 1.0), (0.9, 1.0), (0.6, 0.8)])
def test_a_fit_begins_with_rims_that_cut_light(shot, pupil, place):
    """Others have no derivative and stay: a lens of f/1.5 at f/1.6 was off by 42 %."""
    corner = sorted(probes(shot), key=lambda one: math.hypot(*one.field))[-4:]
    seen = [fit._Seen(0, one, LENS.open_f_number / pupil) for one in corner]
    begun = fit._State(numbers.first_numbers(pupil, place), np.array([[9.0, 0.0, 0.0]]))
    fit._rest(begun, seen, BASE, move=True)
    for shift in ("front_shift", "rear_shift"):
        _, slopes = fit._slopes(begun, seen, BASE, (shift,))
        assert max(np.abs(one[0]).max() for one in slopes) > 1e-3


@pytest.mark.parametrize("degrees", [0, 30, 75])
def test_noise_is_that_of_the_patches_alone_in_a_turned_chart(degrees):
    scale, middle = 2.2, (499.5, 479.5)
    cosine, sine = (
        scale * np.cos(np.radians(degrees)),
        scale * np.sin(np.radians(degrees)),
    )
    turn = np.array([[cosine, -sine], [sine, cosine]])
    off = middle - turn @ (WIDTH / 2, HEIGHT / 2)
    homography = np.vstack([np.column_stack([turn, off]), [0.0, 0.0, 1.0]])
    light = photographed(make_sheet(), homography, 1000, 960)
    light += 0.01 * np.random.default_rng(3).standard_normal(light.shape)
    reading = read_chart(light)
    assert reading is not None
    slope, rest = measure_noise([ChartShot(light, reading, 4.0)])
    assert slope * 0.4 + rest == pytest.approx(1e-4, rel=0.15)


def test_an_over_exposed_photograph_is_refused(tmp_path, refused):
    (light,) = chart_through(LENS, (5.0,))
    write_image(tmp_path / "right.png", as_integer(linear_to_srgb(light), 16))
    write_image(
        tmp_path / "over.png",
        as_integer(linear_to_srgb(np.clip(1.5 * light, 0, 1)), 16),
    )
    (shot,) = chart_shots([tmp_path / "right.png"], [2.4])
    assert shot.blur_px == pytest.approx(5.0, rel=0.2)
    with refused(ImageError):
        chart_shots([tmp_path / "over.png"], [2.4])


@pytest.mark.full
def test_derivatives_of_the_fit_are_exact_to_its_noise(shot):
    """With coarse ones a fit ends beside its goal: rims, coma and lateral colour are a valley."""
    seen = seen_in(shot)
    rest, slopes = fit._slopes(true_end(), seen, BASE, OPEN)
    matrix, right = fit._normal(true_end(), len(OPEN), seen, rest, slopes)
    noise = np.sqrt(np.diag(matrix) * np.mean(np.concatenate(rest) ** 2))
    for place, name in enumerate(OPEN):
        half = numbers.NUMBERS[name][0] / 2
        less, more = (
            fit._left(fit._rest(true_end(**{name: NUMBERS[name] + step}), seen, BASE))
            for step in (-half, half)
        )
        assert abs(right[place] - (more - less) / (4 * half)) < 0.4 * noise[place], name


def test_lenses_that_explain_alike_widen_the_errors(shot, monkeypatch):
    seen = seen_in(shot)

    def ends(*states: fit._State) -> tuple[fit._State, dict[str, float]]:
        left = iter(states)
        monkeypatch.setattr(fit, "_fitted", lambda *_: (next(left), 0.0))
        return fit._better_end(states[0], seen, BASE, OPEN)

    # rims that cut nothing may be anywhere
    wide = {"front_radius": 1.4, "rear_radius": 1.4, "rear_shift": 0.35}
    even, uneven = (true_end(**wide, front_shift=shift) for shift in (-0.35, -0.1))
    for order in ((even, uneven), (uneven, even)):
        end, apart = ends(*order)
        assert end is even
        assert apart["front_shift"] == pytest.approx(0.25)
        assert apart["coma_corner"] == 0.0
    truth = true_end()
    wrong = true_end(coma_07=-1.0, coma_corner=-2.5, rear_shift=0.4)
    for order in ((truth, wrong), (wrong, truth)):
        assert ends(*order) == (truth, {})


@pytest.mark.full
@pytest.mark.timeout(900)  # about 40 s of processor time
def test_a_fitted_lens_has_the_kernels_of_the_true_one():
    lens = replace(fitted_to_chart(LENS).lens, f_number=LENS.f_number)
    for diameter in (-11.0, -6.0, 6.0, 11.0):
        for place in ((0.0, 0.0), (0.45, 0.2), (0.6, -0.5)):
            true, given = (colour_psfs(one, diameter, place) for one in (LENS, lens))
            assert kernel_error(true, given) < 0.15


def through(lens: RealLens, diameter: float) -> ChartShot:
    """The chart photographed through a lens at its f-number."""
    (light,) = chart_through(lens, (diameter,))
    reading = read_chart(light)
    assert reading is not None
    return ChartShot(light, reading, lens.f_number)


@pytest.mark.full
def test_photographs_at_two_f_numbers_give_the_numbers_of_one_lens(shot):
    stopped = through(replace(LENS, f_number=4.0), -7.0)
    focus = np.array([[9.0, 0.0, 0.0], [-7.0, 0.0, 0.0]])

    def seen(f_number: float) -> list[fit._Seen]:
        both = ((0, shot, LENS.f_number), (1, stopped, f_number))
        return [
            fit._Seen(k, probe, f)
            for k, one, f in both
            for probe in list(probes(one))[::3]
        ]

    begun = fit._State({**NUMBERS, "spherical": 0.5, "coma_corner": 1.0}, focus)
    lens, _ = fit._fitted(
        begun, seen(4.0), BASE, ("spherical", "coma_corner"), fit.ROUNDS[0]
    )
    assert lens.numbers["spherical"] == pytest.approx(NUMBERS["spherical"], abs=0.15)
    assert lens.numbers["coma_corner"] == pytest.approx(NUMBERS["coma_corner"], abs=0.3)
    np.testing.assert_allclose(lens.focus[:, 0], focus[:, 0], atol=0.1)
    truth = fit._State(NUMBERS, focus)
    right, wrong = (fit._squares(truth, seen(one), BASE).sum() for one in (4.0, 2.4))
    assert wrong > 1.5 * right


def test_waves_explain_a_slow_lens_as_its_kernels_have_it():
    """The rays of a lens of f/7.6 leave out the rings of its diffraction."""
    for diameter, place in ((-6.0, (0.0, 0.0)), (4.0, (0.45, 0.2)), (8.0, (0.6, -0.5))):
        true = colour_psfs(STOPPED, diameter, place)
        side, reach = 64, 8
        seen = np.zeros((3, side - 2 * reach, side - 2 * reach))
        point = ChartProbe(
            place, seen, np.ones((side, side // 2 + 1), np.complex128), reach
        )
        by_rays, by_waves = (
            kernel_error(
                true, np.roll(kernels, (side // 2, side // 2), (1, 2))[:, 1:, 1:]
            )
            for waves in (False, True)
            for kernels in (
                np.fft.irfft2(
                    explained(point, STOPPED, diameter, (0.0, 0.0), waves=waves)
                ),
            )
        )
        assert by_waves < 0.06
        assert by_rays > 1.5 * by_waves


def test_the_error_of_kernels_is_that_of_their_shape():
    true = colour_psfs(LENS, 8.0, (0.5, 0.2))
    moved = np.pad(true, ((0, 0), (0, 4), (4, 0)))
    assert kernel_error(true, moved) < 1e-6
    assert kernel_error(true, colour_psfs(LENS, 9.0, (0.5, 0.2))) > 0.15


def test_a_lens_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "lens.json"
    write_lens(path, MEASURED)
    lens_file = read_lens(path)
    assert lens_file.lens == LENS
    assert list(lens_file.f_numbers) == [2.4, 4.0]
    assert lens_file.errors == {"spherical": 0.1}


def damaged() -> Iterator[tuple[str, str]]:
    good = json.loads(
        json.dumps({"kind": "defocus-lens", "version": 1, **asdict(MEASURED)})
    )
    yield "", "no lens file"
    yield "[1, 2]", "no lens file"
    yield '{"kind": "other"}', "no lens file"
    yield json.dumps({**good, "version": 2}), "another version"
    yield json.dumps({**good, "f_number": 2.0}), "unknown key 'f_number'"
    yield (
        json.dumps(
            {**good, "lens": {**good["lens"], "front": {"cut": 0.1, "radius": 1.1}}}
        ),
        r"lens\.front",
    )
    yield (
        json.dumps({**good, "lens": {**good["lens"], "focus": 1.0}}),
        r"unknown key 'lens\.focus'",
    )
    yield (
        json.dumps({**good, "lens": {**good["lens"], "coma": "much"}}),
        "'lens.coma': input should be a table, got 'much'",
    )
    yield json.dumps({**good, "lens": {**good["lens"], "spherical": 1e9}}), "impossible"
    yield json.dumps({**good, "lens": {**good["lens"], "f_number": 0.5}}), "impossible"
    yield json.dumps({**good, "f_numbers": []}), "impossible"
    yield json.dumps({**good, "f_numbers": [1.2]}), "impossible"
    for number, value, words in (
        ("blades", 10**400, "a number is beyond 1000"),
        ("pixel_pitch_um", 1e-6, r"spreads over \d\S+ px at f/2.4"),
        ("spherical_6", -900.0, r"spreads over \d\S+ px"),
        ("front", {"shift": 0.0, "radius": -1.0}, "leave nothing of the pupil open"),
    ):
        yield json.dumps({**good, "lens": {**good["lens"], number: value}}), words
    yield json.dumps({**good, "f_numbers": [1e9]}), "a number is beyond 1000"
    yield json.dumps({**good, "f_numbers": [4.0] * 101}), "101 f-numbers"


@pytest.mark.parametrize(("text", "words"), list(damaged()))
def test_what_is_no_lens_is_refused_in_one_line(tmp_path, text, words):
    (tmp_path / "lens.json").write_text(text)
    with pytest.raises(OpticsError, match=words) as caught:
        read_lens(tmp_path / "lens.json")
    assert "\n" not in str(caught.value)


def test_a_stream_sees_everything_through_the_lens(tmp_path):
    bank = KernelBank("train", lens=MEASURED)
    optics = [bank.optic(k) for k in range(12)]
    assert {one.lens.f_number for one in optics} == {2.4, 4.0}
    assert all(replace(one.lens, f_number=2.4) == LENS for one in optics)
    assert len({one.field for one in optics}) == 12
    through, drawn = (
        Renderer(Photographs(lens=lens), "train").pair(3, 48)
        for lens in (MEASURED, None)
    )
    np.testing.assert_array_equal(through.kind, drawn.kind)
    again = Renderer(Photographs(lens=MEASURED), "train").pair(3, 48)
    np.testing.assert_array_equal(through.blurry, again.blurry)


def test_a_mapping_file_names_photographs_and_lens(tmp_path, monkeypatch, refused):
    monkeypatch.setattr(
        "defocus.datasets.stream.dataset.HELD_OUT",
        {"validation": (0, 1, 64), "test": (9, 1, 64)},
    )
    monkeypatch.setattr("defocus.datasets.stream.dataset.CIRCLES_PX", ())
    write_lens(tmp_path / "lens.json", MEASURED)
    (tmp_path / "mine.toml").write_text('lens = "lens.json"\n')
    dataset = open_dataset(f"stream:{tmp_path / 'mine.toml'}")
    assert dataset.endless is not None
    assert dataset.endless.photographs.lens == read_lens(tmp_path / "lens.json")
    assert dataset.content_hash != open_dataset("stream:").content_hash
    (tmp_path / "mine.toml").write_text('lens = "lens.json"\nphotographs = "absent"\n')
    with refused(DatasetError):
        open_dataset(f"stream:{tmp_path / 'mine.toml'}")
    (tmp_path / "mine.toml").write_text('lense = "lens.json"\n')
    with refused(SettingsError):
        open_dataset(f"stream:{tmp_path / 'mine.toml'}")


def test_the_command_tells_what_is_missing(tmp_path):
    picture = tmp_path / "wall.png"
    write_image(picture, as_integer(linear_to_srgb(np.full((400, 600, 3), 0.4)), 8))

    def refused(*options: str) -> str:
        out = tmp_path / "lens.json"
        result = CliRunner().invoke(
            command, [str(picture), *options, "--out", str(out)]
        )
        assert isinstance(result.exception, DefocusError)
        assert not out.exists()
        return str(result.exception)

    assert "give --f-number" in refused()
    text = picture.with_name("t.txt")
    text.write_text("f/4")
    out = picture.with_name("lens.json")
    result = CliRunner().invoke(command, [str(text), "--out", str(out)])
    assert "t.txt: not a picture that can be read" in str(result.exception)
    assert "no chart found" in refused("--f-number", "2")
    assert "2 for 1 pictures" in refused("--f-number", "2", "--f-number", "4")


def test_the_table_has_the_rows_that_are_asked_for(monkeypatch):
    def errors(seeds: range) -> Iterator[LensError]:
        return (
            LensError(STOPPED, np.full((2, 2), 0.01 * s), np.zeros((2, 2)))
            for s in seeds
        )

    monkeypatch.setattr("defocus.extras.charts.accuracy.lenses.lens_errors", errors)
    result = CliRunner().invoke(accuracy, ["--lenses", "2", "--first", "4"])
    assert [line.split(" | ")[:3] for line in result.output.splitlines()[2:]] == [
        ["| 4", "7.6 (1.8)", "4.0%"],
        ["| 5", "7.6 (1.8)", "5.0%"],
    ]
