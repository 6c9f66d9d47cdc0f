"""A picture by ``defocus-m`` in ONNX Runtime and in PyTorch; needs the extra ``onnx``.

A graph with another result is refused when it is made."""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.registry import baseline
from defocus.extras.export.agreement import onnx_session
from defocus.extras.export.graph import make_graph
from tests.conformance.probe import fill_weights
from tests.speed.case import Case, Work

SYSTEM = "defocus-m"
SIDE = 512


def _network() -> nn.Module:
    network = baseline(SYSTEM).build().eval()
    fill_weights(network, 0)
    return network


def _picture() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32)


def _in_onnx() -> Work:
    graph = make_graph(baseline(SYSTEM), _network())
    return partial(onnx_session(graph.model.SerializeToString()), _picture())


def _in_torch() -> Work:
    return torch.no_grad()(partial(_network(), torch.from_numpy(_picture())))


CASES = (Case("onnx", _in_onnx, _in_torch, target=0.8),)
