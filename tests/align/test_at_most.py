"""A model that is at most allowed: an answer within its stated error, or none."""

import json

import pytest

from defocus.align.registration.models import corner_distance_px
from defocus.align.registration.tile_fit import NoFit, Start, fit_tiles
from defocus.pictures.write import write_image
from defocus.scene.geometry import Similarity
from tests.align.synthetic import largest_error_px, rendered_pair
from tests.align.test_registration_models import (
    IDENTITY,
    SHAPE,
    TRUTHS,
    everywhere,
    tiles,
)

MODELS_AND_CAPS = [(model, cap) for model in TRUTHS for cap in TRUTHS]


@pytest.mark.parametrize(("model", "at_most"), MODELS_AND_CAPS)
def test_no_richer_model_than_is_allowed(model, at_most):
    """If the tiles contradict that, the stated error says so."""
    names = list(TRUTHS)
    for seed in range(3):
        shifts = tiles(TRUTHS[model], 0.1, seed)
        result = fit_tiles(
            shifts, *everywhere(shifts), Start(IDENTITY, SHAPE), at_most=at_most
        )
        if isinstance(result, NoFit):
            assert names.index(at_most) < names.index(model)
            continue
        assert names.index(result.fit.model) <= names.index(at_most)
        off = corner_distance_px(result.fit.matrix, TRUTHS[model], SHAPE)
        assert off < 3 * result.scatter_px * result.fit.corner_factor_px
        assert (result.against_px > 0) == (names.index(at_most) < names.index(model))


def test_a_cap_that_the_tiles_do_not_contradict_makes_the_answer_surer():
    shifts = tiles(TRUTHS["translation"], 0.1, 0)
    errors = []
    for at_most in ("translation", "similarity"):
        result = fit_tiles(
            shifts, *everywhere(shifts), Start(IDENTITY, SHAPE), at_most=at_most
        )
        assert result.fit.model == "translation"
        errors.append(result.scatter_px * result.fit.corner_factor_px)
    assert errors[0] < errors[1]


SHIFTED = Similarity(shift_px=(2.5, -1.25))
ZOOMED = Similarity(1.008, 0.25, (2.5, -1.25))


@pytest.mark.parametrize(("truth", "is_known"), [(SHIFTED, True), (ZOOMED, False)])
def test_a_translation_at_most(truth, is_known, run, tmp_path):
    pair = rendered_pair(3, 4.0, truth)
    files = tmp_path / "blurry.png", tmp_path / "sharp.png"
    for path, picture in zip(files, (pair.blurry, pair.sharp), strict=True):
        write_image(path, picture)
    result = run(
        "defocus-data", "align", *files, "--at-most", "translation", "--json", code=0
    )
    document = json.loads(result.stdout)
    if not is_known:
        assert document["status"] == "unknown"
        assert (
            "the tiles show more than the translation that is allowed"
            in document["reason"]
        )
        assert document["reason"].endswith(
            "px off at the corners; allow a richer model with --at-most"
        )
        return
    assert (document["status"], document["model"]) == ("ok", "translation")
    assert document["zoom"] == pytest.approx(1.0, abs=1e-12)
    placed = Similarity(
        document["zoom"], document["rotation_deg"], tuple(document["shift_px"])
    )
    assert (
        largest_error_px(placed, truth) < 2 * document["uncertainty"]["corner_px"] < 0.4
    )
