import numpy as np
import pytest
import torch
from synthetic import Pair, rendered_pair

from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, flow_estimator
from defocus.errors import AlignmentError, InputError
from defocus.scene.geometry import Similarity


def tensor(picture: np.ndarray) -> torch.Tensor:
    top = float(np.iinfo(picture.dtype).max)
    return torch.from_numpy(picture.astype(np.float32).transpose(2, 0, 1) / top)[None]


@pytest.fixture(scope="module")
def shifted() -> Pair:
    return rendered_pair(1, 0.0, Similarity(shift_px=(3.0, -2.0)))


@pytest.mark.parametrize("crop", [None, 128, 64, 48])
def test_flow_points_from_first_to_second(shifted: Pair, crop: int | None) -> None:
    part = slice(100, 100 + crop) if crop else slice(None)
    blurry, sharp = (tensor(p[part, part]) for p in (shifted.blurry, shifted.sharp))
    flow = flow_estimator("dis")(blurry, sharp)
    assert flow.shape == (1, 2, *blurry.shape[2:])
    assert flow.dtype == torch.float32
    u, v = flow[0, :, 8:-8, 8:-8].flatten(1).median(dim=1).values.tolist()
    assert (u, v) == (pytest.approx(3.0, abs=0.2), pytest.approx(-2.0, abs=0.2))


@pytest.mark.parametrize("size", [(1, 1), (5, 90), (11, 12), (13, 13), (48, 47)])
def test_any_size(size: tuple[int, int]) -> None:
    frames = torch.rand(2, 3, *size)
    assert flow_estimator()(frames, frames).abs().max() < 0.5


def test_frames_that_cannot_be_compared() -> None:
    dis = flow_estimator()
    frame = torch.rand(1, 3, 32, 32)
    with pytest.raises(AlignmentError, match="one shape"):
        dis(frame, frame[..., 1:])
    bad = frame.clone()
    bad[0, 0, 0, 0] = float("nan")
    with pytest.raises(AlignmentError, match="second frame"):
        dis(frame, bad)


def test_names() -> None:
    assert flow_estimator(DEFAULT_ESTIMATOR).name == flow_estimator().name
    with pytest.raises(InputError, match="choose one of dis, pwcnet"):
        flow_estimator("raft")
