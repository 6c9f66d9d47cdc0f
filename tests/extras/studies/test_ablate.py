"""The ablation of JDRL: its lines, its tables, and one run of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from defocus.baselines.card import Card
from defocus.baselines.registry import baseline
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import RegistryError
from defocus.extras.studies.ablation import study
from defocus.extras.studies.ablation.gains import bin_names, psnr_by_blur
from defocus.extras.studies.ablation.lines import ablation_of, chosen, paper_psnr
from defocus.extras.studies.ablation.narrow import NarrowUNet
from defocus.extras.studies.ablation.study import LineResult
from defocus.extras.studies.ablation.tables import blur_table, paper_table
from defocus.pictures.write import write_image

JDRL = ablation_of("jdrl")


def measured(label: str, truth: list[float], paper: float | None) -> LineResult:
    psnr = {"truth": truth, "gt": [20.0], "deformed-gt": [21.0]}
    return LineResult(label, "unet", 5, 2.0, psnr, [truth[0], None], 0.5, paper)


def test_lines_are_systems_and_have_the_papers_numbers():
    for line in JDRL.all_lines(rendered=True):
        assert (baseline(line.system).recipe is None) == (line.system == "input")
    printed = [paper_psnr(JDRL, line) for line in JDRL.lines]
    assert printed == [24.62, 24.80, 25.78, 25.58, 25.68, 25.74, 25.82]
    assert paper_psnr(JDRL, JDRL.controls[0]) is None
    published = [baseline(line.system).card.published_as for line in JDRL.lines[1:-1]]
    assert published == [f"jdrl-ablation-{number}" for number in range(2, 7)]


def test_the_small_network_changes_the_settings_of_the_objective_alone():
    narrow = {
        line.system: chosen(JDRL, line, narrow=True).recipe for line in JDRL.lines
    }
    settings = {
        name: recipe().objective_settings for name, recipe in narrow.items() if recipe
    }
    assert [
        name
        for name, line_settings in settings.items()
        if "features" not in line_settings
    ] == ["unet"]


def test_an_objective_without_an_ablation_is_refused(refused):
    with refused(RegistryError):
        ablation_of("supervised")


def test_the_narrow_network_begins_as_the_identity_and_can_learn():
    network = NarrowUNet().eval()
    picture = torch.rand(1, 3, 21, 18)
    torch.testing.assert_close(network(picture), picture)
    network(picture).sum().backward()
    assert network.get_submodule("out").get_parameter("0.weight").grad is not None
    narrow = chosen(JDRL, JDRL.lines[-1], narrow=True)
    assert (narrow.card.name, narrow.build) == ("jdrl-unet-narrow", NarrowUNet)


def test_tables_say_distances_to_the_plain_loss():
    lines = [
        measured("1 plain", [30.0, 32.0], 24.62),
        measured("JDRL", [31.0, 34.0], 25.82),
    ]
    table = paper_table("JDRL", lines)
    _, mean, deviation, gain, *_, paper, paper_gain, kept, seconds = table.rows[1]
    assert (mean, gain, paper, kept, seconds) == (32.5, 1.5, 25.82, 0.5, 2.0)
    assert deviation == pytest.approx(2.1213, abs=1e-4)
    assert paper_gain == pytest.approx(1.2)
    assert "2 seeds, 5 steps" in table.note
    assert blur_table(lines, ("0-2", "2+")).rows == (("JDRL", 1.0, None),)


def test_errors_are_told_apart_by_circle_of_confusion(tmp_path):
    """A network that adds 0.1 where the picture is blurred: known errors in known bins."""

    class Worse(nn.Module):
        def forward(self, blurry: torch.Tensor) -> torch.Tensor:
            return blurry + 0.1 * (torch.arange(blurry.shape[-1]) >= 4)

    grey = np.full((6, 8, 3), 0.4)
    for name in ("blurry", "truth"):
        write_image(tmp_path / f"{name}.png", np.round(grey * 65535).astype(np.uint16))
    blur = np.where(np.arange(8) >= 4, -9.0, 1.0) * np.ones((6, 1))
    np.save(tmp_path / "map.npy", blur.astype(np.float32))
    pair = Pair(
        id="a", scene="a", split="test", blurry=tmp_path / "blurry.png",
        truth=tmp_path / "truth.png", defocus_map=tmp_path / "map.npy",
    )  # fmt: skip
    card = Card("worse", "Worse", "network", "single", "paper", "-", "-", "-")
    by_blur = psnr_by_blur(Worse(), card, [pair], torch.device("cpu"))
    assert bin_names() == ("0-2", "2-4", "4-6", "6-8", "8+")
    assert by_blur[1:4] == [None, None, None]
    assert by_blur[4] == pytest.approx(20.0, abs=0.01)
    assert by_blur[0] is not None
    assert by_blur[0] > 100


SETTINGS = "[schedule]\nsteps = 1\ncrop_px = 16\nbatch = 1\nlearning_rate = 1e-3\n"


@pytest.mark.full
@pytest.mark.timeout(600)
def test_all_lines_run_and_are_not_repeated(bench, tmp_path):
    (tmp_path / "s.toml").write_text(SETTINGS)
    arguments = [
        "studies",
        "ablate",
        "jdrl",
        "--dataset",
        "sample:strong",
        "--narrow",
        "--json",
    ]
    arguments += ["--settings", "s.toml", "--out", "out", "--equal-time"]
    assert callable(bench)
    result = bench(*arguments)  # nineteen runs of sixteen pictures
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert len(document["lines"]) == len(JDRL.all_lines(rendered=True)) + 3
    assert all(len(line["psnr"]["truth"]) == 1 for line in document["lines"])
    again = bench(*arguments)
    assert "nothing is repeated" in again.stderr
    assert json.loads(again.stdout) == document


def test_an_ablation_runs(tiny_dataset, tmp_path, monkeypatch):
    """Two lines on captured pairs, in this process; the whole command is a slow test."""
    pairs = tuple(
        Pair(
            name,
            name,
            split,
            tiny_dataset / name / "blurry.png",
            tiny_dataset / name / "sharp.png",
        )
        for name, split in (("a", "train"), ("b", "train"), ("t1", "test"))
    )
    dataset = Dataset("tiny", tiny_dataset, pairs, "0" * 64, tmp_path / "derived")
    monkeypatch.setattr(study, "open_dataset", lambda _, damaged: dataset)
    ends = (JDRL.lines[0], JDRL.lines[-1])
    shorter = replace(JDRL, lines=ends, extra=JDRL.extra[-1:], rivals=(), controls=())
    # no metric weights there, none fetched
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    (tmp_path / "s.toml").write_text(SETTINGS)
    settings = tmp_path / "s.toml"
    asked = study.AskedAblation.of(
        shorter, tmp_path / "out", "tiny", "demo", 1, settings, narrow=True
    )
    lines, _ = study.ablate(asked, equal_time=True)
    assert [line.system for line in lines] == [
        "unet-narrow",
        "jdrl-unet-narrow",
        "input",
        "unet-narrow",
    ]
    assert [set(line.psnr) for line in lines] == [{"gt", "deformed-gt"}] * 4
    assert lines[3].label == "1 plain loss, equal time"
    assert lines[3].steps >= lines[0].steps == 1
    assert lines[0].kept_share is None
    assert lines[1].by_blur == [None] * 5
    assert all(
        cell is None for row in blur_table(lines, bin_names()).rows for cell in row[1:]
    )
