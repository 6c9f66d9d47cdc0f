"""Restored charts: the scores of pictures whose scores are known."""

import numpy as np
import pytest

from defocus.benchmark.charts.restorers import restorers
from defocus.benchmark.charts.scores import ChartPhotographs, chart_table
from defocus.benchmark.commands.chart import command
from defocus.charts.accuracy.known_patterns import disc_transfer
from defocus.errors import InputError
from defocus.images import linear_to_srgb

BLUR = 5.0


@pytest.fixture(scope="module")
def photographs() -> ChartPhotographs:
    return ChartPhotographs()


def test_the_blurry_chart_has_the_mtf_of_its_disc(photographs: ChartPhotographs) -> None:
    found = photographs.scores("input", restorers([])["input"], BLUR)
    f = np.linspace(0.05, 0.3, 500)
    transfer = disc_transfer(BLUR, f) * np.sinc(f) ** 2
    assert found.mtf50 == pytest.approx(np.interp(0.5, transfer[::-1], f[::-1]), rel=0.03)
    assert found.gain == 1.0
    assert found.shift_px < 0.03
    assert found.bend_px < 0.03
    assert found.overshoot < 0.02
    assert found.lost > 0.6


def test_the_sharp_chart_gains_and_other_texture_is_invented(photographs: ChartPhotographs) -> None:
    sharp = linear_to_srgb(photographs.sharp).astype(np.float32)
    found = photographs.scores("oracle", lambda _: sharp, BLUR)
    assert found.gain > 3
    assert max(found.shift_px, found.bend_px) < 1e-6
    assert found.lost < 0.03
    assert found.invented < 0.03
    moved = np.roll(sharp, 3, axis=(0, 1))
    noise = 0.1 * np.random.default_rng(1).standard_normal(sharp.shape)
    wrong = photographs.scores("noise", lambda _: (moved + noise).astype(np.float32), BLUR)
    assert wrong.shift_px == pytest.approx(3.0, abs=0.3)
    assert wrong.invented > 0.3


def test_the_command_tells_systems_apart(capfd: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--systems", "wiener", "--blur", "4"], standalone_mode=False) is None
    rows = [line.split(" | ") for line in capfd.readouterr().out.splitlines()[2:]]
    assert [row[1] for row in rows] == ["input", "wiener"]
    assert float(rows[1][3]) > 1.2
    assert chart_table([]).count("\n") == 1
    for bad in ("x", "0.5", "40"):
        with pytest.raises(InputError, match="--blur"):
            command.main(["--blur", bad], standalone_mode=False)
