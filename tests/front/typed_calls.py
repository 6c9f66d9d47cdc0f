"""Calls of the front door with the types that a checker sees: ``mypy`` reads it, nobody runs it."""

from typing import Any, assert_type

import numpy as np
import torch
from numpy.typing import NDArray

import defocus

array: NDArray[np.uint8] = np.zeros((32, 32, 3), np.uint8)
tensor = torch.zeros(3, 32, 32)
assert_type(defocus.list_systems("w*"), list[str])
assert_type(defocus.load("wiener"), torch.nn.Module)
assert_type(defocus.restore(array, "wiener"), NDArray[Any])
assert_type(defocus.restore("a.png", "wiener"), NDArray[Any])
assert_type(defocus.restore(tensor, "wiener"), torch.Tensor)
assert_type(defocus.align_pair(array, tensor).sharp, torch.Tensor)
assert_type(defocus.align_pair(array, array).sharp, NDArray[Any])
assert_type(defocus.measure_pair(array, array).gain_ev, float | None)
assert_type(defocus.score(array, array), dict[str, float | None])
assert_type(len(defocus.open_dataset("sample")[1:3].split("test")), int)
assert_type(defocus.open_dataset("sample")[0].id, str)
assert_type(defocus.render("cafe").flow, NDArray[np.float32])
defocus.run(["input"], "sample", "out", "quick").pictures()
defocus.load_results("out").query("metric == 'psnr'")
system = defocus.Baseline.of_network("mine", torch.nn.Identity)
assert_type(system, defocus.Baseline)
defocus.run([system, "input"], "sample", "out")


class Mine(defocus.Objective):
    name = "mine"
