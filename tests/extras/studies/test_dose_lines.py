"""Lines of a study by dose that are chosen by name."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from defocus.baselines.objectives.jdrl import make
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.study.attempt import train_run
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Pair
from defocus.errors import InputError, NotApplicableError
from defocus.extras.studies.ablation.lines import ablation_of
from defocus.extras.studies.dose.outputs.reblurring import losses_of_pair
from defocus.extras.studies.dose.outputs.strips import shown_lines
from defocus.extras.studies.dose.pairs import at_dose
from defocus.extras.studies.dose.plan import DoseStudy, dose_study
from defocus.extras.studies.options import AblatedRows, AblationStudy
from defocus.extras.studies.study_commands.ablate import command
from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.pictures.write import write_image
from defocus.scene.aperture import disc_psf
from defocus.scene.pictures import texture
from defocus.training.record.folder import CURVE
from tests.extras.studies.conftest import render_doses

JDRL = ablation_of("jdrl")
BY_FLOW = (
    "registered by flow",
    "registered by flow, refined",
    "registered by flow, masked",
)
MEASURED_BLUR = "JDRL, thin-lens reblurring, measured"
SHORT = "[schedule]\nsteps = 2\ncrop_px = 32\nbatch = 1\nlearning_rate = 1e-3\n"


class Still(nn.Module):
    """A reblurring network that became the identity."""

    def forward(self, restored: Tensor, blurry: Tensor) -> Tensor:
        return restored


def asked(dosed: Path, out: Path, *labels: str) -> DoseStudy:
    return dose_study(
        JDRL,
        AblationStudy(out=out, dataset=f"manifest:{dosed}"),
        AblatedRows(doses=[4], narrow=True, lines=labels),
    )


def test_only_the_named_lines_are_trained_beside_those_they_are_compared_with(
    dosed, tmp_path
):
    study = asked(dosed, tmp_path, "JDRL, true flow", "robust loss", "robust loss")
    assert [line.label for line in study.lines()] == [
        "1 plain loss", "JDRL", "blurry input", "control: true pairs", "JDRL, true flow",
        "robust loss",
    ]  # fmt: skip
    recipes = {
        run.system: run.recipe
        for part in study.studies()
        for run in part.runs
        if run.recipe
    }
    assert set(recipes) == {
        "unet-narrow", "jdrl-unet-narrow", "unet-truth-narrow", "jdrl-unet-true-flow-narrow",
        "unet-geman-mcclure-narrow",
    }  # fmt: skip
    flow = recipes["jdrl-unet-true-flow-narrow"]
    assert flow.supervision == ("flow",)
    assert flow.objective_settings == {"flow": "true", "mask": "none", "features": 16}
    assert not recipes["jdrl-unet-narrow"].supervision
    robust = recipes["unet-geman-mcclure-narrow"].objective_settings
    assert robust == {"terms": [{"loss": "geman_mcclure"}]}


def test_one_seed_of_a_control_is_evaluated_with_its_own_training(dosed, tmp_path):
    home, abroad, *_ = replace(asked(dosed, tmp_path, "robust loss"), seeds=2).studies()
    assert abroad.home is home
    second = abroad.only_seed(1)
    (run,) = second.runs
    assert second.trained(run)[1] == home.runs[1]


def test_a_line_that_is_told_a_truth_is_a_control(dosed, tmp_path):
    study = asked(
        dosed, tmp_path, "JDRL, true flow", "JDRL, thin-lens reblurring", "robust loss"
    )
    assert [line.label for line in study.controls()] == [
        "control: true pairs", "JDRL, true flow", "JDRL, thin-lens reblurring",
    ]  # fmt: skip


def test_pairs_without_what_a_line_needs_are_refused_before_any_training(
    dosed, tmp_path, refused
):
    study = asked(dosed, tmp_path, "JDRL, true flow")
    pairs = tuple(replace(pair, flow=None) for pair in study.dataset.pairs)
    without = replace(study, dataset=replace(study.dataset, pairs=pairs))
    with refused(NotApplicableError):
        without.studies()
    assert replace(without, chosen=("robust loss",)).studies(), (
        "other lines need no flow"
    )
    pairs = tuple(replace(pair, sharp=None) for pair in study.dataset.pairs)
    unshot = replace(
        study, dataset=replace(study.dataset, pairs=pairs), chosen=(MEASURED_BLUR,)
    )
    with refused(NotApplicableError):
        unshot.studies()


def test_pairs_registered_by_flow_are_rivals_and_no_controls(dosed, tmp_path):
    study = asked(dosed, tmp_path, *BY_FLOW)
    assert [line.label for line in study.rivals()] == list(BY_FLOW)
    assert [line.label for line in study.controls()] == ["control: true pairs"]
    recipes = {
        run.system: run.recipe
        for part in study.studies()
        for run in part.runs
        if run.recipe
    }
    own = recipes["unet-narrow"]
    for name, changed in {
        "registered-unet-flow-narrow": {},
        "registered-unet-flow-refined-narrow": {"objective_settings": {"refined": True}},
        "registered-unet-flow-masked-narrow": {
            "objective_settings": {"masked": True}, "supervision": ("valid_mask",),
        },
    }.items():  # fmt: skip
        same = {
            "objective": "registered",
            "target": "registered-flow",
            "objective_settings": {},
        }
        assert recipes[name] == own.model_copy(update={**same, **changed})


def test_a_line_whose_target_has_no_mask_is_refused_before_any_training(
    dosed, tmp_path, refused
):
    wrong = [
        replace(line, target="registered")
        if line.settings == {"masked": True}
        else line
        for line in JDRL.candidates
    ]
    study = asked(dosed, tmp_path, BY_FLOW[-1])
    with refused(NotApplicableError):
        replace(study, ablation=replace(JDRL, candidates=tuple(wrong))).studies()


@pytest.fixture(scope="module")
def registrable(tmp_path_factory):
    """A rendered training pair that is large enough to be registered, and one to test."""
    folder = tmp_path_factory.mktemp("registrable")
    return render_doses(
        folder,
        "size = 160\npairs = {train = 1, test = 1}\ndoses_px = [4]\nblur_px = [1, 2]\n",
    )


@pytest.mark.parametrize(
    ("label", "logged"),
    [
        (BY_FLOW[0], set()),
        (BY_FLOW[1], {"moved_px"}),
        (BY_FLOW[2], {"mask_kept_share"}),
        (MEASURED_BLUR, {"reblur"}),
    ],
)
def test_lines_with_what_is_measured_before_are_trained(
    registrable, tmp_path, label, logged
):
    study = replace(
        asked(registrable, tmp_path / "out", label), settings=tmp_path / "s.toml"
    )
    (tmp_path / "s.toml").write_text(SHORT)
    (line,) = (one for one in study.lines() if one.label == label)
    (system,) = study.systems([line])
    *_, part = study.studies()
    (run,) = (run for run in part.runs if run.system == system.card.name)
    before = {name: one.clone() for name, one in system.build().state_dict().items()}
    trained = train_run(part, run).network.state_dict()
    assert any(not torch.equal(trained[name], one) for name, one in before.items())
    with (run_folder(part.out, run.id) / CURVE).open(
        newline="", encoding="utf-8"
    ) as curve:
        rows = list(csv.DictReader(curve))
    assert logged <= {name for name, value in rows[-1].items() if value}
    assert all(math.isfinite(float(row["loss"])) for row in rows)


@pytest.mark.parametrize(
    ("labels", "rival"),
    [
        ((), "registered pairs"),
        (("robust loss", "registered, refined"), "registered, refined"),
        (
            ("JDRL, reblurring learned on targets",),
            "JDRL, reblurring learned on targets",
        ),
        (("5 free kernels",), None),
    ],
)
def test_a_strip_shows_the_first_rival_that_was_trained(dosed, tmp_path, labels, rival):
    study = asked(dosed, tmp_path, *labels)
    shown = shown_lines(study)
    assert set(shown) <= set(study.lines()), "only what was trained"
    assert [line.label for line in shown] == [
        "1 plain loss", "JDRL", *([rival] if rival else []), "control: true pairs",
    ]  # fmt: skip


def test_every_candidate_is_a_system_of_its_own_with_known_settings(dosed, tmp_path):
    every = asked(dosed, tmp_path)
    assert set(JDRL.candidates) <= set(every.lines())
    central = (*JDRL.central_lines(), *JDRL.all_lines(rendered=True))
    assert not set(JDRL.candidates) & set(central)
    systems = [system.card.name for system in every.systems(every.lines())]
    assert len(set(systems)) == len(systems)


def test_a_line_is_named_without_case_and_number(dosed, tmp_path, refused):
    study = asked(dosed, tmp_path, "Free Kernels", "5 free kernels", "jdrl, true flow")
    assert study.chosen == ("5 free kernels", "JDRL, true flow")
    names = [line.label.lstrip("0123456789 ").lower() for line in JDRL.every_line()]
    assert len(set(names)) == len(names), "no name means two lines"
    with refused(InputError):
        asked(dosed, tmp_path, "4 free kernels")


def test_a_line_that_is_not_there(dosed, tmp_path, refused):
    with refused(InputError):
        asked(dosed, tmp_path, "true flow")
    with refused(InputError):
        asked(dosed, tmp_path, "xyz")
    for words, message in (
        (["--line", "JDRL"], "--line goes with --doses; add --doses, or leave it out"),
        (
            ["--doses", "4", "--central", "--line", "JDRL"],
            "--line does not go with --central",
        ),
    ):
        result = CliRunner().invoke(
            command, ["jdrl", "--dataset", f"manifest:{dosed}", *words]
        )
        assert result.exit_code == 2
        assert message in result.output


def test_a_reblurring_without_effect_prefers_the_blurry_picture(dosed):
    pair, *_ = at_dose(open_dataset(f"manifest:{dosed}"), 4).split("test")
    still = make()
    still.reblurring = Still()
    truth, blurry = losses_of_pair(still, pair)
    assert blurry == pytest.approx(still.settings.epsilon)
    assert truth > 3 * blurry
    discs = losses_of_pair(make(kernels="thin-lens"), pair)
    assert discs[0] < truth  # blurred again, the true picture resembles the blurry one
    assert discs[1] > blurry  # and the blurry one does no longer


def test_discs_of_the_measured_blur_do_so_too(tmp_path):
    """The map of the pair is wrong, so that nothing else tells of the blur."""
    scene = np.asarray(texture("chelsea", 320, 256), np.float32)
    kernel = disc_psf(6).astype(np.float32)
    light = {
        "truth": scene,
        "blurry": cv2.filter2D(scene, -1, kernel, borderType=cv2.BORDER_REPLICATE),
        "sharp": np.roll(scene, 2, axis=0),
    }
    for role, one in light.items():
        write_image(
            tmp_path / f"{role}.png", as_integer(linear_to_srgb(np.clip(one, 0, 1)), 16)
        )
    np.save(tmp_path / "map.npy", np.ones((256, 320), np.float32))
    files = {role: tmp_path / f"{role}.png" for role in light}
    pair = Pair("a", "a", "test", **files, defocus_map=tmp_path / "map.npy")
    still = make()
    still.reblurring = Still()
    truth, blurry = losses_of_pair(make(kernels="thin-lens-measured"), pair)
    assert truth < 0.5 * losses_of_pair(still, pair)[0]
    assert truth < blurry


def test_a_study_file_needs_no_more_than_the_setting(registrable, tmp_path, bench):
    """A network with measured discs, and one with the measured mask, are trained as they are."""
    (tmp_path / "study.toml").write_text(
        f'datasets = ["manifest:{registrable}"]\nsystems = ["tiny-conv"]\n'
        '[objectives.measured]\nobjective = "jdrl"\n'
        'settings = {kernels = "thin-lens-measured"}\n'
        '[objectives.masked]\nobjective = "registered"\nsettings = {masked = true}\n'
        "[schedule]\nsteps = 2\ncrop_px = 32\nbatch = 1\nlearning_rate = 1e-3\n"
    )
    result = bench("run", "--study", "study.toml", "--out", "out")
    assert result.returncode == 0, result.stderr
    table = (tmp_path / "out" / "leaderboard.csv").read_text()
    assert "tiny-conv-with-measured" in table
    assert "tiny-conv-with-masked" in table
