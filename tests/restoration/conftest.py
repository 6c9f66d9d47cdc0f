"""What tests of restoring share."""

import pytest
import torch

import defocus
from defocus.restoration.restorer import make_restorer


@pytest.fixture(scope="module")
def own():
    """The package's own network, ready to restore."""
    network = defocus.load("defocus-m", weights="own").eval()
    return make_restorer(network, 0, torch.device("cpu"))
