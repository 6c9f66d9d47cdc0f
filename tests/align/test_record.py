"""The same originals and a record give the same files, byte for byte, or an error."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from defocus.align.compensation.blur_map import BLUR_NAMES
from defocus.align.compensation.compensate import Release
from defocus.align.compensation.output import repeat_aligned, write_aligned
from defocus.align.compensation.record import read_record
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.rig import Rig, write_rig
from defocus.errors import AlignmentError
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.scene.geometry import Similarity
from tests.align.synthetic import rendered_pair

RELEASES = {
    "global": Release(),
    "flow, half size": Release("flow", 0.5, "lanczos"),
    "none": Release("none", photometric="none"),
}


@pytest.fixture(scope="module")
def measured():
    pair = rendered_pair(
        21, 5.0, Similarity(1.01, 0.3, (2.4, -1.7)), (200, 150), 0.2, 16
    )
    return pair, measure(pair.blurry, pair.sharp, flow_estimator("dis"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", RELEASES)
def test_a_record_is_repeated(name, measured, tmp_path):
    pair, measurement = measured
    first, again = tmp_path / "first", tmp_path / "again"
    names = write_aligned(first, pair.blurry, pair.sharp, measurement, RELEASES[name])
    assert ("residual_flow.npy" in names) == (name.startswith("flow"))
    assert (
        repeat_aligned(again, pair.blurry, pair.sharp, first / "misalignment.json")
        == names
    )
    assert contents(again) == contents(first)
    (first / "sharp.png").unlink()  # what was lost is made again in place
    repeat_aligned(first, pair.blurry, pair.sharp, first / "misalignment.json")
    assert contents(again) == contents(first)
    record = json.loads((first / "misalignment.json").read_text())["compensation"]
    assert set(record["outputs"]) == set(names) - {"misalignment.json"}
    assert (
        record["crop_px"]
        == json.loads((first / "misalignment.json").read_text())["crop_px"]
    )
    assert (record["photometric"] is None) == (name == "none")
    assert set(record["versions"]) == {"defocus", "numpy", "opencv", "numba"}


def test_a_record_of_an_older_version_is_read(measured, tmp_path):
    """It says ``sharpness_lost``."""
    write_aligned(
        tmp_path, measured[0].blurry, measured[0].sharp, measured[1], Release()
    )
    path = tmp_path / "misalignment.json"
    text = path.read_text()
    path.write_text(text.replace("lost_gradient_energy", "sharpness_lost"))
    lost = json.loads(text)["compensation"]["lost_gradient_energy"]
    assert read_record(path).lost_gradient_energy == lost > 0


def spoil(folder: Path, key: str, value: object) -> None:
    path = folder / "misalignment.json"
    document = json.loads(path.read_text())
    document["compensation"][key] = value
    path.write_text(json.dumps(document))


SPOILT = {
    "another mask": ("valid_mask.png: has changed", None, None),
    "no flow": ("residual_flow.npy: missing", None, None),
    "a flow of another shape": ("residual_flow.npy: missing, or not", None, None),
    "no outputs": ("has no hash of blurry.png", "outputs", {}),
    "a path in outputs": (
        r"\.\./x is not beside the record",
        "outputs",
        dict.fromkeys(("../x", "blurry.png", "sharp.png"), "0" * 64),
    ),
    "a picture that differs": (
        "blurry.png differs from the record",
        "kernel",
        "bicubic",
    ),
    "unknown key": ("'extra'", "extra", 1),
    "a matrix of text": ("'matrix", "matrix", [["a"] * 3] * 3),
    "a scale of nothing": ("'scale'", "scale", 0.0),
    "a crop outside": (
        "outside of",
        "crop_px",
        {"left": 0, "top": 0, "width": 900, "height": 9},
    ),
    "a huge zoom": ("zoom of", "matrix", [[1e300, 0, 0], [0, 1, 0], [0, 0, 1]]),
    "no zoom": ("zoom of 0 ", "matrix", [[0, 0, 3], [0, 0, 3], [0, 0, 1]]),
    "a horizon": ("a horizon", "matrix", [[1, 0, 0], [0, 1, 0], [-0.01, 0, 1.9]]),
    "a rig that is none": (
        "'rig.homography'.*zoom of 1e\\+150",
        "rig",
        {key: [200, 150] for key in ("blurry_size", "sharp_size")}
        | {"homography": [[1e300, 0, 0], [0, 1, 0], [0, 0, 1]]},
    ),
    "a scale of next to nothing": ("leaves no pixel", "scale", 1e-300),
    "not finite": (
        "Infinity is not a number of JSON",
        "matrix",
        [[float("inf"), 0, 0], [0, 1, 0], [0, 0, 1]],
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_record_is_an_error(case, measured, tmp_path):
    pair, measurement = measured
    folder = tmp_path / "a"
    write_aligned(
        folder, pair.blurry, pair.sharp, measurement, RELEASES["flow, half size"]
    )
    (tmp_path / "x").write_text("a stranger's")
    complaint, key, value = SPOILT[case]
    if key is not None:
        spoil(folder, key, value)
    elif case == "another mask":
        mask = read_image(folder / "valid_mask.png")
        write_image(folder / "valid_mask.png", 255 - mask)
    elif case == "no flow":
        (folder / "residual_flow.npy").unlink()
    else:
        np.save(folder / "residual_flow.npy", np.zeros((2, 3, 3), np.float32))
    with pytest.raises(AlignmentError, match=complaint):
        repeat_aligned(
            tmp_path / "b", pair.blurry, pair.sharp, folder / "misalignment.json"
        )
    assert not (tmp_path / "b").exists()


def test_other_originals_are_refused(measured, tmp_path, refused):
    pair, measurement = measured
    write_aligned(tmp_path / "a", pair.blurry, pair.sharp, measurement)
    record = tmp_path / "a" / "misalignment.json"
    for blurry, sharp in (
        (pair.sharp, pair.sharp),
        (pair.blurry, pair.blurry),
        (pair.blurry, pair.sharp[:, ::-1]),
    ):
        with refused(AlignmentError):
            repeat_aligned(tmp_path / "b", blurry, sharp, record)
    for text in ("{}", "[]", '{"compensation": null}', "no JSON"):
        record.write_text(text)
        with pytest.raises(AlignmentError, match=r"json: (no |'compensation': )"):
            repeat_aligned(tmp_path / "b", pair.blurry, pair.sharp, record)


def test_on_the_command_line(run, measured, tmp_path, said, snapshot):
    """With a rig, all options and the evidence; then from the record alone."""
    pair, _ = measured
    size = (200, 150)
    write_rig(
        tmp_path / "rig.toml", Rig(blurry_size=size, sharp_size=size, mirrored=True)
    )
    write_image(tmp_path / "b.png", pair.blurry)
    write_image(tmp_path / "s.png", pair.sharp[:, ::-1])
    pictures = tmp_path / "b.png", tmp_path / "s.png"
    result = run(
        "defocus-data", "align", *pictures, "--rig", tmp_path / "rig.toml", "--out", "first",
        "--model", "flow", "--scale", "0.5", "--kernel", "lanczos", "--photometric", "none",
        "--evidence", "seen", "--json", code=0,
    )  # fmt: skip
    document = json.loads(result.stdout)
    assert document["shift_px"] == pytest.approx(pair.truth.shift_px, abs=0.2)
    assert (tmp_path / "seen" / "measurement.png").is_file()
    record = json.loads((tmp_path / "first" / "misalignment.json").read_text())[
        "compensation"
    ]
    assert record["rig"]["mirrored"] is True
    assert (record["model"], record["scale"], record["kernel"]) == (
        "flow",
        0.5,
        "lanczos",
    )
    shutil.move(tmp_path / "rig.toml", tmp_path / "gone.toml")
    repeat = (
        "align",
        *pictures,
        "--from-record",
        "first/misalignment.json",
        "--out",
        "again",
    )
    result = run("defocus-data", *repeat, code=0)
    for name in BLUR_NAMES:  # measured, so not in the record
        (tmp_path / "first" / name).unlink()
    assert contents(tmp_path / "again") == contents(tmp_path / "first")
    assert said(run("defocus-data", *repeat, "--model", "global")) == snapshot
