"""Lines of a study by dose that are chosen by name."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from torch import Tensor, nn

from defocus.baselines.ablation import ablation_of
from defocus.baselines.objectives.jdrl.objective import make
from defocus.benchmark.commands.ablate import command
from defocus.benchmark.experiments.dose.outputs.reblurring import losses_of_pair
from defocus.benchmark.experiments.dose.outputs.strips import shown_lines
from defocus.benchmark.experiments.dose.pairs import at_dose
from defocus.benchmark.experiments.dose.plan import DoseStudy, dose_study
from defocus.datasets.api import open_dataset
from defocus.errors import InputError, NotApplicableError

JDRL = ablation_of("jdrl")


class Still(nn.Module):
    """A reblurring network that became the identity."""

    def forward(self, restored: Tensor, blurry: Tensor) -> Tensor:
        return restored


def asked(dosed: Path, out: Path, *labels: str) -> DoseStudy:
    return dose_study(
        JDRL, out, f"manifest:{dosed}", [4], "demo", 1, None,
        narrow=True, network="", start=None, central=False, chosen=labels,
    )  # fmt: skip


def test_only_the_named_lines_are_trained_beside_those_they_are_compared_with(
    dosed: Path, tmp_path: Path
) -> None:
    study = asked(dosed, tmp_path, "JDRL, true flow", "robust loss", "robust loss")
    assert [line.label for line in study.lines()] == [
        "1 plain loss", "JDRL", "blurry input", "control: true pairs", "JDRL, true flow",
        "robust loss",
    ]  # fmt: skip
    recipes = {
        run.system: run.recipe for part in study.studies() for run in part.runs if run.recipe
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


def test_a_line_that_is_told_a_truth_is_a_control(dosed: Path, tmp_path: Path) -> None:
    study = asked(dosed, tmp_path, "JDRL, true flow", "JDRL, thin-lens reblurring", "robust loss")
    assert [line.label for line in study.controls()] == [
        "control: true pairs", "JDRL, true flow", "JDRL, thin-lens reblurring",
    ]  # fmt: skip


def test_pairs_without_what_a_line_needs_are_refused_before_any_training(
    dosed: Path, tmp_path: Path
) -> None:
    study = asked(dosed, tmp_path, "JDRL, true flow")
    pairs = tuple(replace(pair, flow=None) for pair in study.dataset.pairs)
    without = replace(study, dataset=replace(study.dataset, pairs=pairs))
    with pytest.raises(
        NotApplicableError, match=r"line 'JDRL, true flow': pair train-\S+ has no true flow"
    ):
        without.studies()
    assert replace(without, chosen=("robust loss",)).studies(), "other lines need no flow"


@pytest.mark.parametrize(
    ("labels", "rival"),
    [
        ((), "registered pairs"),
        (("robust loss", "registered, refined"), "registered, refined"),
        (("JDRL, reblurring learned on targets",), "JDRL, reblurring learned on targets"),
        (("5 free kernels",), None),
    ],
)
def test_a_strip_shows_the_first_rival_that_was_trained(
    dosed: Path, tmp_path: Path, labels: tuple[str, ...], rival: str | None
) -> None:
    study = asked(dosed, tmp_path, *labels)
    shown = shown_lines(study)
    assert set(shown) <= set(study.lines()), "only what was trained"
    assert [line.label for line in shown] == [
        "1 plain loss", "JDRL", *([rival] if rival else []), "control: true pairs",
    ]  # fmt: skip


def test_every_candidate_is_a_system_of_its_own_with_known_settings(
    dosed: Path, tmp_path: Path
) -> None:
    every = asked(dosed, tmp_path)
    assert set(JDRL.candidates) <= set(every.lines())
    central = (*JDRL.central_lines(), *JDRL.all_lines(rendered=True))
    assert not set(JDRL.candidates) & set(central)
    systems = [system.card.name for system in every.systems(every.lines())]
    assert len(set(systems)) == len(systems)


def test_a_line_that_is_not_there(dosed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no line 'true flow'; there are: 1 plain loss; 2 without"):
        asked(dosed, tmp_path, "true flow")
    for words, message in (
        (["--line", "JDRL"], "--line goes with --doses; leave it out"),
        (["--doses", "4", "--central", "--line", "JDRL"], "--line does not go with --central"),
    ):
        done = CliRunner().invoke(command, ["jdrl", "--dataset", f"manifest:{dosed}", *words])
        assert done.exit_code == 2
        assert message in done.output


def test_a_reblurring_without_effect_prefers_the_blurry_picture(dosed: Path) -> None:
    pair, *_ = at_dose(open_dataset(f"manifest:{dosed}"), 4).split("test")
    still = make()
    still.reblurring = Still()
    truth, blurry = losses_of_pair(still, pair)
    assert blurry == pytest.approx(still.settings.epsilon)
    assert truth > 3 * blurry
    discs = losses_of_pair(make(kernels="thin-lens"), pair)
    assert discs[0] < truth  # blurred again, the true picture resembles the blurry one
    assert discs[1] > blurry  # and the blurry one does no longer
