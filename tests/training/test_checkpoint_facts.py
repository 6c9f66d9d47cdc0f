"""A checkpoint's facts that are no JSON of ours: endless brackets end in one line."""

import pytest
import torch
from safetensors.torch import save_file

from defocus.errors import WeightsError
from defocus.training.record.checkpoint import load_checkpoint
from defocus.training.record.folder import CHECKPOINT, METADATA, code_of, steps_done

NESTED = "[" * 50_000


def test_endless_brackets_are_a_damaged_checkpoint(tmp_path):
    path = tmp_path / CHECKPOINT
    save_file({"a": torch.zeros(1)}, path, metadata={METADATA: NESTED})
    assert code_of(tmp_path) == ""
    with pytest.raises(WeightsError, match="damaged checkpoint"):
        load_checkpoint(path, "run")


def test_so_they_are_in_its_header(tmp_path):
    header = f'{{"__metadata__":{NESTED}'.encode()
    (tmp_path / CHECKPOINT).write_bytes(len(header).to_bytes(8, "little") + header)
    assert steps_done(tmp_path) is None
