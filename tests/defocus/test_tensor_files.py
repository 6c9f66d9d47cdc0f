"""Files of tensors: the same content has the same bytes."""

import errno

import pytest
import torch
from safetensors import safe_open

from defocus.storage import tensor_files
from defocus.storage.tensor_files import load_tensors, save_tensors


def test_the_order_of_texts_changes_no_byte(tmp_path):
    texts = {f"text {number}": 'ü\n"' * number for number in range(20)}
    tensors = {"a": torch.arange(3.0), "b": torch.zeros(2, 2)}
    save_tensors(tensors, tmp_path / "one", texts)
    save_tensors(tensors, tmp_path / "two", dict(reversed(texts.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with safe_open(tmp_path / "one", "pt") as file:
        assert file.metadata() == texts
        assert torch.equal(file.get_tensor("a"), tensors["a"])


def test_a_file_on_a_disk_that_maps_none_is_read(tmp_path, monkeypatch):
    tensors = {"a": torch.arange(3.0), "b": torch.zeros(2, 2)}
    save_tensors(tensors, tmp_path / "one")

    def unmapped(_path: object) -> None:
        raise RuntimeError(
            "unable to mmap 92 bytes from file <one>: No such device (19)"
        )

    monkeypatch.setattr(tensor_files, "load_file", unmapped)
    read = load_tensors(tmp_path / "one")
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)


def test_an_error_of_the_disk_is_one_of_the_system(tmp_path, monkeypatch):
    def refused(path: object) -> None:
        raise RuntimeError(
            f"unable to open file <{path}> in read-only mode: Input/output error (5)"
        )

    monkeypatch.setattr(tensor_files, "load_file", refused)
    with pytest.raises(OSError, match="Input/output error") as caught:
        load_tensors(tmp_path / "one")
    assert caught.value.errno == errno.EIO

    def other(_path: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(tensor_files, "load_file", other)
    with pytest.raises(RuntimeError, match="out of memory"):
        load_tensors(tmp_path / "one")
