"""Folders and programs of other trainers, written by the real libraries: read, or told how."""

import json
import re
import subprocess
import sys
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from defocus.baselines.registry import baseline
from defocus.baselines.weights.files import weights_files
from defocus.baselines.weights.reading import read_tensors
from defocus.baselines.weights.store import add_weights, load_state
from defocus.errors import WeightsError

INPUT = baseline("input")
STATE = {
    f"{layer}.weight": torch.full((2, 2), float(n)) for n, layer in enumerate("abcd")
}


def names(folder, system=INPUT):
    return [path.name for path in weights_files([folder], system)]


def accelerate_folder(folder, state=STATE):
    """What ``Accelerator.save_state`` writes."""
    folder.mkdir(parents=True)
    save_file(state, folder / "model.safetensors")
    torch.save({"state": {}}, folder / "optimizer.bin")
    torch.save({"last_epoch": 1}, folder / "scheduler.bin")
    (folder / "random_states_0.pkl").write_bytes(b"")
    return folder


def sharded_folder(folder, state=STATE, index="model.safetensors.index.json"):
    """What ``save_pretrained`` writes of a large network."""
    folder.mkdir(parents=True)
    every = list(state)
    half = len(every) // 2
    places = {}
    for number, part in enumerate((every[:half], every[half:]), start=1):
        name = f"model-0000{number}-of-00002.safetensors"
        save_file({one: state[one] for one in part}, folder / name)
        places |= dict.fromkeys(part, name)
    (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": places}))
    (folder / "config.json").write_text("{}")
    return folder


def test_of_a_folder_of_accelerate_the_network_is_read(tmp_path, refused):
    folder = accelerate_folder(tmp_path / "state")
    assert names(folder) == ["model.safetensors"]
    save_file(STATE, folder / "model_1.safetensors")
    with refused(WeightsError):
        weights_files([folder], INPUT)


def test_shards_are_those_of_the_index(tmp_path, refused):
    folder = sharded_folder(tmp_path / "shards")
    index = folder / "model.safetensors.index.json"
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    assert names(folder) == names(index) == shards
    with refused(WeightsError):
        weights_files([folder / shards[1]], INPUT)
    (folder / shards[0]).rename(tmp_path / shards[0])
    with refused(WeightsError):
        weights_files([folder], INPUT)


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        '{"weight_map": {}}',
        '{"weight_map": {"a": "../../secret.safetensors"}}',
        '{"weight_map": {"a": "/etc/passwd"}}',
    ],
)
def test_an_index_that_names_no_file_beside_it_is_refused(tmp_path, document, refused):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(document)
    with refused(WeightsError):
        weights_files([tmp_path], INPUT)


def test_checkpoints_in_parts_say_how_they_are_joined(tmp_path, refused):
    parts = tmp_path / "some parts"
    parts.mkdir()
    for name in (".metadata", "__0_0.distcp"):
        (parts / name).write_bytes(b"")
    for given in (parts, parts / ".metadata", parts / "__0_0.distcp"):
        with pytest.raises(
            WeightsError, match=f"dcp_to_torch '{re.escape(str(parts))}' weights.pth"
        ):
            weights_files([given], INPUT)
    parts = parts.rename(tmp_path / "parts")
    with refused(WeightsError):
        weights_files([parts], INPUT)
    (tmp_path / "fsdp").mkdir()
    (tmp_path / "fsdp" / "random_states_0.pkl").write_bytes(b"")
    parts.rename(tmp_path / "fsdp" / "pytorch_model_fsdp_0")
    with refused(WeightsError):
        weights_files([tmp_path / "fsdp"], INPUT)
    deep = tmp_path / "deep"
    deep.mkdir()
    (deep / "zero_to_fp32.py").write_text("")
    with refused(WeightsError):
        weights_files([deep], INPUT)


def test_a_pointer_of_git_lfs_says_how_the_file_is_fetched(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"
    )
    with pytest.raises(WeightsError, match="git lfs pull"):
        read_tensors(path)


def line_of(error):
    """The Python line that a refusal gives."""
    return re.search(r'python -c "(.*)"$', str(error.value))[1]


@pytest.mark.full
def test_a_program_of_torchscript_says_how_its_numbers_are_taken_out(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 2, 3))
    path = tmp_path / "program.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces that it will go
        torch.jit.trace(network, torch.rand(1, 3, 8, 8)).save(path)
    with pytest.raises(
        WeightsError, match=r"a TorchScript program; reading it would run"
    ) as error:
        read_tensors(path)
    line = line_of(error)
    subprocess.run([sys.executable, "-c", line], cwd=tmp_path, check=True)
    tensors = read_tensors(tmp_path / "weights.pth")
    assert torch.equal(tensors["0.weight"], network[0].weight)


@pytest.mark.full
def test_the_lines_for_parts_and_for_exported_programs_work(tmp_path):
    from torch.distributed import checkpoint

    folder = tmp_path / "parts"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is one process
        checkpoint.save({"model": STATE}, checkpoint_id=str(folder), no_dist=True)
    with pytest.raises(WeightsError) as error:
        weights_files([folder], INPUT)
    words = str(error.value).partition(": python ")[2].split()
    subprocess.run(
        [sys.executable, *words], cwd=tmp_path, check=True, capture_output=True
    )
    tensors = read_tensors(tmp_path / "weights.pth")
    assert torch.equal(tensors["model.c.weight"], STATE["c.weight"])

    network = nn.Sequential(nn.Conv2d(3, 2, 3))
    program = torch.export.export(network, (torch.rand(1, 3, 8, 8),))
    torch.export.save(program, tmp_path / "exported.pt2")
    with pytest.raises(WeightsError, match=r"a program of torch\.export") as error:
        read_tensors(tmp_path / "exported.pt2")
    line = line_of(error)
    subprocess.run([sys.executable, "-c", line], cwd=tmp_path, check=True)
    tensors = read_tensors(tmp_path / "weights.pth")
    assert torch.equal(tensors["0.weight"], network[0].weight)


@pytest.mark.full
def test_both_folders_give_the_networks_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    system = baseline("dncnn")
    torch.manual_seed(0)
    state = system.build().state_dict()
    for folder in (
        accelerate_folder(tmp_path / "accelerate", state),
        sharded_folder(tmp_path / "shards", state),
    ):
        loaded = load_state(system, add_weights(system, [folder]))
        assert all(torch.equal(loaded[name], entry) for name, entry in state.items())
