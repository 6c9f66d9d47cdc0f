"""Small systems and a small dataset, brought in as another distribution would bring them."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.command_process import CHECKOUT, StartedCommand, run_command, start_command

NETWORKS = """
import time
from sys import exit

from torch import nn


class Conv(nn.Module):
    def __init__(self, delay=0.0):
        super().__init__()
        self.delay = delay
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.dropout = nn.Dropout2d(0.2)

    def forward(self, blurry):
        if self.training:
            time.sleep(self.delay)
        return blurry + 0.1 * self.dropout(self.conv(blurry))


class Broken(Conv):
    def forward(self, blurry):
        if not self.training:
            raise RuntimeError("sizes of tensors\\nmust match")
        return super().forward(blurry)


class Explodes(Conv):
    def forward(self, blurry):
        return super().forward(blurry) * float("nan")
"""

SYSTEMS = """
from functools import partial

from defocus.baselines.card import Baseline, Card


def build(name, *values):
    from tiny import networks

    return getattr(networks, name)(*values)


def recipe(steps=12, **settings):
    from defocus.baselines.recipe import Recipe, Schedule, Step

    schedule = Schedule(steps=steps, crop_px=16, batch=2, learning_rate=1e-3)
    return Recipe(
        epochs=10, decay=Step(every=4), paper=schedule, quick=schedule, demo=schedule, **settings
    )


def system(name, network, *values, make_recipe=recipe, **facts):
    facts = {"input": "single", **facts}
    card = Card(name=name, display_name=name, kind="network", status="reference",
                source="", follows="", licence="", **facts)
    return Baseline(card=card, build=partial(build, network, *values), recipe=make_recipe)


BASELINES = (
    system("tiny-conv", "Conv"),
    system("tiny-wide", "Conv", variant_of="tiny-conv"),
    system("tiny-slow", "Conv", 0.03, make_recipe=partial(recipe, 30)),
    system("tiny-sleepy", "Conv", 0.5, variant_of="tiny-conv", make_recipe=partial(recipe, 30)),
    system("tiny-dual", "Conv", input="dual", needs=("dual_pixel",)),
    system("tiny-truth", "Conv", make_recipe=partial(recipe, target="truth")),
    system("tiny-broken", "Broken"),
    system("tiny-exit", "exit", 3),
    system("tiny-nan", "Explodes"),
)
"""

READER = '''
"""tiny:DIR - folders of pictures called <scene>/{blurry,sharp}.png; scenes t* are for testing."""

from defocus.datasets.pair_files import content_hash, file_hashes
from defocus.datasets.pair import Dataset, Pair


def read(root):
    pairs = tuple(
        Pair(id=folder.name, scene=folder.name,
             split="test" if folder.name.startswith("t") else "train",
             blurry=folder / "blurry.png", sharp=folder / "sharp.png")
        for folder in sorted(root.iterdir()) if (folder / "blurry.png").exists()
    )
    files = [file for pair in pairs for file in (pair.blurry, pair.sharp)]
    found = content_hash(pairs, file_hashes(root, files))
    named = root / "name.txt"
    name = named.read_text() if named.exists() else "tiny"
    return Dataset(name, root, pairs, found, root / ".derived")
'''

ENTRY_POINTS = """
[defocus.baselines]
tiny = tiny.systems

[defocus.readers]
tiny = tiny.reader
"""


def distribution(folder: Path, name: str, points: str, **modules: str) -> Path:
    """A folder for the path in which a distribution of that name lies, with its entry points."""
    information = folder / f"{name}-0.1.dist-info"
    information.mkdir(parents=True)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n"
    )
    (information / "entry_points.txt").write_text(points)
    return folder


@pytest.fixture(scope="session")
def third_party(tmp_path_factory):
    """The environment in which a distribution with small systems and a reader is installed."""
    folder = distribution(tmp_path_factory.mktemp("third-party"), "tiny", ENTRY_POINTS)
    (folder / "tiny").mkdir()
    modules = {
        "__init__": "",
        "networks": NETWORKS,
        "systems": SYSTEMS,
        "reader": READER,
    }
    for name, text in modules.items():
        (folder / "tiny" / f"{name}.py").write_text(text)
    return {
        "PYTHONPATH": f"{CHECKOUT}{os.pathsep}{folder}",
        "TORCH_HOME": str(folder),  # no metric weights there, and no way to fetch them
        "https_proxy": "http://127.0.0.1:9",
        "OMP_NUM_THREADS": "1",
    }


def make_pictures(
    root: Path, scenes: tuple[str, ...], size: int = 48, first: int = 0
) -> Path:
    """Textures, blurred, with a sharp partner shifted by one pixel; others from ``first`` on."""
    for number, scene in enumerate(scenes, start=first):
        folder = root / scene
        folder.mkdir(parents=True)
        noise = np.random.default_rng(number).integers(
            0, 256, (size, size + 1, 3), dtype=np.uint8
        )
        texture = cv2.GaussianBlur(noise, (0, 0), 1.0)
        cv2.imwrite(
            str(folder / "blurry.png"), cv2.GaussianBlur(texture[:, :-1], (0, 0), 1.5)
        )
        cv2.imwrite(str(folder / "sharp.png"), texture[:, 1:])
    return root


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory):
    """Folder of a dataset with three training scenes and two test scenes."""
    return make_pictures(
        tmp_path_factory.mktemp("pictures"), ("a", "b", "c", "t1", "t2")
    )


Start = Callable[..., StartedCommand]


@pytest.fixture
def bench(third_party, run):
    """Run ``defocus-bench`` as a process to its end, the third party's systems installed."""
    return partial(run, "defocus-bench", **third_party)


@pytest.fixture(scope="session")
def finished_two(third_party, tiny_dataset, tmp_path_factory):
    """A finished study of the input and of a network with kept outputs, and what was said of it."""
    folder = tmp_path_factory.mktemp("two")
    words = [
        "run",
        "--only",
        "input",
        "--only",
        "tiny-conv",
        "--out",
        "out",
        "--keep-outputs",
    ]
    words += ["--dataset", f"tiny:{tiny_dataset}"]
    environment = {**os.environ, **third_party}
    result = run_command("defocus.benchmark.cli", words, folder, environment)
    assert result.returncode == 0, result.stderr
    return folder / "out", result.stderr


@pytest.fixture
def no_weights(monkeypatch):
    """LPIPS without its backbone."""
    from defocus.benchmark.metrics import lpips

    monkeypatch.setattr(lpips, "missing_backbone", lambda *_: "no weights in this test")


@pytest.fixture
def two_runs(finished_two, tmp_path):
    """A copy of that study, in the folder of the test."""
    return shutil.copytree(finished_two[0], tmp_path / "out")


@pytest.fixture
def start_bench(third_party, tmp_path):
    """Start ``defocus-bench`` as a process and do not wait for it."""
    return partial(start_command, "defocus-bench", folder=tmp_path, **third_party)
