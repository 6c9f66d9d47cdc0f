"""The three implementations of the reblurring operator against its literal twin."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from defocus.baselines.operators.reblurring.operator import isotropic_reblur
from defocus.baselines.operators.reblurring.rings import seed_count
from defocus.errors import InputError
from tests.speed.peers.reblur import literal_reblur

Operator = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
compiled_reblur = partial(isotropic_reblur, path="compiled")
# compiling takes seconds
compiled = pytest.param(compiled_reblur, marks=pytest.mark.full)
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="Triton comes with PyTorch on Linux only",
)


def inputs(
    seed: int,
    height: int,
    width: int,
    count: int = 1,
    scale: float = 1.0,
    levels: int = 8,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    image = torch.rand(count, 3, height, width, generator=draw)
    seeds = scale * torch.randn(
        count, seed_count(levels), height, width, generator=draw
    )
    weights = torch.softmax(
        torch.randn(count, levels, height, width, generator=draw), dim=1
    )
    return image, seeds, weights


def values_and_gradients(
    operator: Operator, given: tuple[torch.Tensor, ...], grown: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    leaves = [one.to(grown.dtype).requires_grad_() for one in given]
    blurred = operator(*leaves)
    return blurred.detach(), *torch.autograd.grad((blurred * grown).sum(), leaves)


def assert_equal(
    operator: Operator, given: tuple[torch.Tensor, ...], relative: float
) -> None:
    grown = torch.randn(given[0].shape, generator=torch.Generator().manual_seed(0))
    result = values_and_gradients(operator, given, grown)
    twin = values_and_gradients(literal_reblur, given, grown.double())
    for one, other in zip(result, twin, strict=True):
        largest = max(1e-3, float(other.abs().max()))
        # Terms are up to a picture's 1 times the gradient that comes in, and may cancel.
        rounding = torch.finfo(torch.float32).eps * max(1.0, float(grown.abs().max()))
        atol = max(relative * largest, rounding)
        torch.testing.assert_close(one.double(), other, rtol=0, atol=atol)


@pytest.mark.full
@example(
    seed=16824351,
    size=(2, 13),
    count=1,
    scale=60.0,
    levels=2,
    operator=isotropic_reblur,
)
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    size=st.tuples(st.integers(1, 18), st.integers(1, 18)),
    count=st.integers(1, 2),
    scale=st.sampled_from([0.0, 0.3, 3.0, 60.0]),
    levels=st.sampled_from([2, 3, 8, 10]),
    operator=st.sampled_from([isotropic_reblur, compiled_reblur]),
)
def test_values_and_gradients_equal_the_literal_form(
    seed, size, count, scale, levels, operator
):
    assert_equal(operator, inputs(seed, *size, count, scale, levels), 1e-5)


@pytest.mark.parametrize("operator", [isotropic_reblur, compiled])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_flat_pictures_and_equal_seeds(operator, value):
    image, seeds, weights = inputs(1, 9, 11)
    given = torch.full_like(image, value), torch.full_like(seeds, -2.0), weights
    assert_equal(operator, given, 1e-5)


def test_strips_of_rows_change_nothing(monkeypatch):
    monkeypatch.setattr(
        "defocus.baselines.operators.reblurring.operator.STRIP_PIXELS", 23 * 2 * 9
    )
    assert_equal(isotropic_reblur, inputs(2, 40, 23, 2), 1e-5)


@pytest.mark.full
def test_threads_change_nothing():
    given = inputs(2, 40, 23, 2)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert_equal(compiled_reblur, given, 1e-5)
    finally:
        torch.set_num_threads(threads)


def test_gradients_equal_differences_in_double_precision():
    given = [one.double().requires_grad_() for one in inputs(3, 3, 4, levels=4)]
    assert torch.autograd.gradcheck(isotropic_reblur, given)


@pytest.mark.parametrize("operator", [isotropic_reblur, compiled])
def test_tensors_need_not_lie_in_memory_order(operator):
    image, seeds, weights = inputs(4, 12, 10)
    turned = [one.transpose(2, 3) for one in inputs(4, 12, 10)]
    expected = literal_reblur(image, seeds, weights).transpose(2, 3)
    torch.testing.assert_close(operator(*turned), literal_reblur(*turned))
    torch.testing.assert_close(operator(*turned), expected)
    last = [
        one.to(memory_format=torch.channels_last) for one in (image, seeds, weights)
    ]
    torch.testing.assert_close(operator(*last), literal_reblur(image, seeds, weights))


def test_tensors_that_do_not_fit_are_refused(refused):
    image, seeds, weights = inputs(7, 8, 8)
    with refused(InputError):
        isotropic_reblur(image, seeds[:, :34], weights)
    with refused(InputError):
        isotropic_reblur(image, seeds, weights[..., :7])
    with refused(InputError):
        isotropic_reblur(
            image.double(), seeds.double(), weights.double(), path="compiled"
        )
    with refused(InputError):
        isotropic_reblur(image, seeds, weights, path="triton")


INTERPRETED = """
import sys
sys.path.insert(0, {folder!r})
import test_reblurring as tests
from defocus.baselines.operators.reblurring.triton_path import TritonReblur
tests.assert_equal(TritonReblur.apply, tests.inputs(1, 2, 130, 2, 2.0, 2), 1e-5)
tests.assert_equal(TritonReblur.apply, tests.inputs(1, 2, 20, 1, 2.0, 5), 1e-5)
"""


@pytest.mark.full
@needs_triton
def test_triton_kernels_equal_the_literal_form():
    """In Triton's interpreter; a row of 130 px is two programs, and 5 levels are in a tile of 8."""
    code = INTERPRETED.format(folder=str(Path(__file__).parent))
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.full
@needs_triton
def test_triton_kernels_compile_for_a_device(monkeypatch, tmp_path):
    """To machine code of NVIDIA's compute capability 9.0, without a device."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from defocus.baselines.operators.reblurring import triton_kernels
    from defocus.baselines.operators.reblurring.triton_path import OPTIONS

    constants = {
        "M": 8,
        "LEVELS": 8,
        "RINGS": 24,
        "BLOCK": 128,
        "COLOURS": 4,
        "TRANSPOSED": True,
    }
    types = dict.fromkeys(("height", "width", "colours"), "i32")
    types |= dict.fromkeys(
        ("taps", "start", "end", "below", "sizes", "first_ring"), "*i32"
    )
    for name in triton_kernels.__all__:
        kernel = getattr(triton_kernels, name)
        chosen = {
            key: value for key, value in constants.items() if key in kernel.arg_names
        }
        signature = {
            key: "constexpr" if key in chosen else types.get(key, "*fp32")
            for key in kernel.arg_names
        }
        source = ASTSource(fn=kernel, signature=signature, constexprs=chosen)
        binary = triton.compile(
            source, target=GPUTarget("cuda", 90, 32), options=OPTIONS
        )
        assert binary.asm["cubin"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_triton_on_a_device():
    given = tuple(one.cuda() for one in inputs(8, 70, 300, 2))
    grown = torch.randn(
        2, 3, 70, 300, generator=torch.Generator().manual_seed(0)
    ).cuda()
    result = values_and_gradients(
        partial(isotropic_reblur, path="triton"), given, grown
    )
    twin = values_and_gradients(literal_reblur, given, grown.double())
    for one, other in zip(result, twin, strict=True):
        torch.testing.assert_close(
            one.double(), other, rtol=0, atol=1e-5 * float(other.abs().max())
        )
