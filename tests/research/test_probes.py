"""The probe table says what it is said to say."""

import pytest

from defocus.benchmark.scoring.profiles import PROFILES
from research.pages.metrics import PROBES, protocol_table


@pytest.mark.full
def test_deformed_targets_hide_a_movement_that_fixed_ones_charge_for():
    lines = [
        line.split("|")[1:-1] for line in protocol_table((96, 128)).splitlines()[2:]
    ]
    psnr = {
        cells[0].strip(): [float(cell.split("/")[0]) for cell in cells[1:]]
        for cells in lines
    }
    assert list(psnr) == list(PROBES)
    assert psnr["sharp itself"][0] == 100
    assert psnr["moved 0.25 px"][0] > psnr["moved 1 px"][0] > psnr["moved 3 px"][0]
    assert psnr["moved 1 px"][1] > psnr["moved 1 px"][0] + 5
    assert psnr["noise, σ 0.02"][1] < psnr["noise, σ 0.02"][0] + 1


def test_the_page_names_every_profile_and_probe():
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    assert all(f"`{name}`" in page for name in PROFILES)
    assert all(f"| {name} |" in page for name in PROBES)
