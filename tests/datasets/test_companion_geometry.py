"""A focus bracket is aligned by its companion, as long as the mount stood still."""

import math
from dataclasses import replace
from types import MappingProxyType

import pytest

from defocus.align.compensation.compensate import Release
from defocus.align.flow.by_name import flow_estimator
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.taking.running import shoot_new
from defocus.capture.taking.shots.rig import RigAddress
from defocus.datasets.api import open_dataset
from defocus.datasets.deriving.compensate import compensate_dataset
from defocus.datasets.deriving.import_session import import_sessions
from defocus.errors import DatasetError

MEASURED = "measured_misalignment"


@pytest.fixture(scope="module")
def bracket(tmp_path_factory):
    """One pair whose focus was moved, with a companion; the mount stands still."""
    root = tmp_path_factory.mktemp("bracket")
    shoot_new(
        root / "s", RigAddress("sim:?seed=2&width=240&height=180"),
        BracketRequest(blurry="f/2.8", shutter="1/200", mode="focus", focus_steps=(-40,)),
        ShootOptions(retake="never", strictness="warn", yes=True),
    )  # fmt: skip
    import_sessions([root / "s"], root / "data")
    return open_dataset(f"manifest:{root / 'data'}")


def with_geometry(dataset, **changes: object):
    (pair,) = dataset.pairs
    geometry = {**pair.metadata[MEASURED], **changes}
    changed = replace(
        pair, metadata=MappingProxyType({**pair.metadata, MEASURED: geometry})
    )
    return replace(dataset, pairs=(changed,))


def compensation(dataset, out):
    (pair,) = compensate_dataset(dataset, out, Release("global"), flow_estimator).pairs
    return pair.metadata["compensation"]


def test_the_sharp_member_moves_as_the_companion_says(bracket, tmp_path):
    shown = bracket.pairs[0].metadata[MEASURED]
    assert shown["measured_on"] == "companion"
    record = compensation(bracket, tmp_path / "out")
    assert record["geometry_of"] == "companion"
    for name in ("zoom", "rotation_deg", "shift_px"):
        assert record["misalignment"][name] == pytest.approx(shown[name], abs=1e-9)
    assert record["misalignment"]["residual_px"]["median"] < 0.2
    assert record["misalignment"]["uncertainty"] is None


def test_a_mount_that_moved_afterwards_is_found_out(bracket, tmp_path):
    record = compensation(with_geometry(bracket, shift_px=[3.0, 0.0]), tmp_path / "out")
    assert record["geometry_of"] == "blurry"
    assert math.hypot(*record["misalignment"]["shift_px"]) < 0.3


def test_a_companion_that_is_unknown_does_not_count(bracket, tmp_path):
    unknown = with_geometry(bracket, status="unknown", zoom=None)
    assert compensation(unknown, tmp_path / "out")["geometry_of"] == "blurry"


@pytest.mark.parametrize(
    "changes",
    [{"zoom": math.nan}, {"zoom": -1.0}, {"shift_px": [1.0]}, {"rotation_deg": "far"}],
)
def test_no_geometry_is_refused(bracket, tmp_path, changes):
    with pytest.raises(
        DatasetError, match="the geometry of its companion is not a transform"
    ):
        compensation(with_geometry(bracket, **changes), tmp_path / "out")
