"""Two processes, as torchrun starts them, learn what one learns from the same batch."""

import dataclasses
import socket
from pathlib import Path

import pytest
import torch
from torch import distributed, nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel

from defocus.baselines.card import Baseline
from defocus.baselines.objective import Batch, Objective, Progress
from defocus.benchmark.study.fit import train
from defocus.benchmark.study.plan import Run
from defocus.errors import InputError
from defocus.training.devices import best_device
from defocus.training.method import Training
from defocus.training.parallel import Ranks, part_of, processes
from defocus.training.steps.losses import NetworkAndObjective
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from tests.benchmark.test_train import CPU, RECIPE, Patches, make_run, tensors_of
from tests.command_process import StartedCommand, start_code

SCRIPT = """
import sys
from pathlib import Path
from defocus.benchmark.study.fit import train
from defocus.training.devices import best_device
from defocus.training.parallel import ranks
from tests.training.test_parallel import Plain, evenly
from tests.benchmark.test_train import Patches

print(ranks().world)
train(evenly(), Plain, Patches(), Path(sys.argv[1]), best_device())
"""


class Plain(Objective):
    """A mean over the crops, with nothing random in it."""

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]]:
        return (network(batch.blurry) - batch.target).abs().mean(), {}


def convolutions() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 3, 3, padding=1)
    )


def evenly() -> Run:
    """A run without dropout and batch statistics, which differ by process."""
    run = make_run(recipe=RECIPE.model_copy(update={"gradient_clip": 1.0}))
    return dataclasses.replace(run, baseline=Baseline(run.baseline.card, convolutions))


@pytest.mark.full
def test_two_processes_give_the_network_of_one(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    train(evenly(), Plain, Patches(), tmp_path / "one", CPU)
    for process in started_by_torchrun(SCRIPT, tmp_path / "two"):
        output = process.communicate()
        assert process.returncode == 0, output
        assert output[0].split() == ["2"]
    one, two = tensors_of(tmp_path / "one"), tensors_of(tmp_path / "two")
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-5)
    start = convolutions().get_parameter("0.weight")
    assert not torch.allclose(one["network.0.weight"], start, atol=1e-3)  # it did learn


def started_by_torchrun(code: str, folder: Path) -> list[StartedCommand]:
    """Two processes with the environment that ``torchrun --nproc-per-node 2`` gives them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    place["TORCHELASTIC_RUN_ID"] = "none"
    sizes = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    ranks = [
        {"RANK": rank, "LOCAL_RANK": rank, **place, **sizes} for rank in ("0", "1")
    ]
    return [start_code(code, folder, **settings) for settings in ranks]


def test_each_process_computes_on_its_own_gpu(monkeypatch):
    done: list[object] = []
    monkeypatch.setattr(torch.cuda, "set_device", done.append)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(distributed, "init_process_group", done.append)
    monkeypatch.setattr(
        distributed, "destroy_process_group", lambda: done.append("end")
    )
    place = {"TORCHELASTIC_RUN_ID": "none", "RANK": "3", "WORLD_SIZE": "4"}
    for name, value in (place | {"LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}).items():
        monkeypatch.setenv(name, value)
    with processes(best_device()) as mine:
        assert (mine.rank, mine.local) == (3, 1)
        assert done == [torch.device("cuda", 1), "cpu:gloo,cuda:nccl"], (
            "before it joins the others"
        )
    assert done[-1] == "end"


def test_a_batch_is_shared_without_rest(refused):
    batch = Batch(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8))
    parts = [part_of(batch, Ranks(rank, 2, rank)).blurry for rank in range(2)]
    assert torch.equal(torch.cat(parts), batch.blurry)
    with refused(InputError):
        part_of(batch, Ranks(0, 3, 0))


def test_the_parts_of_a_batch_are_exchanged_once(tmp_path):
    run = evenly()
    recipe = run.recipe.model_copy(update={"training": Training(accumulate=2)})
    network, objective = convolutions(), Plain()
    store = distributed.FileStore(str(tmp_path / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        joint = DistributedDataParallel(NetworkAndObjective(network, objective))
        exchanged: list[int] = []
        joint.register_comm_hook(exchanged, counted)
        optimiser_step(
            recipe,
            dataclasses.replace(
                make_optimisers(recipe, network, objective), joint=joint
            ),
            network,
            objective,
            Batch(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8)),
            Progress(0, 0.0, 0),
            1e-3,
        )
    finally:
        distributed.destroy_process_group()
    assert len(exchanged) == 1


def counted(
    exchanged: list[int], bucket: distributed.GradBucket
) -> torch.futures.Future[torch.Tensor]:
    exchanged.append(bucket.index())
    return allreduce_hook(None, bucket)
