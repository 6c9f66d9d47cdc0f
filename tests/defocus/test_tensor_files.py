"""Files of tensors: the same content has the same bytes."""

import torch
from safetensors import safe_open

from defocus.storage.tensor_files import save_tensors


def test_the_order_of_texts_changes_no_byte(tmp_path):
    texts = {f"text {number}": 'ü\n"' * number for number in range(20)}
    tensors = {"a": torch.arange(3.0), "b": torch.zeros(2, 2)}
    save_tensors(tensors, tmp_path / "one", texts)
    save_tensors(tensors, tmp_path / "two", dict(reversed(texts.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with safe_open(tmp_path / "one", "pt") as file:
        assert file.metadata() == texts
        assert torch.equal(file.get_tensor("a"), tensors["a"])
