"""Recorded passes: what is replayed, what is refused. A recording is stood for by the passes
themselves where there is no GPU."""

import pytest
import torch
from torch import distributed, nn

from defocus.baselines.objective import Batch, Objective
from defocus.errors import TrainingError
from defocus.training.parallel import Ranks, together
from defocus.training.steps.graphs import record

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")


class Norms(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1)
        )

    def forward(self, blurry, defocus_map=None):
        return self.layers(blurry) + (0 if defocus_map is None else defocus_map)


class Squares(Objective):
    def __init__(self, times: int = 1) -> None:
        super().__init__()
        self.times = times

    def forward(self, network, batch, progress):
        outputs = [network(batch.blurry, **batch.extra) for _ in range(self.times)]
        return sum((one - batch.target).square().mean() for one in outputs), {}


def batch_of(size: int = 2, side: int = 8, **extra: torch.Tensor) -> Batch:
    one = torch.Generator().manual_seed(size)
    blurry, target = (torch.rand(size, 3, side, side, generator=one) for _ in "bt")
    return Batch(blurry, target, extra).to(DEVICE)


@pytest.fixture
def replays(monkeypatch):
    """How often recorded passes were replayed."""
    count = []
    if not CUDA:

        def stand_in(passes, tensors, *, allow_unused_input):
            assert allow_unused_input
            with torch.enable_grad():
                # as the recording runs them, which moves running statistics
                passes(*tensors)

            def replay(*given: torch.Tensor) -> torch.Tensor:
                count.append(len(given))
                return passes(*given)

            return replay

        monkeypatch.setattr(torch.cuda, "make_graphed_callables", stand_in)
    return count


def gradients(network, batch):
    network.zero_grad()
    loss, _ = Squares()(network, batch, None)
    loss.backward()
    return [one.grad.clone() for one in network.parameters()]


@pytest.mark.parametrize("extra", [False, True], ids=["picture", "picture and map"])
def test_replayed_passes_give_the_gradients_of_the_plain_ones(replays, extra):
    named = {"defocus_map": torch.rand(2, 1, 8, 8)} if extra else {}
    torch.manual_seed(0)
    network = Norms().to(DEVICE).train()
    statistics = network.layers[1].running_mean.clone()
    plain = gradients(network, batch_of(**named))
    network.layers[1].reset_running_stats()
    record(network, Squares(), batch_of(5 - 3, **named), "float32")
    assert torch.equal(network.layers[1].running_mean, statistics)
    assert all(one.grad is None for one in network.parameters())
    before = len(replays)
    for one, other in zip(gradients(network, batch_of(**named)), plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert CUDA or len(replays) == before + 1


def test_a_recorded_network_is_shared_by_processes(replays, tmp_path):
    torch.manual_seed(0)
    network = Norms().to(DEVICE).train()
    plain = gradients(network, batch_of())
    record(network, Squares(), batch_of(), "float32")
    store = distributed.FileStore(str(tmp_path / "store"), 1)
    backend = "nccl" if CUDA else "gloo"
    distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    try:
        joint = together(network, Squares(), Ranks(world=2), DEVICE)
        network.zero_grad()
        before = len(replays)
        loss, _ = joint(batch_of(), None)
        loss.backward()
        for one, other in zip(network.parameters(), plain, strict=True):
            torch.testing.assert_close(one.grad, other, rtol=1e-4, atol=1e-6)
        assert CUDA or len(replays) == before + 1
    finally:
        distributed.destroy_process_group()


def test_other_sizes_and_evaluation_run_plainly(replays):
    network = Norms().to(DEVICE).train()
    record(network, Squares(), batch_of(), "float32")
    before = len(replays)
    network(batch_of(size=1).blurry)
    with torch.no_grad():
        network(batch_of().blurry)
    network.eval()(batch_of().blurry)
    assert len(replays) == before


@pytest.mark.parametrize("times", [0, 2])
def test_a_network_that_is_not_called_once_is_refused(replays, times, refused):
    network = Norms().to(DEVICE).train()
    with refused(TrainingError):
        record(network, Squares(times), batch_of(), "float32")
    assert "forward" not in vars(network) or network.forward.__func__ is Norms.forward


def test_a_network_that_decides_in_python_is_refused_if_a_replay_shows_it(
    replays, refused
):
    class Counting(Norms):
        calls = 0

        def forward(self, blurry):
            self.calls += 1
            return super().forward(blurry) * self.calls

    with refused(TrainingError):
        record(Counting().to(DEVICE).train(), Squares(), batch_of(), "float32")


def test_what_cannot_be_recorded_is_said(monkeypatch, refused):
    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", failing)
    with refused(TrainingError):
        record(Norms().to(DEVICE).train(), Squares(), batch_of(), "float32")
