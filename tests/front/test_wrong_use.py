"""Wrong use of the front door: each call ends in one line, kept beside this file."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import defocus
from defocus.errors import DefocusError
from defocus.front.pictures import (
    one_picture,
    pictures,
    require_network_input,
    two_pictures,
)

BYTES = np.random.default_rng(5).integers(0, 256, (40, 52, 3), np.uint8)
FLOATS = BYTES / np.float32(255)
FLAT = np.full((64, 64, 3), 9, np.uint8)
TENSOR = torch.zeros(1, 3, 8, 8)
LISTS = re.compile(r"(there are|with a reader of|width=-1:) .*")
"""Of what extras bring too, and words of torch."""
SMALLER = nn.Conv2d(3, 3, 3)  # gives another size


def spoilt(value: float) -> np.ndarray:
    picture = FLOATS.copy()
    picture[3, 7, 1] = value
    return picture


class Nothing(nn.Module):
    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return blurry * float("nan")


RESTORE = {
    "strength beyond its end": lambda: defocus.restore(BYTES, "wiener", strength=2.5),
    "strength nan": lambda: defocus.restore(BYTES, "wiener", strength=float("nan")),
    "strength in words": lambda: defocus.restore(BYTES, "wiener", strength="full"),
    "strength as a text": lambda: defocus.restore(BYTES, "wiener", strength="1"),
    "half a pixel": lambda: defocus.restore(BYTES, "wiener", tile=512.5),
    "a small tile": lambda: defocus.restore(BYTES, "wiener", tile=100),
    "a tile off the grid": lambda: defocus.restore(BYTES, "wiener", tile=300),
    "a negative tile": lambda: defocus.restore(BYTES, "wiener", tile=-64),
    "a misspelt system": lambda: defocus.restore(BYTES, "wienr"),
    "a guard in words": lambda: defocus.restore(BYTES, "wiener", guard="no"),
    "no weights": lambda: defocus.restore(BYTES, "unet"),
    "a function": lambda: defocus.restore(BYTES, lambda blurry: blurry),
    "weights of a network": lambda: defocus.restore(BYTES, SMALLER, weights="x"),
    "two views": lambda: defocus.restore(BYTES, "dpdnet-dual"),
    "floats of 8 bits": lambda: defocus.restore(FLOATS * 255, "wiener"),
    "a result that is not finite": lambda: defocus.restore(FLOATS, Nothing()),
    "a result of another size": lambda: defocus.restore(FLOATS, SMALLER),
}
RENDER = {
    "a misspelt scene": lambda: defocus.render("caffe"),
    "no depth": lambda: defocus.render(BYTES),
    "depth of another size": lambda: defocus.render(BYTES, np.ones((30, 52))),
    "no distance": lambda: defocus.render(BYTES, np.zeros((40, 52))),
    "a narrow picture": lambda: defocus.render(BYTES[:20], np.ones((20, 52))),
    "depth in words": lambda: defocus.render(BYTES, "far"),
    "a picture of long integers": lambda: defocus.render(
        BYTES.astype(np.int64), np.ones((40, 52))
    ),
    "much misalignment": lambda: defocus.render("cafe", misaligned="much"),
    "an aperture in words": lambda: defocus.render("cafe", f_number="2"),
    "focus nan": lambda: defocus.render("cafe", focus_mm=float("nan")),
    "focus true": lambda: defocus.render("cafe", focus_mm=True),
    "focus inside the lens": lambda: defocus.render("cafe", focus_mm=40.0),
}
SCORE = {
    "long integers": lambda: defocus.score(BYTES.astype(np.int32), BYTES),
    "floats of 8 bits": lambda: defocus.score(BYTES.astype(np.float32), BYTES),
    "another size": lambda: defocus.score(BYTES[:-1], BYTES),
    "channels first": lambda: defocus.score(BYTES.transpose(2, 0, 1), BYTES),
    "a misspelt profile": lambda: defocus.score(BYTES, BYTES, profile="dpdd"),
    "metrics as a text": lambda: defocus.score(BYTES, BYTES, metrics="psnr"),
    "metrics as a number": lambda: defocus.score(BYTES, BYTES, metrics=5),
    "a misspelt metric": lambda: defocus.score(BYTES, BYTES, metrics=["psnrr"]),
    "a metric of the input": lambda: defocus.score(BYTES, BYTES, metrics=["warp_px"]),
    "too small": lambda: defocus.score(
        BYTES[:6, :6], BYTES[:6, :6], metrics=["psnr", "ssim"]
    ),
    "a mask as a list": lambda: defocus.score(BYTES, BYTES, mask=[[True]]),
    "a mask of bytes": lambda: defocus.score(BYTES, BYTES, mask=BYTES[:, :, 0]),
}
PAIRS = {
    "no such model": lambda: defocus.align_pair(FLAT, FLAT, model="local"),
    "long integers": lambda: defocus.measure_pair(FLAT, FLAT.astype(np.int32)),
    "another size": lambda: defocus.measure_pair(FLAT, FLAT[:60]),
    "three numbers of a region": lambda: defocus.measure_mtf(FLOATS, (0, 0, 10)),
    "a region outside": lambda: defocus.measure_mtf(FLOATS, (30, 0, 40, 40)),
}
STUDY = {
    "no system": lambda: defocus.run([], "sample", "out"),
    "a misspelt system": lambda: defocus.run(["inputt"], "sample", "out"),
    "a number as systems": lambda: defocus.run(3, "sample", "out"),
    "a number as a system": lambda: defocus.run([3], "sample", "out"),
    "a misspelt dataset": lambda: defocus.run(["input"], "samples", "out"),
    "a number as a dataset": lambda: defocus.run(["input"], 5, "out"),
    "no such budget": lambda: defocus.run(["input"], "sample", "out", budget="long"),
    "no seed": lambda: defocus.run(["input"], "sample", "out", seeds=0),
    "seeds in words": lambda: defocus.run(["input"], "sample", "out", seeds="two"),
    "a number as a folder": lambda: defocus.run("input", "sample", 5),
    "results of a number": lambda: defocus.load_results(3),
    "no results": lambda: defocus.load_results("out"),
    "results below a file": lambda: defocus.load_results("/dev/null"),
    "no such split": lambda: defocus.open_dataset("sample").split("val"),
    "no dataset": lambda: defocus.open_dataset(None),
}
SYSTEMS = {
    "a pattern of nothing": lambda: defocus.list_systems("wienerr"),
    "a number as a pattern": lambda: defocus.list_systems(3),
    "an option that there is not": lambda: defocus.load("nafnet", depth=3),
    "another one": lambda: defocus.load("unet", depth=3),
    "an impossible width": lambda: defocus.load("nafnet", width=-1),
    "no system": lambda: defocus.load(None),
    "an empty name": lambda: defocus.load(""),
    "a number as a plug-in": lambda: defocus.plugin(3),
}
PICTURES = {
    "a list": lambda: pictures([[1, 2], [3, 4]], "picture"),
    "signed integers": lambda: pictures(np.zeros((8, 8, 3), np.int64), "picture"),
    "booleans": lambda: pictures(np.zeros((8, 8), bool), "picture"),
    "half floats": lambda: pictures(
        torch.zeros(3, 8, 8, dtype=torch.float16), "picture"
    ),
    "0 to 255": lambda: pictures(np.full((8, 8, 3), 255.0), "picture"),
    "beyond 1": lambda: pictures(spoilt(1.5), "picture"),
    "below 0": lambda: pictures(np.full((8, 8, 3), -0.5), "picture"),
    "nan": lambda: pictures(spoilt(np.nan), "picture"),
    "infinite": lambda: pictures(spoilt(np.inf), "picture"),
    "channels first": lambda: pictures(FLOATS.transpose(2, 0, 1), "picture"),
    "channels last": lambda: pictures(torch.from_numpy(FLOATS), "picture"),
    "batch, channels last": lambda: pictures(torch.from_numpy(FLOATS)[None], "picture"),
    "transparency": lambda: pictures(np.zeros((8, 9, 4), np.uint8), "picture"),
    "two channels": lambda: pictures(np.zeros((8, 9, 2), np.uint8), "picture"),
    "six channels": lambda: pictures(torch.zeros(6, 8, 9), "picture"),
    "a batch": lambda: pictures(np.zeros((2, 8, 9, 3), np.uint8), "picture"),
    "a line": lambda: pictures(np.zeros(8, np.uint8), "picture"),
    "a flat tensor": lambda: pictures(torch.zeros(8, 9), "picture"),
    "no pixels": lambda: pictures(np.zeros((0, 9, 3), np.uint8), "picture"),
    "no tensor": lambda: pictures(torch.zeros(0, 3, 8, 8), "picture"),
    "sparse": lambda: pictures(torch.zeros(3, 8, 8).to_sparse(), "picture"),
    "meta": lambda: pictures(torch.zeros(3, 8, 8, device="meta"), "picture"),
    "two instead of one": lambda: one_picture(torch.zeros(2, 3, 8, 8), "sharp"),
    "a pair of two sizes": lambda: two_pictures(BYTES, BYTES[:, 1:]),
    "16 bits for a network": lambda: require_network_input(TENSOR.to(torch.uint16), 3),
    "8 bits for a network": lambda: require_network_input(TENSOR.to(torch.uint8), 3),
    "200 for a network": lambda: require_network_input(TENSOR + 200, 3),
    "nan for a network": lambda: require_network_input(TENSOR + float("nan"), 3),
    "no batch for a network": lambda: require_network_input(TENSOR[0], 3),
    "an array for a network": lambda: require_network_input(FLOATS, 3),
    "channels last for a network": lambda: require_network_input(
        TENSOR.permute(0, 2, 3, 1), 3
    ),
}


def test_a_keyword_that_is_not_there_is_named_with_the_one_that_was_meant(refused):
    assert pickle.dumps(defocus.run), "another process finds it by its name"
    with refused(TypeError):
        defocus.run(baselines=["wiener"])
    with refused(TypeError):
        defocus.score(BYTES, BYTES, metric="psnr")
    with refused(TypeError):
        defocus.opened(pair=[])
    with refused(TypeError):
        defocus.Baseline.of_network("net", nn.Identity, license="MIT")


@pytest.mark.parametrize(
    "calls",
    [RESTORE, RENDER, SCORE, PAIRS, STUDY, SYSTEMS, PICTURES],
    ids=["restore", "render", "score", "pairs", "study", "systems", "pictures"],
)
def test_what_is_wrong_is_one_line(calls, snapshot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = {}
    for name, call in calls.items():
        with pytest.raises(DefocusError) as caught:
            call()
        text = f"{type(caught.value).__name__}: {caught.value}"
        assert "\n" not in text
        lines[name] = LISTS.sub(r"\1 …", text)
    assert lines == snapshot
    assert not list(Path().iterdir()), "nothing is written"
