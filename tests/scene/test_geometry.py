import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from defocus.scene.geometry import Similarity

similarities = st.builds(
    Similarity,
    zoom=st.floats(0.8, 1.25),
    rotation_deg=st.floats(-170.0, 170.0),
    shift_px=st.tuples(st.floats(-50.0, 50.0), st.floats(-50.0, 50.0)),
)
sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))


@given(similarity=similarities, size=sizes)
def test_flow_is_the_stated_formula(similarity, size):
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    cx, cy = (width - 1) / 2, (height - 1) / 2
    cos = math.cos(math.radians(similarity.rotation_deg))
    sin = math.sin(math.radians(similarity.rotation_deg))
    xs = (
        cx
        + similarity.zoom * (cos * (x - cx) - sin * (y - cy))
        + similarity.shift_px[0]
    )
    ys = (
        cy
        + similarity.zoom * (sin * (x - cx) + cos * (y - cy))
        + similarity.shift_px[1]
    )
    assert np.allclose(
        similarity.flow(width, height), np.stack([xs - x, ys - y]), atol=1e-9
    )


@given(similarity=similarities, size=sizes)
def test_matrix_and_back(similarity, size):
    back = Similarity.from_matrix(similarity.matrix(*size), *size)
    assert math.isclose(back.zoom, similarity.zoom, rel_tol=1e-9)
    assert math.isclose(back.rotation_deg, similarity.rotation_deg, abs_tol=1e-7)
    assert np.allclose(back.shift_px, similarity.shift_px, atol=1e-7)
