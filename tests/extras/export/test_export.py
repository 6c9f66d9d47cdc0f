"""Weights for other tools: ONNX graphs, packages for darktable, folders for Hugging Face."""

import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import onnx
import pytest
import skimage.data
import torch
from huggingface_hub import ModelCard
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

import defocus
from defocus.baselines.card import Baseline
from defocus.baselines.layers.pointwise import Pointwise
from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.size import parameter_count
from defocus.baselines.weights.own import own_card, own_weights
from defocus.errors import InputError, NotApplicableError, WeightsError
from defocus.extras.export.agreement import TOLERANCE, agreement, onnx_session
from defocus.extras.export.commands.bench_export_weights import command
from defocus.extras.export.darktable import refuse_foreign_package
from defocus.extras.export.graph import make_graph
from defocus.extras.export.hub import effort
from defocus.scene.aperture import disc_psf
from research.pages import exports
from tests.conformance.probe import fill_weights

TABLE = Path(__file__).parents[3] / "docs" / "exports.md"
OVERLAP_PX = 64
"""Of darktable's tiles, on each side; only the centre of a tile is kept."""


def system_of(network: Callable[[], nn.Module], **facts: Any) -> Baseline:
    return Baseline.of_network("one-of-mine", network, **facts)


class Restored(nn.Module):
    """A small network; the base of those below."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        restored: torch.Tensor = blurry + self.conv(blurry)
        return restored


class Pooled(Restored):
    """Pools to four by four places: the exporter bakes the traced size in, without a word."""

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        pooled = functional.adaptive_avg_pool2d(super().forward(blurry), 4)
        return blurry + pooled[..., :1, :1]


class Sampled(Restored):
    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return super().forward(blurry) + torch.randn_like(blurry)


class Branching(Restored):
    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return blurry if bool(blurry.mean() > 0.5) else super().forward(blurry)


class Fast(Restored):
    def __init__(self) -> None:
        super().__init__()
        self.mix = Pointwise(3, 3)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.mix(super().forward(blurry))
        return mixed


def filled(network: nn.Module) -> nn.Module:
    fill_weights(network, 0)
    return network.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exported")


# --- ONNX


def export(*words: str | Path) -> None:
    """The command in this process, which has imported the exporter already."""
    command.main([*map(str, words)], standalone_mode=False)


def test_a_small_networks_graph_takes_any_size_and_equals_it():
    network = filled(Restored())
    graph = make_graph(system_of(Restored), network)
    assert (graph.side_px, graph.why_static) == (None, "")
    assert len(graph.agreement.sizes) == 2
    assert graph.agreement.difference <= TOLERANCE
    sides = [
        dim.dim_param for dim in graph.model.graph.input[0].type.tensor_type.shape.dim
    ]
    assert sides[2:] == ["height", "width"]
    picture = np.random.default_rng(1).random((1, 3, 61, 90), np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(picture)).numpy()
    outputs = onnx_session(graph.model.SerializeToString())(picture)
    assert np.abs(outputs - expected).max() <= TOLERANCE


@pytest.mark.full
def test_a_graph_of_any_size_equals_the_network(folder, capfd):
    path = folder / "defocus-s.onnx"
    export("defocus-s", "--to", "onnx", "--out", path, "--json")
    stdout = json.loads(capfd.readouterr().out)
    assert stdout["max_difference"] <= TOLERANCE
    assert len(stdout["compared_at"]) == 2
    assert (stdout["side_px"], stdout["why_one_size"]) == (None, "")
    assert stdout["time_ratio"] > 0
    assert table_rows()["defocus-s"][2] == "any"

    content = path.read_bytes()
    run, network = onnx_session(content), defocus.load("defocus-s", "own")
    for height, width in ((61, 90), (128, 48)):
        picture = np.random.default_rng(1).random((1, 3, height, width), np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(picture)).numpy()
        assert np.abs(run(picture) - expected).max() <= TOLERANCE

    model = onnx.load_from_string(content)
    sides = [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert sides[2:] == ["height", "width"]
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts["licence"].startswith("code and weights: MIT")
    assert (
        facts["weights_sha256"] == own_card(own_weights(baseline("defocus-s"))).sha256
    )
    # the exporter notes where in the source each node comes from
    assert b".py" not in content


@pytest.mark.full
def test_the_line_names_difference_and_time(tmp_path, capfd):
    weights = tmp_path / "mine.safetensors"
    save_file(filled(baseline("defocus-s").build()).state_dict(), weights)
    export("defocus-s", "--weights", weights, "--to", "onnx", "--tile", "64",
           "--out", tmp_path / "one.onnx")  # fmt: skip
    said = capfd.readouterr().out
    assert "64x64 px only; differs from PyTorch by" in said
    assert "of PyTorch's time" in said


def test_fast_layouts_are_plain_in_the_graph_and_stay_in_the_network():
    network = filled(Fast())
    graph = make_graph(system_of(Fast), network)
    assert isinstance(network.get_submodule("mix"), Pointwise)
    assert [node.op_type for node in graph.model.graph.node].count("Transpose") == 0


def test_a_graph_that_is_wrong_at_other_sizes_is_made_for_one():
    graph = make_graph(system_of(Pooled), filled(Pooled()))
    assert graph.side_px == 256
    assert " at 128x96 px" in graph.why_static
    assert graph.agreement.difference <= TOLERANCE


@pytest.mark.parametrize(
    ("network", "reason"),
    [(Sampled, "differs by"), (Branching, "PyTorch's exporter says")],
)
def test_a_network_without_an_equal_graph_says_why(network, reason):
    with pytest.raises(
        NotApplicableError, match=f"one-of-mine cannot be exported: .*{reason}"
    ):
        make_graph(system_of(network), filled(network()), 64)


def test_what_no_graph_can_have_is_said_at_once(refused):
    for name in ("swin-diff", "ifan-dual"):
        with refused(NotApplicableError):
            make_graph(baseline(name), nn.Identity())


def test_onnx_is_asked_for_in_one_line(monkeypatch, refused):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with refused(InputError):
        make_graph(baseline("defocus-s"), nn.Identity())


def test_weights_that_are_not_there_and_options_that_clash(tmp_path, bench, refused):
    result = bench(
        "export-weights", "unet", "--to", "onnx", "--out", tmp_path / "u.onnx"
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert "ships no weights of unet" in result.stderr
    for words in (
        ("--to", "hub", "--tile", "64"),
        ("--to", "dtmodel", "--tile", "300"),
    ):
        with refused((InputError, click.UsageError)):
            export("defocus-m", *words, "--out", tmp_path / "u")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("form", "out", "there"),
    [
        ("onnx", "mine.onnx", "mine.onnx"),
        ("hub", "mine", "mine/README.md"),
        ("hub", "mine", "mine/config.json"),
        ("hub", "mine", "mine/model.safetensors"),
        ("dtmodel", "mine", "mine/README.md"),
        ("dtmodel", "mine", "mine/defocus-m.dtmodel"),
    ],
)
def test_what_is_there_is_not_overwritten(tmp_path, form, out, there, refused):
    mine = tmp_path / there
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with refused(InputError):
        export("defocus-m", "--to", form, "--out", tmp_path / out)
    assert mine.read_text() == "mine"
    assert list(mine.parent.iterdir()) == [mine]


def test_a_graph_goes_into_a_file_of_its_kind(tmp_path, refused):
    with refused(InputError):
        export("defocus-m", "--to", "onnx", "--out", tmp_path / "notes.txt")
    assert not list(tmp_path.iterdir())


# --- the table of all networks


def table_rows() -> dict[str, list[str]]:
    lines = (line for line in TABLE.read_text().splitlines() if line.startswith("| `"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row for row in cells}


def listed() -> dict[str, Baseline]:
    return {
        name: system
        for name, system in all_baselines().items()
        if not system.card.variant_of
        and system.card.kind not in {"classical", "reference"}
    }


def test_the_table_has_every_listed_network():
    rows = table_rows()
    untried = {
        name
        for name in listed()
        if f"`{name}`" in TABLE.read_text().split("Not tried")[-1]
    }
    assert set(rows) | untried == set(listed())
    for name in rows:
        system = listed()[name]
        assert rows[name][1] == f"{parameter_count(system) / 1e6:.2f} M"
        if rows[name][2] == "none":
            assert len(rows[name][-1]) > 10, "no reason"
        else:
            assert float(rows[name][3]) <= TOLERANCE
            assert float(rows[name][4]) > 0
    assert sum(row[2] != "none" for row in rows.values()) >= 25


@pytest.mark.parametrize("name", ["defocus-s", "dmenet", "dncnn", "ffdnet"])
def test_networks_are_exported_as_the_table_says(name):
    """The quick ones; ``python -m research.pages.exports`` exports all and writes the table."""
    system, status = baseline(name), table_rows()[name][2]
    if status == "none":
        with pytest.raises(NotApplicableError):
            make_graph(system, exports.filled(system))
    else:
        graph = make_graph(system, exports.filled(system))
        assert (graph.side_px is None) == (status == "any")


# --- darktable


@pytest.fixture(scope="module")
def package(folder):
    from defocus.baselines.weights.store import find_weights
    from defocus.extras.export.export import export_weights

    system = baseline("defocus-m")
    other = {"models": {"another": {"version": "1.0", "sha256": f"sha256:{'0' * 64}"}}}
    out = folder / "darktable"
    out.mkdir()
    (out / "versions.json").write_text(json.dumps(other))
    return export_weights(system, find_weights(system, "own"), "dtmodel", out).path


def members(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {
            zipfile.ZIP_DEFLATED
        }
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_darktable_package_has_one_folder_of_its_id(package):
    files = members(package)
    assert package.name == "defocus-m.dtmodel"
    assert sorted(files) == ["defocus-m/config.json", "defocus-m/model.onnx"]
    manifest = json.loads(files["defocus-m/config.json"])
    assert manifest["id"] == next(iter(files)).partition("/")[0]
    assert manifest["task"] in {"mask", "denoise", "rawdenoise", "upscale"}
    assert (manifest["backend"], manifest["num_inputs"]) == ("onnx", 1)
    assert [int(part) for part in manifest["version"].split(".")] == [0, 1]
    assert manifest["attributes"] == {"input_sizes": [512]}
    assert "defocus deblurring" in manifest["description"].lower()
    assert manifest["name"]
    assert set(manifest["model_card"]) == {
        "long_description", "scope", "author", "source", "paper", "license", "training_data",
        "training_data_license", "notes",
    }  # fmt: skip
    assert all(manifest["model_card"].values())
    assert "100 %" in manifest["model_card"]["long_description"]
    assert "sRGB" in manifest["model_card"]["notes"]


def test_its_graph_has_one_tile_of_float32(package):
    model = onnx.load_from_string(members(package)["defocus-m/model.onnx"])
    onnx.checker.check_model(model)
    for values, name in ((model.graph.input, "input"), (model.graph.output, "output")):
        (value,) = values
        assert value.name == name
        tensor = value.type.tensor_type
        assert tensor.elem_type == onnx.TensorProto.FLOAT
        assert [dim.dim_value for dim in tensor.shape.dim] == [1, 3, 512, 512]
    assert [entry.version for entry in model.opset_import if not entry.domain] == [20]


def test_another_networks_graph_is_found_out(package):
    network = defocus.load("defocus-m", "own")
    with torch.no_grad():
        network.get_parameter("ending.bias")[0] += 1e-3
    with pytest.raises(
        NotApplicableError, match=r"differs by \de-0[234] of the range at 512x512 px"
    ):
        agreement(members(package)["defocus-m/model.onnx"], network, 3, [(512, 512)])


def test_its_tiles_leave_no_seam_to_be_seen(package):
    """As darktable lays them: overlapping by 64 px, mirrored at borders, without blending."""
    run = onnx_session(members(package)["defocus-m/model.onnx"])
    sharp = skimage.data.astronaut().astype(np.float32) / 255
    picture = cv2.filter2D(sharp, -1, disc_psf(5.0), borderType=cv2.BORDER_REFLECT)
    side, kept = 512, 512 - 2 * OVERLAP_PX
    over = 2 * kept - 512
    padded = np.pad(picture, ((64, 64 + over), (64, 64 + over), (0, 0)), mode="reflect")
    tiled = np.zeros((2 * kept, 2 * kept, 3), np.float32)
    for top in (0, kept):
        for left in (0, kept):
            tile = padded[top : top + side, left : left + side].transpose(2, 0, 1)[None]
            restored = run(np.ascontiguousarray(tile))[0].transpose(1, 2, 0)
            tiled[top : top + kept, left : left + kept] = restored[64:-64, 64:-64]
    with torch.no_grad():  # in single precision, as the graph is
        at_once = defocus.load("defocus-m", "own")(
            torch.from_numpy(picture).permute(2, 0, 1)[None]
        )[0]
    whole = at_once.permute(1, 2, 0).numpy().clip(0, 1)
    # beyond a picture's border networks pad in another way than darktable
    inner = slice(96, -96)
    seams = np.abs(tiled[:512, :512].clip(0, 1) - whole)[inner, inner]
    # steps of 8 bits: what lies beyond 64 px has little weight, but some
    assert np.quantile(seams, 0.999) < 3 / 255
    assert seams.mean() < 0.1 / 255
    assert np.abs(whole - picture).max() > 1 / 255


def test_versions_name_the_package_beside_others(package):
    models = json.loads((package.parent / "versions.json").read_text())["models"]
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    assert models["defocus-m"] == {"version": "0.1", "sha256": f"sha256:{digest}"}
    assert models["another"]["version"] == "1.0"


def test_a_package_of_ours_may_be_made_again(package, tmp_path, refused):
    folder = tmp_path / "again"
    shutil.copytree(package.parent, folder)
    refuse_foreign_package("defocus-m", folder)
    refuse_foreign_package("defocus-s", folder)  # another one beside it
    (folder / package.name).write_bytes(b"changed")
    with refused(InputError):
        refuse_foreign_package("defocus-m", folder)


CRITERIA = (
    "Model license", "OSAID v1.0", "MOF", "Training data license", "Training data provenance",
    "Training code", "Known limitations", "Published research", "Inference", "Scope",
    "Reproducibility",
)  # fmt: skip


def test_the_card_answers_every_point_of_admission(package):
    page = (package.parent / "README.md").read_text()
    headings = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    assert headings == ["Source", "Architecture", "ONNX Models", "Selection Criteria"]
    table = page.partition("## Selection Criteria")[2].strip().splitlines()[2:]
    answers = {
        line.split(" | ")[0].strip("| "): line.split(" | ")[1].strip("| ")
        for line in table
    }
    assert tuple(answers) == CRITERIA
    assert all(len(answer) > 10 for answer in answers.values())
    assert answers["Model license"].startswith("MIT")
    assert "Class II" in answers["MOF"]
    assert answers["Inference"].startswith("Local only")
    assert "photographs.csv" in answers["Training data provenance"]
    assert "What is soft by itself, such as fur, can lose" in page


def test_darktable_gets_no_weights_of_unknown_data(tmp_path, bench):
    weights = tmp_path / "mine.safetensors"
    save_file(filled(baseline("defocus-s").build()).state_dict(), weights)
    result = bench("export-weights", "defocus-s", "--weights", weights, "--to", "dtmodel",
                 "--out", tmp_path / "out")  # fmt: skip
    assert result.returncode == 1
    assert "darktable admits only weights" in result.stderr
    assert not (tmp_path / "out").exists()


# --- Hugging Face


@pytest.fixture(scope="module")
def hub_folder(folder):
    from defocus.baselines.weights.store import find_weights
    from defocus.extras.export.export import export_weights

    system = baseline("defocus-m")
    return export_weights(
        system, find_weights(system, "own"), "hub", folder / "hub"
    ).path


def test_a_hub_folder_is_loaded_back(hub_folder):
    assert sorted(path.name for path in hub_folder.iterdir()) == [
        "README.md", "config.json", "model.safetensors",
    ]  # fmt: skip
    weights = defocus.load("defocus-m", "own").state_dict()
    for name in (hub_folder, str(hub_folder)):
        again = defocus.load(name)
        assert all(
            torch.equal(again.state_dict()[one], weights[one]) for one in weights
        )
    with safe_open(hub_folder / "model.safetensors", framework="pt") as file:
        assert set(file.keys()) == set(weights)
        assert file.metadata()["system"] == "defocus-m"
    picture = skimage.data.chelsea()[:64, :64]
    assert (
        defocus.restore(picture, system=defocus.load(hub_folder)).shape == picture.shape
    )


def test_an_export_that_was_killed_is_finished(hub_folder):
    from defocus.baselines.weights.store import find_weights
    from defocus.extras.export.export import export_weights

    config = (hub_folder / "config.json").read_bytes()
    (hub_folder / "config.json").unlink()
    system = baseline("defocus-m")
    export_weights(system, find_weights(system, "own"), "hub", hub_folder)
    assert (hub_folder / "config.json").read_bytes() == config


def test_its_card_is_the_hubs(hub_folder):
    card = ModelCard.load(hub_folder / "README.md")
    own = own_card(own_weights(baseline("defocus-m")))
    assert (card.data.license, card.data.library_name) == ("mit", "defocus")
    assert card.data.pipeline_tag == "image-to-image"
    (result,) = card.data.eval_results
    assert own.validation is not None
    assert own.validation_gain is not None
    assert (result.metric_type, result.metric_value) == (
        "psnr",
        round(own.validation, 2),
    )
    blurry = own.validation - own.validation_gain
    assert (
        f"{own.validation_gain:+.2f} dB above the blurry pictures ({blurry:.2f} dB)"
        in card.text
    )
    assert "files beside" not in card.text  # those of the package, not of this folder
    assert f"Training: {effort(own)}." in card.text
    steps, device = (
        "118,412 steps from random weights in 4 stages",
        "one NVIDIA H200, then H100",
    )
    assert effort(own) == f"{steps}, 29.2 minutes with {device}"
    for heading in ("What they do", "Data", "Licence", "Where they fail"):
        assert f"## {heading}" in card.text


def test_a_damaged_folder_is_one_line(hub_folder, tmp_path, refused):
    folder = tmp_path / "hub"
    shutil.copytree(hub_folder, folder)
    with refused(InputError):
        defocus.load(folder, "own")
    (folder / "config.json").write_text('{"system": "../unet"}')
    with refused(InputError):
        defocus.load(folder)
    (folder / "config.json").unlink()
    with refused(WeightsError):
        defocus.load(folder)
