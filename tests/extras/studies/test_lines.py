"""Every line of an ablation is one that its objective takes."""

import pytest

from defocus.baselines.objectives.jdrl import make
from defocus.extras.studies.ablation.lines import ablation_of, chosen


@pytest.mark.parametrize("narrow", [False, True])
def test_all_lines_of_the_ablation_are_accepted(*, narrow):
    """A narrow network's have ``features`` even where there is no network of kernels."""
    jdrl = ablation_of("jdrl")
    line_recipes = [
        chosen(jdrl, line, narrow=narrow).recipe for line in jdrl.every_line()
    ]
    recipes = [recipe() for recipe in line_recipes if recipe]
    settings = [one.objective_settings for one in recipes if one.objective == "jdrl"]
    assert {"deformation", "flow", "kernels", "mask"} <= {
        name for one in settings for name in one
    }
    assert all(("features" in one) == narrow for one in settings)
    for one in settings:
        make(**one)


def test_the_line_of_the_deformed_output_halves_the_weight_of_reblurring():
    """Its share is JDRL's by that: see the tests of the objective's settings."""
    (line,) = (
        one for one in ablation_of("jdrl").candidates if "output deformed" in one.label
    )
    assert line.settings == {"deformation": "output", "alpha": 0.25}
