"""What a GPU's settings and several processes change of a training: seconds, loss, weights.

``python -m research.ranks OUT`` trains NAFNet for 200 steps in eight ways, in ten minutes on one
machine with GPUs; ``--cpu`` does four steps of a few on two processes of a processor."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from defocus.storage.files import make_folder, write_json, write_text
from defocus.training.record.checkpoint import load_checkpoint
from defocus.training.record.curve_files import read_numbers
from defocus.training.record.folder import CHECKPOINT, CURVE

WAYS = {
    "one process": (1, ""),
    "all processes": (0, ""),
    "graphs": (1, "graphs = true"),
    "graphs, all processes": (0, "graphs = true"),
    "no TF32": (1, 'tf32 = "none"'),
    "TF32 everywhere": (1, 'tf32 = "all"'),
    "fastest of cuDNN": (1, 'cudnn = "fastest"'),
    "bfloat16": (1, 'precision = "bfloat16"'),
}
"""Number of processes (0 for one per GPU) and the line under ``[training]``, by the name of a
way."""

GPU_SCHEDULE = "steps = 200\ncrop_px = 256\nbatch = 8\nlearning_rate = 2e-4"
CPU_SCHEDULE = "steps = 4\ncrop_px = 32\nbatch = 2\nlearning_rate = 2e-4"

ALONE = "one GPU alone"

STEADY = 0.5
"""Share of the steps after which steps are timed: earlier ones compile, record and choose
algorithms."""


@dataclass(frozen=True)
class Outcome:
    """Result of one way of training; the numbers are None where it failed."""

    way: str
    processes: int
    seconds_a_step: float | None
    loss: float | None
    weights_off: float | None  # relative to the norm of those of one process
    problem: str = ""


def command_of(processes: int) -> list[str]:
    """The training, by ``torchrun`` if there are several processes."""
    words = [
        "train",
        "nafnet",
        "--budget",
        "quick",
        "--settings",
        "settings.toml",
        "--out",
        "s",
    ]
    launcher = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={processes}",
    ]
    if processes == 1:
        launcher = []
    return [sys.executable, *launcher, "-m", "defocus.benchmark", *words]


def trained(
    folder: Path,
    setting: str,
    processes: int,
    *,
    cpu: bool,
) -> str:
    """Train in a folder; return why that failed, or an empty text."""
    schedule = CPU_SCHEDULE if cpu else GPU_SCHEDULE
    text = f"[schedule]\n{schedule}\n[training]\nworkers = 2\n{setting}\n"
    write_text(folder / "settings.toml", text)
    hidden = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"} if cpu else {}
    with (folder / "said.txt").open("w") as said:
        code = subprocess.call(
            command_of(processes),
            cwd=folder,
            env=os.environ | hidden,
            stdout=said,
            stderr=said,
        )
    if code == 0:
        return ""
    lines = (folder / "said.txt").read_text(errors="replace").strip().splitlines()
    ours = [line for line in lines if line.startswith("defocus-bench: ")]
    return (ours or lines or [f"exit code {code}"])[-1]


def outcomes(out: Path, gpus: int, *, cpu: bool) -> Iterator[Outcome]:
    """Every way that this machine can show; weights are compared with those of the first."""
    reference: dict[str, torch.Tensor] = {}
    for way, (asked, setting) in WAYS.items():
        processes = asked or gpus
        folder = make_folder(out / way.replace(", ", "-").replace(" ", "-"))
        lone = asked == 0 and gpus < 2
        problem = ALONE if lone else trained(folder, setting, processes, cpu=cpu)
        if problem:
            yield Outcome(way, processes, None, None, None, problem)
            continue
        (run,) = (folder / "s" / "runs").iterdir()
        weights = weights_of(run)
        reference = reference or weights
        differences = {}
        for name, tensor in reference.items():
            differences[name] = weights[name] - tensor
        off = norm_of(differences) / norm_of(reference)
        seconds_a_step, loss = speed_of(run)
        yield Outcome(way, processes, seconds_a_step, loss, off)


def speed_of(run: Path) -> tuple[float, float]:
    """Seconds a step, and the mean loss, of the steps that are timed."""
    rows = read_numbers(run / CURVE, "step", "seconds", "loss")
    steady = rows[int(STEADY * len(rows)) :]
    first_step, begin, _ = steady[0]
    last_step, end, _ = steady[-1]
    timed = max(1, last_step - first_step)
    seconds_a_step = (end - begin) / timed
    losses = [loss for _, _, loss in steady]
    return seconds_a_step, sum(losses) / len(losses)


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    """The tensors of the network."""
    tensors = load_checkpoint(run / CHECKPOINT, run.name).tensors
    weights = {}
    for name, tensor in tensors.items():
        if name.startswith("network."):
            weights[name] = tensor.double()
    return weights


def norm_of(tensors: dict[str, torch.Tensor]) -> float:
    """The Euclidean norm of all values together."""
    norms = [one.norm() for one in tensors.values()]
    return float(torch.stack(norms).norm())


def main() -> int:
    """Print a table and write ``ranks.json``; the exit code is 1 if a way failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cpu", action="store_true")
    asked = parser.parse_args()
    gpus = 2 if asked.cpu else torch.cuda.device_count()
    if gpus == 0:
        parser.error("no GPU here; --cpu tries two processes of the processor")
    found = []
    for one in outcomes(asked.out, gpus, cpu=asked.cpu):
        found.append(one)
        print(json.dumps(asdict(one)), flush=True)  # noqa: T201 - what the script is for
    device = "cpu" if asked.cpu else torch.cuda.get_device_name()
    write_json(
        asked.out / "ranks.json",
        {
            "device": device,
            "torch": torch.__version__,
            "ways": list(map(asdict, found)),
        },
    )
    return int(any(one.problem not in ("", ALONE) for one in found))


if __name__ == "__main__":
    raise SystemExit(main())
