"""Studies from Python: run, go on, read."""

from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import nn

import defocus
from defocus.baselines.card import Baseline
from defocus.baselines.registry import baseline
from defocus.benchmark.leaderboard.rows import CSV_COLUMNS
from defocus.benchmark.study.document import read_request
from defocus.errors import InputError
from tests.benchmark.example_study import make_study
from tests.command_process import start_code
from tests.datasets.conftest import write_folder


class Half(nn.Module):
    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return 0.5 * blurry


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The name of a dataset of eight small pairs."""
    names = [f"{number}.png" for number in range(8)]
    return f"pairs:{write_folder(tmp_path_factory.mktemp('pairs') / 'small', names, bits=8)}"


def test_a_study_runs_and_its_results_are_those_of_the_files(tmp_path, small, capfd):
    mine = Baseline(
        replace(baseline("input").card, name="half", display_name="Half"), Half
    )
    out = tmp_path / "study"
    table = defocus.run(["input", mine], small, out)
    assert {"input", "half"} <= set(table["system"])
    assert (out / "report.html").is_file()
    stored = pd.read_csv(out / "leaderboard.csv")
    assert list(table.columns) == list(stored.columns)
    assert table["value"].tolist() == pytest.approx(
        stored["value"].tolist(), nan_ok=True, rel=1e-5
    )
    assert "even if its code" not in capfd.readouterr().err
    again = defocus.run(["input", mine], defocus.open_dataset(small), out)
    said = capfd.readouterr().err
    assert "nothing is repeated" in said
    # of what is an object, not of a name
    assert said.count("even if its code has changed") == 1
    assert "half-" in said.partition("even if its code")[0]
    pd.testing.assert_frame_equal(again, table)
    assert {str(table[name].dtype) for name in ("value", "ci_low", "ci_high")} == {
        "float64"
    }
    by_picture = table.pictures()
    mean = by_picture.query("system == 'half' and protocol == 'gt'")["psnr"].mean()
    row = table.query("system == 'half' and protocol == 'gt' and metric == 'psnr'")
    assert row["value"].item() == pytest.approx(mean)


def test_what_has_a_name_can_be_resumed_and_what_has_none_is_told(
    tmp_path, small, refused
):
    own = baseline("input")
    for folder, asked in (("named", "input"), ("registered", own)):
        table = defocus.run(asked, small, tmp_path / folder, "quick")
        request = read_request(tmp_path / folder)
        choices = (request.systems, request.datasets, request.budget)
        assert choices == (("input",), (small,), "quick")
        assert set(table["budget"]) == {"not-trained-here"}
    half = Baseline(replace(own.card, name="half", display_name="Half"), Half)
    defocus.run(half, small, tmp_path / "nameless")
    with refused(InputError):
        read_request(tmp_path / "nameless")


def test_pictures_have_one_row_each(tmp_path, refused):
    make_study(tmp_path / "study", 3, 24)
    table = defocus.load_results(tmp_path / "study")
    assert list(table.columns) == list(CSV_COLUMNS)
    pictures = table.pictures()
    keys = ["system", "seed", "profile", "protocol", "pair"]
    assert not pictures.duplicated(keys).any()
    assert pictures["pair"].nunique() == 24
    assert {"psnr", "ssim", "mae", "lpips"} <= set(pictures.columns)
    # what is made of the table keeps the method
    some = table[table["metric"] == "psnr"]
    assert len(some.pictures()) == len(pictures)
    with refused(InputError):
        type(table)(table.to_dict("list")).pictures()


def test_a_plugins_system_runs_by_name_and_its_file_is_noted(run, tmp_path, small):
    (tmp_path / "half.py").write_text(
        "from dataclasses import replace\n"
        "from defocus.baselines.card import Baseline\n"
        "from defocus.baselines.registry import baseline\n"
        "from torch import nn\n"
        "class Half(nn.Module):\n"
        "    def forward(self, blurry):\n"
        "        return 0.5 * blurry\n"
        "CARD = replace(baseline('input').card, name='half', display_name='Half')\n"
        "HALF = Baseline(CARD, Half)\n"
    )
    study = f"defocus.run('half', {small!r}, 'study')"
    code = f"import defocus; defocus.plugin('half.py'); {study}"
    with start_code(code, folder=tmp_path) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert "half" in set(defocus.load_results(tmp_path / "study")["system"])
    (noted,) = read_request(tmp_path / "study").plugins
    assert noted.path == str(tmp_path / "half.py")
    result = run("defocus-bench", "run", "--out", "study", code=0)
    assert "nothing is repeated" in result.stderr


def test_a_part_of_a_dataset_is_no_study(tmp_path, small, refused):
    with refused(InputError):
        defocus.run("input", defocus.open_dataset(small)[:3], tmp_path / "out")
