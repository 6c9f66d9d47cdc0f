"""The study by dose: planted gains, shares, rankings and displacements; its command's plan."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy import ndimage, stats

from defocus import load
from defocus.align.flow.by_name import flow_estimator
from defocus.baselines.registry import baseline
from defocus.baselines.weights.store import build_with
from defocus.benchmark.documents.page import build_page
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.store import open_results
from defocus.benchmark.study.attempt import train_run
from defocus.benchmark.study.plan import Override, ScheduleOverride, Study, plan_runs
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import InputError, NotApplicableError, WeightsError
from defocus.extras.studies.ablation.crops import require_crops
from defocus.extras.studies.ablation.lines import ablation_of, chosen
from defocus.extras.studies.dose.analysis import agreement, gain, share_of_gap
from defocus.extras.studies.dose.claims import claims_of, verdict
from defocus.extras.studies.dose.kept import DOSES
from defocus.extras.studies.dose.outputs.layout import (
    CROP_PX,
    GAP_PX,
    HEAD_PX,
    SHOWN,
    strip_name,
)
from defocus.extras.studies.dose.outputs.measures import (
    edge_displacement_px,
    mean_bend_px,
    restored_scores,
)
from defocus.extras.studies.dose.outputs.straight_lines import (
    line_bend_px,
    straight_lines,
)
from defocus.extras.studies.dose.pairs import at_dose, doses_of
from defocus.extras.studies.dose.plan import DoseStudy, dose_study
from defocus.extras.studies.dose.study import run_dose_study, tell_lost
from defocus.extras.studies.dose.tables import dose_tables
from defocus.extras.studies.options import AblatedRows, AblationStudy
from defocus.extras.studies.study_commands.ablate import command
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float
from defocus.pictures.write import write_image
from defocus.plugins import extensions
from defocus.reports.model import Curves
from tests.extras.studies.conftest import render_doses

Array = NDArray[np.float64]

SHORT = "[schedule]\nsteps = 1\ncrop_px = 16\nbatch = 1\nlearning_rate = 1e-3\n"

SCENES = np.random.default_rng(0).normal(28, 4, 40)
"""PSNR of the scenes, which differ far more than lines do."""


def planted(offset: float, spread: float = 0.1, seeds: int = 3) -> Array:
    """Scores of a line that is better than the scenes by an offset, with noise."""
    noise = np.random.default_rng(int(1000 * abs(offset)) + 1).normal(
        0, spread, (seeds, 40)
    )
    return np.asarray(SCENES + offset + noise)


def test_a_planted_gain_is_found_with_a_paired_interval():
    estimate = gain(planted(0.5), planted(0.0))
    assert estimate.value == pytest.approx(0.5, abs=0.05)
    assert estimate.low < estimate.value < estimate.high
    # the scenes' own spread of 4 dB is not in it
    assert estimate.high - estimate.low < 0.3
    assert estimate.sign == 1
    assert gain(planted(0.0), planted(0.5)).sign == -1
    assert gain(planted(0.0), planted(0.001)).sign == 0


def test_seeds_that_disagree_widen_the_interval():
    steady = planted(0.5)
    apart = steady + np.array([[-1.0], [0.0], [1.0]])
    plain = planted(0.0)
    assert gain(apart, plain).sign == 0
    assert gain(apart, plain).value == pytest.approx(gain(steady, plain).value)


def test_shares_of_the_gap():
    plain, truth = planted(0.0), planted(2.0)
    half = share_of_gap(planted(1.0), plain, truth)
    assert half is not None
    assert half.value == pytest.approx(0.5, abs=0.04)
    assert half.low < half.value < half.high
    assert share_of_gap(planted(1.0), plain, planted(0.002)) is None  # no gap to close


def test_protocols_that_agree_and_that_reverse():
    truth = {
        name: planted(offset)
        for name, offset in zip("abcd", (0.0, 1.0, 2.0, 3.0), strict=True)
    }
    same = agreement({name: 2 * values - 9 for name, values in truth.items()}, truth)
    reverse = agreement({name: -values for name, values in truth.items()}, truth)
    assert same is not None
    assert reverse is not None
    assert (same.value, same.low, reverse.value, reverse.high) == (1, 1, -1, -1)
    swapped = dict(zip("abcd", (truth[name] for name in "bacd"), strict=True))
    one_of_six = agreement(swapped, truth)
    assert one_of_six is not None
    assert one_of_six.value == pytest.approx(4 / 6)
    tied = {"a": truth["a"], "b": truth["a"], "c": truth["d"], "d": truth["c"]}
    by_scipy = stats.kendalltau(
        [tied[name].mean() for name in tied], [truth[name].mean() for name in tied]
    )
    tau = agreement(tied, truth)
    assert tau is not None
    assert tau.value == pytest.approx(by_scipy.statistic)
    assert (
        agreement({name: truth[name] for name in "ab"}, {n: truth[n] for n in "ab"})
        is None
    )


def test_edges_that_moved_are_measured():
    rng = np.random.default_rng(5)
    coarse = rng.uniform(0.1, 0.9, (14, 18))
    wide = np.kron(coarse, np.ones((8, 8)))[..., None] * np.ones(3)
    truth, moved = wide[:, 8:-8], wide[:, 6:-10]  # by 2 px to the right
    estimator = flow_estimator("dis")
    assert edge_displacement_px(truth, truth, estimator) < 0.05
    assert edge_displacement_px(moved, truth, estimator) == pytest.approx(2.0, abs=0.3)


def wall(bend_px: float, blur_px: float = 0.8) -> Array:
    """A slanted edge that is bent as a sine of this amplitude and a period of 96 px."""
    rows, columns = np.mgrid[:192, :192].astype(np.float64)
    edge = 90.0 + 0.1 * rows + bend_px * np.sin(2 * np.pi * rows / 96)
    level = 0.3 + 0.4 / (1 + np.exp(-(columns - edge) / 0.5))
    return np.asarray(ndimage.gaussian_filter(level, blur_px)[..., None] * np.ones(3))


def test_lines_that_were_bent_are_measured():
    (line, *_) = lines = straight_lines(wall(0.0))
    assert line.length_px > 150
    assert line_bend_px(wall(0.0), line) < 0.005
    assert line_bend_px(wall(1.0), line) == pytest.approx(1 / np.sqrt(2), rel=0.08)
    assert line_bend_px(wall(0.3), line) == pytest.approx(0.3 / np.sqrt(2), rel=0.08)
    assert mean_bend_px(wall(0.3), lines) == pytest.approx(0.3 / np.sqrt(2), rel=0.08)


def test_a_blurred_or_displaced_line_is_not_bent():
    (line, *_) = straight_lines(wall(0.0))
    assert line_bend_px(wall(0.0, blur_px=2.0), line) < 0.02
    assert line_bend_px(np.roll(wall(0.0), 1, axis=1), line) < 0.02


def test_without_a_straight_line_there_is_no_bend():
    assert all(one.length_px < 100 for one in straight_lines(wall(3.0)))
    flat = np.full((192, 192, 3), 0.5)
    assert straight_lines(flat) == ()
    assert np.isnan(mean_bend_px(wall(0.0), ()))
    (line, *_) = straight_lines(wall(0.0))
    assert np.isnan(line_bend_px(flat, line))  # the output does not show the edge


def test_each_dose_is_a_dataset_of_its_own(dosed, refused):
    dataset = open_dataset(f"manifest:{dosed}")
    assert doses_of(dataset) == (0, 4)
    none, most = at_dose(dataset, 0), at_dose(dataset, 4)
    assert none.training_hash != most.training_hash, "each is trained on"
    assert len(none.pairs) == len(most.pairs) == 3
    assert len({dataset.content_hash, none.content_hash, most.content_hash}) == 3
    assert [pair.blurry for pair in none.pairs] == [pair.blurry for pair in most.pairs]
    with refused(InputError):
        at_dose(dataset, 3)
    with refused(InputError):
        doses_of(replace(dataset, pairs=(replace(dataset.pairs[0], metadata={}),)))


def test_the_truth_is_trained_once_and_tested_at_every_dose(dosed, tmp_path):
    jdrl = ablation_of("jdrl")
    asked = dose_study(
        jdrl,
        AblationStudy(out=tmp_path, dataset=f"manifest:{dosed}", seeds=2),
        AblatedRows(doses=[4, 0], narrow=True, central=True),
    )
    home, abroad, *rest = asked.studies()
    assert (home.home, abroad.home) == (None, home)
    assert [run.system for run in home.runs] == ["unet-truth-narrow"] * 2
    assert len({run.id for run in (*home.runs, *abroad.runs)}) == 4
    assert [study.dataset.name.rpartition("@")[2] for study in rest] == ["4px", "0px"]
    assert {run.system for run in rest[0].runs} == {
        "unet-narrow", "jdrl-unet-narrow", "unet-prealigned-narrow", "input",
        "registered-unet-narrow", "registered-unet-refined-true-narrow",
        "jdrl-unet-registered-narrow",
    }  # fmt: skip
    fewer = dose_study(
        jdrl,
        AblationStudy(out=tmp_path, dataset=f"manifest:{dosed}", seeds=2),
        AblatedRows(doses=[4], narrow=True, central=True),
    )
    assert [run.id for run in fewer.studies()[0].runs] == [run.id for run in home.runs]


def test_every_line_trains_the_narrow_copy_of_the_network_that_is_named(
    dosed, tmp_path, refused
):
    jdrl = ablation_of("jdrl")

    def asked(network: str, *, narrow: bool = True) -> list[Study]:
        study = dose_study(
            jdrl,
            AblationStudy(out=tmp_path, dataset=f"manifest:{dosed}"),
            AblatedRows(doses=[4], narrow=narrow, network=network, central=True),
        )
        return study.studies()

    runs = [run for study in asked("nafnet") for run in study.runs if run.recipe]
    small = baseline("nafnet").narrowed().build().state_dict()
    for run in runs:
        assert run.system.endswith("-narrow-nafnet")
        weights = run.baseline.build().state_dict()
        assert {name: one.shape for name, one in weights.items()} == {
            name: one.shape for name, one in small.items()
        }
    assert len({run.id for run in runs}) == len(runs) == 8  # the control at both doses
    for network in ("wiener", "dpdnet-dual"):
        with refused(InputError):
            asked(network)
    with refused(InputError):
        asked("nafnet", narrow=False)


OWN_NETWORK = """
from torch import nn

from defocus.baselines.card import Baseline


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, blurry):
        return blurry + self.conv(blurry)


OWN = Baseline.of_network("own-net", Own)
"""


@pytest.fixture
def own_network(tmp_path, monkeypatch):
    """A plug-in file with a network, loaded."""
    monkeypatch.setenv(extensions.ENVIRONMENT, "")
    monkeypatch.setattr(extensions, "_loaded", {})
    path = tmp_path / "own.py"
    path.write_text(OWN_NETWORK)
    extensions.load_plugin(path)
    return path


def test_a_network_of_ones_own_is_trained_as_it_is(
    dosed, tmp_path, own_network, refused
):
    def asked(settings: Path | None = None, *, narrow: bool = False) -> DoseStudy:
        return dose_study(
            ablation_of("jdrl"),
            AblationStudy(
                out=tmp_path / "out", dataset=f"manifest:{dosed}", settings=settings
            ),
            AblatedRows(doses=[4], narrow=narrow, network="own-net", central=True),
        )

    runs = [run for part in asked().studies() for run in part.runs]
    trained = {run.system: run for run in runs if run.recipe}
    assert {"unet-own-net", "jdrl-unet-own-net", "registered-unet-own-net"} <= set(
        trained
    )
    assert [run.system for run in runs if not run.recipe] == ["input"]
    for run in trained.values():
        assert set(run.baseline.build().state_dict()) == {"conv.weight", "conv.bias"}
        assert (run.schedule.steps, run.schedule.crop_px) == (2000, 64), (
            "as narrow copies"
        )
    joint = trained["jdrl-unet-own-net"]
    assert joint.recipe is not None
    assert joint.recipe.objective_settings == {"features": 16}

    own_network.write_text(OWN_NETWORK.replace("3, padding=1", "5, padding=2"))
    extensions.load_plugin(own_network)
    edited = {run.id for part in asked().studies() for run in part.runs if run.recipe}
    assert not edited & {run.id for run in trained.values()}, (
        "an edited file is another network"
    )

    with refused(InputError):
        asked(narrow=True)
    (tmp_path / "s.toml").write_text(SHORT)
    *_, last = asked(tmp_path / "s.toml").studies()
    run = next(run for run in last.runs if run.system == "jdrl-unet-own-net")
    assert train_run(last, run).seconds > 0


@pytest.mark.parametrize("begun", [True, False])
def test_an_edited_network_of_ones_own_is_another_one_begun_or_narrow(
    dosed, tmp_path, own_network, *, begun
):
    save_file(baseline("own-net").build().state_dict(), tmp_path / "begun.safetensors")
    text = OWN_NETWORK
    if not begun:
        text = text.replace("import Baseline", "import Baseline, Narrow")
        text += "\nOWN = replace(OWN, narrow=Narrow('own-net'))\n"
        text = f"from dataclasses import replace\n{text}"

    def ids(of: str) -> set[str]:
        own_network.write_text(of)
        extensions.load_plugin(own_network)
        study = dose_study(
            ablation_of("jdrl"),
            AblationStudy(out=tmp_path / "out", dataset=f"manifest:{dosed}"),
            AblatedRows(
                doses=[4],
                narrow=not begun,
                network="own-net",
                source=str(tmp_path / "begun.safetensors") if begun else None,
                central=True,
            ),
        )
        return {run.id for part in study.studies() for run in part.runs if run.recipe}

    before = ids(text)
    assert ids(text) == before
    assert not ids(text.replace("blurry +", "blurry -")) & before


def test_a_crop_larger_than_the_pictures_is_refused_before_any_training(
    dosed, tmp_path
):
    (tmp_path / "s.toml").write_text(SHORT.replace("crop_px = 16", "crop_px = 65"))
    result = CliRunner().invoke(
        command,
        ["jdrl", "--doses", "4", "--narrow", "--dataset", f"manifest:{dosed}",
         "--settings", str(tmp_path / "s.toml"), "--out", str(tmp_path / "out")],
    )  # fmt: skip
    assert isinstance(result.exception, InputError)
    assert str(result.exception) == (
        "no training picture is as large as the training crop of 65 px, the largest is 64x64; "
        "choose a smaller crop_px with --settings"
    )
    assert not (tmp_path / "out").exists()


def test_a_picture_that_may_not_be_used_refuses_no_study(tmp_path, refused):
    """A demo packs some of the pairs, and a target may leave pairs out."""
    pairs = []
    for name, side in (("a", 16), ("b", 40)):
        write_image(tmp_path / f"{name}.png", np.zeros((side, side + 8, 3), np.uint8))
        pairs.append(Pair(name, name, "train", tmp_path / f"{name}.png"))
    dataset = Dataset("made", tmp_path, tuple(pairs), "0" * 64, tmp_path)

    def require(wanted: int) -> None:
        schedule = ScheduleOverride(crop_px=wanted)
        runs = plan_runs(
            [baseline("unet")], dataset, "demo", override=Override(schedule=schedule)
        )
        require_crops(runs, dataset)

    require(40)
    with refused(InputError):
        require(41)


def test_the_sample_is_refused_before_it_is_rendered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path))
    for name in ("sample", "sample:strong"):
        result = CliRunner().invoke(
            command,
            ["jdrl", "--doses", "4", "--narrow", "--dataset", name, "--dry-run"],
        )
        assert isinstance(result.exception, InputError)
        assert f"{name}: its pairs have no dose; render them with" in str(
            result.exception
        )
    assert not list(tmp_path.iterdir())


def test_a_plan_says_which_system_is_which_line(dosed, tmp_path):
    words = ["jdrl", "--doses", "4", "--narrow", "--line", "robust loss", "--dry-run"]
    (tmp_path / "s.toml").write_text(SHORT)
    words += ["--settings", str(tmp_path / "s.toml"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(command, [*words, "--dataset", f"manifest:{dosed}"])
    assert result.exit_code == 0, result.output
    assert re.search(
        r"^\W*robust loss\W+unet-geman-mcclure-narrow\W*$", result.stdout, re.MULTILINE
    )
    assert re.search(
        r"^\W*control: true pairs\W+unet-truth-narrow\W*$", result.stdout, re.MULTILINE
    )


def test_a_plan_counts_the_control_that_has_its_lines_dose(dosed, tmp_path):
    (tmp_path / "s.toml").write_text(SHORT)
    words = [
        "jdrl",
        "--doses",
        "0,4",
        "--narrow",
        "--line",
        "registered pairs",
        "--dry-run",
    ]
    words += ["--settings", str(tmp_path / "s.toml"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(command, [*words, "--dataset", f"manifest:{dosed}"])
    assert result.exit_code == 0, result.output
    for dose in ("0", "4"):
        assert re.search(
            rf"unet-truth-narrow\W+manifest:\S*@{dose}px\W+1 of 1\b", result.stdout
        )


@pytest.mark.full
def test_progress_counts_over_the_whole_study(dosed, tmp_path, monkeypatch):
    # no metric weights there, none fetched
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    (tmp_path / "s.toml").write_text(SHORT)
    words = ["jdrl", "--doses", "0,4", "--narrow", "--line", "robust loss"]
    words += ["--settings", str(tmp_path / "s.toml"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(command, [*words, "--dataset", f"manifest:{dosed}"])
    assert result.exit_code == 0, result.output
    begun = re.findall(
        r"^\[(\d+)/(\d+)\] \S+ \((.+?)\)(.*)$", result.stderr, re.MULTILINE
    )
    assert [(int(place), int(total)) for place, total, *_ in begun] == [
        (place, 10) for place in range(1, 11)
    ]
    assert [label for _, _, label, _ in begun[:3]] == [
        f"control: true pairs, manifest:{dosed.name}@0px, seed 0",
        f"control: true pairs, manifest:{dosed.name}@4px, seed 0",
        f"blurry input, manifest:{dosed.name}@0px, seed 0",
    ]
    of_dose = ["blurry input", "1 plain loss", "JDRL", "robust loss"]
    assert [label.split(", ")[0] for _, _, label, _ in begun[2:]] == of_dose * 2, (
        "both doses"
    )
    for name in ("dose.json", "report.html"):
        assert str(tmp_path / "out" / name) in result.stderr.splitlines()[-1]


def document_of(
    doses: Sequence[float], lines: Sequence[str], seeds: int = 2
) -> dict[str, Any]:
    """What a finished study writes, as far as it is read again."""
    estimate = {"value": 0.0, "low": 0.0, "high": 0.0}
    line = {
        "system": "unet", "over_input": estimate, "whole_over": estimate, "means": {},
        "share": None, "steps": 1, "seconds": 1.0,
    }  # fmt: skip
    every = [{"label": label, **line} for label in ("plain", "whole", "truth", *lines)]
    return {
        "network": "", "narrow": True, "dataset": "manifest:a", "scenes": 2, "training_pairs": 2,
        "seeds": seeds, "plain": "plain", "whole": "whole", "rivals": [], "truth": "truth",
        "doses": [
            {"dose_px": dose, "lines": every, "tau": {}, "scene_gains": {"line": "whole"}}
            for dose in doses
        ],
    }  # fmt: skip


def test_what_a_smaller_document_lacks_is_told(tmp_path, capsys):
    (tmp_path / DOSES).write_text(json.dumps(document_of([0, 4, 8], ["a", "b"])))
    kept = (
        "no training is removed; the command that made the earlier one trains only what"
    )
    for document, said in (
        (
            document_of([2], ["a"]),
            "had 0, 4, 8 px and 5 lines; it now has 2 px and 4 lines: ",
        ),
        (
            document_of([0, 4, 8], ["a", "c"]),
            "had 0, 4, 8 px and 5 lines; it now has 0, 4, 8 px",
        ),
        (
            document_of([0, 4, 8], ["a", "b"], 1),
            "5 lines of 2 seeds; it now has 0, 4, 8 px and 5",
        ),
        (
            {
                **document_of([0, 4, 8], ["a", "b"]),
                "network": "nafnet",
                "dataset": "manifest:b",
            },
            "lines with the narrow U-Net on manifest:a; it now has 0, 4, 8 px and 5 lines with the",
        ),
    ):
        tell_lost(tmp_path, document)
        stderr = capsys.readouterr().err
        assert said in stderr
        assert kept in stderr
        assert len(stderr.splitlines()) == 1
    tell_lost(tmp_path, document_of([0, 2, 4, 8], ["a", "b", "c"]))
    (tmp_path / DOSES).write_text("{")
    tell_lost(tmp_path, document_of([2], []))
    tell_lost(tmp_path / "new", document_of([2], []))
    assert not capsys.readouterr().err


def test_every_line_starts_from_the_weights_that_are_named(dosed, tmp_path, refused):
    jdrl = ablation_of("jdrl")

    def asked(network: str, *, narrow: bool = False) -> list[Study]:
        study = dose_study(
            jdrl,
            AblationStudy(out=tmp_path, dataset=f"manifest:{dosed}"),
            AblatedRows(doses=[4], narrow=narrow, network=network, source="own"),
        )
        return study.studies()

    runs = [run for study in asked("defocus-s") for run in study.runs]
    shipped = load("defocus-s", weights="own").state_dict()
    trained = [run for run in runs if run.recipe]
    for run in trained:
        assert run.system.endswith("-defocus-s")
        assert run.start is not None
        weights = build_with(run.baseline, run.start).state_dict()
        assert all(torch.equal(weights[name], one) for name, one in shipped.items())
    assert [run.system for run in runs if run.start is None] == ["input"]
    # the control at both doses
    assert len({run.id for run in trained}) == len(trained) == 27
    for network, narrow in (("", False), ("defocus-s", True)):
        with refused(InputError):
            asked(network, narrow=narrow)
    with refused(WeightsError):
        asked("nafnet")


def test_options_that_do_not_go_together(dosed):
    for words, message in (
        (["--central"], "--central goes with --doses"),
        (["--network", "nafnet"], "--network goes with --doses"),
        (["--doses", "0", "--equal-time"], "--equal-time does not go with --doses"),
        (["--doses", "a few"], "is not a list of numbers"),
    ):
        result = CliRunner().invoke(
            command, ["jdrl", "--dataset", f"manifest:{dosed}", *words]
        )
        assert result.exit_code == 2
        assert message in result.output


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([(0.1, 0.4), (0.2, 0.9)], "confirmed"),
        ([(0.1, 0.4), (-0.1, 0.9)], "not decided"),
        ([(-0.4, -0.1), (-0.1, 0.9)], "refuted"),
        ([(-0.4, -0.1), (0.1, 0.9)], "not decided"),
        ([], "not decided"),
    ],
)
def test_verdicts(intervals, expected):
    assert verdict([{"low": low, "high": high} for low, high in intervals]) == expected


def test_claims_are_tested_from_2_px_on():
    def dose(px: float, low: float) -> dict[str, object]:
        over = {"value": low + 0.1, "low": low, "high": low + 0.2}
        labels = ("plain", "JDRL", "truth")
        return {
            "dose_px": px,
            "lines": [{"label": one, "whole_over": over} for one in labels],
        }

    document = {
        "seeds": 3,
        "scenes": 10,
        "whole": "JDRL",
        "truth": "truth",
        "doses": [dose(8, 0.3), dose(2, 0.1), dose(0, -1)],
    }
    (claim,) = claims_of(document)
    assert (claim.line, claim.verdict) == ("plain", "confirmed")
    assert [px for px, _ in claim.doses] == [2, 8]
    for enough in ({"origins": None}, {"origins": 10}):
        (claim,) = claims_of({**document, **enough})
        assert claim.verdict == "confirmed"
    for too_few in (
        {"seeds": 2},
        {"scenes": 9},
        {"origins": 9},
        {"scenes": 9, "origins": 50},
    ):
        (undecided,) = claims_of({**document, **too_few})
        assert undecided.verdict == "not decided"


def test_a_line_with_settings_of_its_own_is_another_system():
    jdrl = ablation_of("jdrl")
    (released,) = (
        line for line in jdrl.extra if line.settings.get("mask") == "official"
    )
    system = chosen(jdrl, released, narrow=True)
    assert system.card.name == "jdrl-unet-mask-official-narrow"
    assert system.recipe
    assert system.recipe().objective_settings == {"mask": "official", "features": 16}


def test_tables_have_a_column_per_dose():
    def dose(px: float, value: float) -> dict[str, object]:
        line = {
            "label": "JDRL",
            "over_input": {"value": value, "low": -0.25, "high": 2.0},
        }
        tau = {"value": 1.0, "low": 0.5, "high": 1.0}
        return {"dose_px": px, "lines": [line], "tau": {"gt": None, "deformed-gt": tau}}

    document = {"scenes": 12, "seeds": 2, "doses": [dose(0, -0.1), dose(8, 1.5)]}
    gains, taus = dose_tables(document)
    assert gains.rows == (("JDRL", "−0.10 [−0.25, 2.00]", "1.50 [−0.25, 2.00]"),)
    same = "1.00 [0.50, 1.00]"
    assert taus.rows == (("gt", None, None), ("deformed-gt", same, same))


def test_measures_of_outputs_are_kept(dosed, tmp_path, capsys):
    study = Study(tmp_path, at_dose(open_dataset(f"manifest:{dosed}"), 4), ())
    study = replace(study, runs=plan_runs([baseline("input")], study.dataset, "demo"))
    (run,) = study.runs
    measured = restored_scores(study, run)
    path = tmp_path / "runs" / run.id / "outputs.json"
    kept = json.loads(path.read_text())
    planted = {**kept["scores"], "edge_px": [7.0] * len(kept["scores"]["edge_px"])}
    for change, expected in (
        ({"scores": planted}, 7.0),
        ({"scores": planted, "data_hash": "other pairs"}, measured["edge_px"][0]),
        ({"scores": planted, "checkpoint": "other weights"}, measured["edge_px"][0]),
        ({"scores": planted, "revision": 0}, measured["edge_px"][0]),
        ({"scores": planted, "evaluation": "another revision"}, measured["edge_px"][0]),
        ({"scores": {**planted, "edge_px": [None, 7.0]}}, measured["edge_px"][0]),
        ({"scores": {**planted, "edge_px": []}}, measured["edge_px"][0]),
    ):
        path.write_text(json.dumps(kept | change))
        assert restored_scores(study, run)["edge_px"][0] == expected
    for damaged in (
        b'{"revision": 1, "scores": {"edge_px": [NaN]}}',
        b"\xff\xfe",
        b"[]",
    ):
        path.write_bytes(damaged)
        for name, values in restored_scores(study, run).items():
            assert values == pytest.approx(measured[name], nan_ok=True)
        assert (
            "outputs.json: damaged; its pictures are measured again"
            in capsys.readouterr().err
        )


def short_study(folder: Path, dosed: Path) -> DoseStudy:
    """Plain loss, JDRL, registered pairs and the control, one step each."""
    jdrl = ablation_of("jdrl")
    fewer = replace(jdrl, rivals=jdrl.rivals[:1], controls=jdrl.controls[1:] * 2)
    schedule = folder / "s.toml"
    schedule.write_text(SHORT)
    return dose_study(
        fewer,
        AblationStudy(
            out=folder / "out", dataset=f"manifest:{dosed}", settings=schedule
        ),
        AblatedRows(doses=[4], narrow=True, central=True),
    )


def test_a_line_that_cannot_be_trained_is_named(dosed, tmp_path, monkeypatch):
    """The only training pair is so small that its misalignment is unknown."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(NotApplicableError, match=r"registered-unet.*needs every line"):
        run_dose_study(short_study(tmp_path, dosed))


@pytest.mark.full
def test_a_study_is_trained_told_and_shown(tmp_path, monkeypatch, capfd):
    """Three lines beside the control, one step each."""
    dosed = render_doses(
        tmp_path,
        "size = 160\npairs = {train = 2, test = 2}\ndoses_px = [4]\nblur_px = [1, 2]\n",
    )
    # no metric weights there, none fetched
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    study = short_study(tmp_path, dosed)
    document, _ = run_dose_study(study)
    (one,) = document["doses"]
    assert [line["label"] for line in one["lines"]] == [
        "1 plain loss", "JDRL", "blurry input", "registered pairs", *["control: true pairs"] * 2,
    ]  # fmt: skip
    by_label = {line["label"]: line for line in one["lines"]}
    gains = one["scene_gains"]
    assert gains["line"] == document["rivals"][0] == "registered pairs"
    assert len(document["controls"]) == len(gains["over_plain"]) == 2
    over_plain = by_label["registered pairs"]["over_plain"]["psnr"]["value"]
    assert np.mean(gains["over_plain"]) == pytest.approx(over_plain)
    for line in one["lines"]:
        added = line["means"]["edge_px"] - by_label["blurry input"]["means"]["edge_px"]
        assert line["moved_px"]["value"] == pytest.approx(added)
        assert line["parts_over_input"]["psnr"] == line["over_input"]
        own, blurry = (
            row["means"]["truth/psnr_edges"] for row in (line, by_label["blurry input"])
        )
        assert line["parts_over_input"]["psnr_edges"]["value"] == pytest.approx(
            own - blurry, abs=1e-6
        )
    assert by_label["registered pairs"]["rival_over"]["value"] == 0
    turned = by_label["registered pairs"]["whole_over"]["value"]
    assert by_label["JDRL"]["rival_over"]["value"] == pytest.approx(-turned) != 0
    reblurs = {
        label: line["reblur"] for label, line in by_label.items() if line["reblur"]
    }
    assert set(reblurs) == {"JDRL"}  # nothing else has a reblurring network
    assert min(reblurs["JDRL"].values()) > 0
    with open_results(tmp_path / "out" / "results.sqlite") as results:
        page = build_page(tmp_path / "out", results, leaderboard(results))
    assert [heading for heading, _ in page.sections[:6]] == [
        "Gain by dose", "Claims", "Which scores can be trusted?", "Every line by dose",
        "Gain by part of the picture", "Crops by dose",
    ]  # fmt: skip
    (chart,) = page.sections[0][1]
    assert isinstance(chart, Curves)
    drawn = {curve.label: curve.y for curve in chart.curves}
    assert drawn["JDRL"] == (by_label["JDRL"]["over_input"]["value"],)
    assert one["strip"]["labels"] == [
        "blurry input", "1 plain loss", "JDRL", "registered pairs", "control: true pairs", "truth",
    ]  # fmt: skip
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Crops by dose" in html
    assert one["strip"]["scene"] in html
    strip = read_image(tmp_path / "out" / strip_name(4))
    side, columns = CROP_PX * SHOWN, 6
    bends = one["scene_lines"]["line_px"]
    seen = any(bend is not None for bend in bends)
    assert ("line_px" in by_label["1 plain loss"]["means"]) is seen
    assert strip.shape == (
        HEAD_PX + 2 * side + GAP_PX + seen * (HEAD_PX + side),
        columns * side + (columns - 1) * GAP_PX, 3,
    )  # fmt: skip
    truth = strip[HEAD_PX : HEAD_PX + side, -side:]
    crop = truth[::SHOWN, ::SHOWN]
    pair = next(
        p
        for p in at_dose(study.dataset, 4).split("test")
        if p.id == one["strip"]["scene"]
    )
    assert pair.truth is not None
    named = (as_float(read_image(pair.truth)) * 255).round().astype(np.uint8)
    top, left = one["strip"]["top"], one["strip"]["left"]
    assert np.array_equal(crop, named[top : top + CROP_PX, left : left + CROP_PX])
    files = [
        tmp_path / "out" / name for name in ("report.html", "dose.json", strip_name(4))
    ]
    before = [file.stat().st_mtime_ns for file in files]
    run_dose_study(study)
    assert [file.stat().st_mtime_ns for file in files] == before, "nothing changed"
    files[2].unlink()
    capfd.readouterr()
    run_dose_study(study)  # the report lacks the section, and says so
    assert (
        "delete dose.json, then use the same 'studies ablate' again"
        in capfd.readouterr().err
    )
    files[1].unlink()
    run_dose_study(study)
    assert np.array_equal(read_image(files[2]), strip)


@pytest.mark.parametrize(
    ("moved", "least", "most"), [("edges", 1.6, 2.2), ("flat", 0.0, 0.4)]
)
def test_only_the_steepest_places_count_as_edges(moved, least, most):
    """A subject in focus stands before a blurred background, and one of them moves by 2 px."""
    rng = np.random.default_rng(5)
    far, near = (
        ndimage.gaussian_filter(
            np.kron(rng.uniform(0.1, 0.9, coarse), np.ones((8, 8))), blur_px
        )
        for coarse, blur_px in (((14, 18), 4.0), ((7, 9), 2.0))
    )

    def picture(step: int, background: int) -> Array:
        seen = np.roll(far, background, axis=1)
        seen[28:84, 36 + step : 108 + step] = near
        return np.asarray(seen[..., None] * np.ones(3))

    restored = picture(2, 0) if moved == "edges" else picture(0, 2)
    assert (
        least
        <= edge_displacement_px(restored, picture(0, 0), flow_estimator("dis"))
        <= most
    )
