"""Released checkpoints of the JDRL networks as files have them, without any at hand."""

import torch

from defocus.baselines.registry import baseline
from defocus.baselines.systems.rjdrl_unet.network import BlurEstimator, convert
from defocus.baselines.systems.unet.network import UNet
from defocus.baselines.systems.unet.network import convert as convert_unet
from defocus.baselines.weights.conversion import state_for
from defocus.errors import WeightsError


@torch.no_grad()
def test_the_released_unet_is_turned_from_bgr_to_rgb():
    torch.manual_seed(0)
    official = UNet(width=8, levels=3).eval()
    file = {f"G_state_dict.module.{k}": v for k, v in official.state_dict().items()}
    network = UNet(width=8, levels=3).eval()
    state = {
        k.removeprefix("G_state_dict.module."): v for k, v in convert_unet(file).items()
    }
    network.load_state_dict(state)
    picture = torch.rand(1, 3, 20, 24)
    as_opencv_reads = picture.flip(1)
    torch.testing.assert_close(network(picture), official(as_opencv_reads).flip(1))
    own = dict(network.state_dict())
    assert all(convert_unet(own)[name] is own[name] for name in own)


def test_two_dictionaries_become_one(refused):
    pred = BlurEstimator().state_dict()
    deblur = {"out.0.bias": torch.zeros(3)}
    file = {f"Pred_state_dict.module.{k}": v for k, v in pred.items()}
    file |= {f"G_state_dict.module.{k}": v for k, v in deblur.items()}
    file |= {
        "Reblur_state_dict.kpn.out.bias": torch.zeros(35),
        "epoch": torch.tensor(3),
    }
    state = convert(file)
    assert set(state) == {f"pred.{k}" for k in pred} | {"deblur.out.0.bias"}
    own = {"pred.out.bias": torch.zeros(35)}
    assert convert(own) is own
    with refused(WeightsError):
        state_for(
            baseline("rjdrl-restormer"), {"Pred_state_dict.a": torch.zeros(1)}, "a.pth"
        )
