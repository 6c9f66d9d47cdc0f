"""The audit: numbers against known truth, leakage, exit codes, resuming."""

import csv
import json
import os
import re
import shlex
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
from defocus.align.registration.unknown_causes import advice
from defocus.datasets.api import open_dataset
from defocus.datasets.audit.distributions import distributions
from defocus.datasets.audit.pair_audit import AuditedPair, near_duplicates
from defocus.datasets.audit.run import audit_dataset
from defocus.datasets.curation_rules import Rules, judged
from defocus.likeness import fingerprint
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.scene.aperture import disc_psf
from tests.command_process import start_command
from tests.datasets.conftest import put

HEIGHT, WIDTH = 192, 256
ALONE = ("--on", "1")
"""Every process imports torch; one test works in two."""
NAMES = ("astronaut", "coffee", "chelsea", "rocket", "retina")


def scene(name, x=40, y=40):
    """A crop of one of scikit-image's pictures."""
    picture = getattr(skimage.data, name)()
    small = cv2.resize(picture, (400, 330), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[y : y + HEIGHT, x : x + WIDTH])


def add_pair(root, split, name, blurry, sharp):
    for role, picture in (("blurry", blurry), ("sharp", sharp)):
        folder = root / split / role
        put(folder / f"{name}.png", picture)


def defocused(picture, diameter=5.0):
    kernel = disc_psf(diameter)
    return np.asarray(cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT))


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Two aligned pairs, one shifted by (3, -2) px, one wall, one damaged file, one leak."""
    root = tmp_path_factory.mktemp("audited")
    for split, name in (("train", "astronaut"), ("test", "coffee")):
        add_pair(root, split, name, defocused(scene(name)), scene(name))
    # what the blurry member has at x, the sharp one has at x + (3, -2)
    add_pair(
        root, "train", "shifted", defocused(scene("chelsea")), scene("chelsea", 37, 42)
    )
    wall = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    add_pair(root, "train", "wall", wall, wall)
    add_pair(root, "train", "broken", scene("rocket"), scene("rocket"))
    damaged = root / "train" / "sharp" / "broken.png"
    damaged.write_bytes(damaged.read_bytes()[:-2000])
    again = cv2.convertScaleAbs(scene("coffee", 41, 40), alpha=1.05)
    add_pair(root, "train", "leak", defocused(np.asarray(again)), np.asarray(again))
    return root


def test_numbers_are_those_that_were_put_in(audited, tmp_path, data):
    result = data(
        "audit", f"pairs:{audited}", "--out", tmp_path / "out", "--json", code=1
    )
    document = json.loads(result.stdout)
    assert document == json.loads((tmp_path / "out" / "audit.json").read_text())
    assert document["counts"] == {"ok": 4, "unknown": 1, "no-sharp": 0, "unreadable": 1}
    rows = {row["id"].rpartition("-")[2]: row for row in document["pairs"]}
    assert rows["astronaut"]["misalignment_px"] < 0.2
    errors = "misalignment_sigma_px", "corner_sigma_px", "shift_sigma_px", "zoom_sigma"
    for name in (*errors, "rotation_sigma_deg"):
        assert 0 < rows["shifted"][name] < 0.4
        assert rows["wall"][name] is None
    assert rows["shifted"]["misalignment_px"] == pytest.approx(np.hypot(3, 2), abs=0.15)
    assert rows["shifted"]["shift_x_px"] == pytest.approx(3, abs=0.15)
    assert rows["shifted"]["shift_y_px"] == pytest.approx(-2, abs=0.15)
    assert rows["astronaut"]["blur_median_px"] == pytest.approx(5.0, abs=1.5)
    assert rows["astronaut"]["sharpness"] > 1.3 * rows["astronaut"]["blurry_sharpness"]
    assert rows["shifted"]["misalignment_sigma_px"] < rows["shifted"]["corner_sigma_px"]
    assert rows["shifted"]["model"] in {"translation", "similarity"}
    assert rows["wall"]["status"] == "unknown"
    assert rows["wall"]["model"] == ""
    assert rows["wall"]["misalignment_px"] is None
    assert "broken.png" in rows["broken"]["reason"]
    leak = document["near_duplicates"][0]
    assert {leak[one].rpartition("-")[2] for one in ("first", "second")} == {
        "coffee",
        "leak",
    }
    with (tmp_path / "out" / "audit.csv").open(newline="") as handle:
        table = list(csv.DictReader(handle))
    assert [row["id"] for row in table] == [row["id"] for row in document["pairs"]]
    assert {"misalignment_sigma_px", "shift_sigma_px"} <= set(table[0])
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "shifted" in page
    assert "The same picture in two splits" in page
    for words in (advice(rows["wall"]["reason"]), "docs/how-to/unknown-alignment.md"):
        assert words
        assert words in page
    length, sigma = (
        rows["shifted"]["misalignment_px"],
        rows["shifted"]["misalignment_sigma_px"],
    )
    assert f"misalignment {length:.2f} ± {sigma:.2f} px in the mean" in page
    assert "so each was measured by itself" in page


def test_the_exit_code_is_for_a_pipeline(audited, tmp_path, data):
    def audit(root, *options: str):
        out = tmp_path / f"audit of {root.name}"
        return data("audit", f"pairs:{root}", "--out", out, *ALONE, *options, code=None)

    bad = audit(audited, "--fail-above", "1.0px")
    assert bad.returncode == 1
    assert "1 pair misaligned by more than 1 px" in bad.stderr
    assert re.search(r"\(mean \d+\.\d\d ± 0\.\d\d px\)", bad.stderr)
    assert re.search(
        r"  perfect pair \(two standard errors\) +median +0\.\d{3}   p95", bad.stdout
    )
    assert " in two splits, such as" in bad.stderr
    assert "1 pair that cannot be read" in bad.stderr
    assert "1 pair not shown to be aligned" in bad.stderr
    fine = audit(audited, "--fail-above", "0.0005px")
    assert re.search(
        r"0\.0005 px, the worst is \S+ \(mean \d+\.\d{5} ± 0\.\d{5} px\)", fine.stderr
    )
    assert "unknown: train-wall: " in bad.stderr

    good = tmp_path / "good"
    add_pair(
        good, "train", "astronaut", defocused(scene("astronaut")), scene("astronaut")
    )
    assert audit(good, "--fail-above", "1px").returncode == 0
    assert audit(good, "--fail-above", "0.0001").returncode == 1

    wrong = tmp_path / "wrong"
    add_pair(
        wrong, "train", "astronaut", defocused(scene("astronaut")), scene("astronaut")
    )
    add_pair(wrong, "train", "other", defocused(scene("coffee")), scene("rocket"))
    scenes = audit(wrong, "--fail-above", "1px")
    assert scenes.returncode == 1
    assert "1 pair not shown to be aligned, misalignment unknown" in scenes.stderr

    walls = tmp_path / "walls"
    wall = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    add_pair(walls, "train", "wall", wall, wall)
    nothing = audit(walls, "--fail-above", "9px")
    assert nothing.returncode == 1
    assert "no pair could be measured" in nothing.stderr

    words = dict.fromkeys(("-1px", "infpx", "nan"), "a length is 0px or more")
    for text, said in {"far": "is not a length", **words}.items():
        refused = audit(good, f"--fail-above={text}")
        assert refused.returncode == 2
        assert said in refused.stderr


def test_a_killed_audit_goes_on(tmp_path, data):
    root = tmp_path / "set"
    for index, name in enumerate(NAMES):
        add_pair(root, "train", f"{index}_{name}", defocused(scene(name)), scene(name))
    cache = Path(os.environ["DEFOCUS_CACHE"])
    earlier = set(cache.glob("measured/*/[0-9a-f]*.json"))
    command = ("audit", f"pairs:{root}", *ALONE)
    with start_command("defocus-data", *command, folder=tmp_path) as process:
        while (
            len(kept := sorted({*cache.glob("measured/*/[0-9a-f]*.json")} - earlier))
            < 2
        ):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert not (tmp_path / "audit").exists()

    result = data(*command)
    assert f"{len(NAMES)} pairs" in result.stdout
    assert before == {path: path.stat().st_mtime_ns for path in before}
    page = (tmp_path / "audit" / "audit.html").read_bytes()
    kept[0].write_text(kept[0].read_text()[:-100])
    again = data(*command, code=None)
    assert "damaged; the pair is audited again" in again.stderr
    assert (tmp_path / "audit" / "audit.html").read_bytes() == page


def test_a_share_of_pairs_is_drawn_from_none_to_all():
    sizes = (("train", 2.0), ("train", 1.0), *[("test", 3.0)] * 8)
    pairs = [
        AuditedPair("a", "a", split, "ok", misalignment_px=size)
        for split, size in sizes
    ]
    (figure,) = distributions(pairs)
    train, test = figure.curves
    assert (train.x, train.y) == ((1.0, 1.0, 2.0, 2.0), (0.0, 0.5, 0.5, 1.0))
    assert set(test.x) == {3.0}
    assert (test.y[0], test.y[-1]) == (0.0, 1.0)
    assert figure.x_least == (0.0, 1.0), "the axis holds the limit of 'curate'"
    for limit_px in (0.25, 8.0):
        (figure,) = distributions(pairs, limit_px)
        assert figure.x_least == (0.0, limit_px), (
            "the axis holds the limit of the audit"
        )
    assert distributions(pairs[:9]) == (), "a table shows a few pairs better"


def test_the_same_picture_is_recognised_and_another_is_not(tmp_path):
    pictures = {name: scene(name) for name in NAMES}
    pictures |= {f"{name}2": scene(name, 120, 100) for name in NAMES}
    changed = {
        "saved": tmp_path / "again.jpg",
        "small": cv2.resize(
            pictures["chelsea"], (128, 96), interpolation=cv2.INTER_AREA
        ),
        "bright": cv2.convertScaleAbs(pictures["rocket"], alpha=1.2, beta=8),
        "cropped": pictures["retina"][2:, 2:],
    }
    cv2.imwrite(str(changed["saved"]), pictures["astronaut"][..., ::-1], [1, 60])
    changed["saved"] = read_image(tmp_path / "again.jpg")
    prints = [
        (name, "train", fingerprint(picture)) for name, picture in pictures.items()
    ]
    for name, picture in changed.items():
        prints.append((name, "test", fingerprint(np.ascontiguousarray(picture))))
    doubles = {frozenset((one.first, one.second)) for one in near_duplicates(prints)}
    same = {
        "saved": "astronaut",
        "small": "chelsea",
        "bright": "rocket",
        "cropped": "retina",
    }
    assert doubles == {frozenset(names) for names in same.items()}
    assert near_duplicates([(name, "train", one) for name, _, one in prints]) == ()


def test_swapped_and_equally_sharp_members_are_told_apart(tmp_path, data):
    root, rocket = tmp_path / "set", scene("rocket")
    add_pair(root, "train", "good", defocused(rocket), rocket)
    add_pair(root, "train", "swapped", rocket, defocused(rocket))
    add_pair(root, "train", "black", defocused(rocket), np.zeros_like(rocket))
    grain = np.random.default_rng(0).integers(-2, 3, rocket.shape)
    add_pair(
        root, "train", "stuck", np.clip(rocket + grain, 0, 255).astype(np.uint8), rocket
    )
    result = data("audit", f"pairs:{root}", "--out", tmp_path / "out", *ALONE)
    assert (
        "train-swapped: sharpness: the blurry picture is the sharper one"
        in result.stderr
    )
    assert (
        "train-stuck: sharpness: both members are about equally sharp" in result.stderr
    )
    document = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert sorted(one["id"] for one in document["warnings"]) == [
        "train-stuck",
        "train-swapped",
    ]


def test_what_the_blur_does_not_explain_is_named_by_its_cause(tmp_path, data):
    root, sharp = tmp_path / "set", scene("chelsea")
    moved = sharp.copy()
    moved[60:100, 60:100] = 150
    uneven = sharp * np.linspace(0.55, 1, WIDTH)[None, :, None]
    for name, picture in (("moved", moved), ("uneven", uneven.astype(np.uint8))):
        add_pair(root, "train", name, defocused(sharp), picture)
    over = np.clip(3.0 * scene("coffee"), 0, 255).astype(np.uint8)
    add_pair(root, "train", "over", defocused(over), over)
    result = data(
        "audit", f"pairs:{root}", "--out", tmp_path / "out", *ALONE, code=None
    )
    assert "train-moved: unexplained: something moved" in result.stderr
    assert (
        "train-uneven: unexplained: light changed across the picture" in result.stderr
    )
    assert "train-over: clipped:" in result.stderr
    assert "swapped" not in result.stderr
    document = json.loads((tmp_path / "out" / "audit.json").read_text())
    rows = {row["id"]: row for row in document["pairs"]}
    assert rows["train-moved"]["unexplained_stops"] > 0.3
    assert rows["train-over"]["clipped_share"] > 0.05
    assert (tmp_path / "out/blur/train-moved/unexplained.png").is_file()
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "what the blur does not explain" in page


def test_a_pair_of_one_picture_is_named_and_mostly_rejected(tmp_path, data):
    """The same file, the same pixels in another file or at another depth; a good pair is none."""
    root = tmp_path / "set"
    for name in ("copied", "deep", "good", "tiff"):
        add_pair(root, "train", name, scene("rocket", 20 + len(name)), scene("rocket"))
    place = root / "train"
    (place / "blurry/copied.png").write_bytes((place / "sharp/copied.png").read_bytes())
    write_image(place / "blurry/deep.png", scene("rocket").astype(np.uint16) * 257)
    (place / "blurry/tiff.png").unlink()
    write_image(place / "blurry/tiff.tif", scene("rocket"))
    write_image(place / "blurry/good.png", defocused(scene("rocket")))

    out = tmp_path / "out"
    command = ("audit", f"pairs:{root}", "--out", out, "--fail-above", "1px", *ALONE)
    result = data(*command, code=1)
    assert (
        "train-copied: same picture: blurry and sharp have the same pixels"
        in result.stderr
    )
    assert "3 pairs with the same picture twice, such as train-copied" in result.stderr
    document = json.loads((out / "audit.json").read_text())
    same = {row["id"] for row in document["pairs"] if row["same_picture"]}
    assert same == {"train-copied", "train-deep", "train-tiff"}
    assert {one["id"] for one in document["warnings"]} == same
    page = (out / "audit.html").read_text()
    assert "same picture" in page

    audit = audit_dataset(open_dataset(f"pairs:{root}"), DEFAULT_ESTIMATOR, 1)
    for rules, kept in (
        (Rules(), {"train-good"}),
        (Rules(same_picture="accept"), None),
    ):
        accepted = {one.id for one in judged(audit, rules) if one.verdict == "accept"}
        assert accepted == (kept or {row.id for row in audit.pairs})
    reasons = {one.id: one.reason for one in judged(audit, Rules())}
    assert reasons["train-tiff"] == "blurry and sharp member are the same picture"


def test_an_audit_leaves_datasets_and_other_audits_alone(tmp_path, data):
    for name in ("one", "two"):
        add_pair(
            tmp_path / name, "train", name, defocused(scene("rocket")), scene("rocket")
        )
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}

    def audited_into(out, name):
        result = data(
            "audit", f"pairs:{tmp_path / name}", "--out", out, *ALONE, code=None
        )
        assert result.returncode in (0, 2), result.stderr
        return result.stderr if result.returncode else ""

    for place in ("one", "one/train", "one/new", "two/train"):
        words = (
            "inside the dataset"
            if place.startswith("one")
            else "the folder of a dataset"
        )
        assert words in audited_into(tmp_path / place, "one")
    out = tmp_path / "audit"
    assert audited_into(out, "one") == ""
    first = (out / "audit.json").read_bytes()
    result = audited_into(out, "two")
    assert (
        f"{out}: has the audit of pairs:one; give another folder with --out" in result
    )
    assert (out / "audit.json").read_bytes() == first
    assert audited_into(out, "one") == ""
    add_pair(
        tmp_path / "one", "train", "new", defocused(scene("retina")), scene("retina")
    )
    assert audited_into(out, "one") == "", "the same dataset, changed"
    namesake = tmp_path / "other" / "one"
    add_pair(namesake, "train", "one", defocused(scene("coffee")), scene("coffee"))
    result = audited_into(out, "other/one")
    assert (
        f"{out}: has the audit of another folder called pairs:one; give another"
        in result
    )
    assert audited_into(out, "one") == ""
    (out / "audit.json").write_text("{")
    assert "audit.json: damaged" in audited_into(out, "one")
    assert {path: path.read_bytes() for path in before} == before


def test_an_audit_begun_inside_a_dataset_says_what_works(tmp_path, run):
    add_pair(tmp_path, "train", "one", defocused(scene("rocket")), scene("rocket"))
    result = run("defocus-data", "audit", "pairs:.", *ALONE)  # runs in this folder
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    command = result.stderr.split("run '", 1)[1].rstrip().removesuffix("'")
    assert run(*shlex.split(command), *ALONE).returncode == 0
    assert (tmp_path.parent / f"{tmp_path.name}-audit" / "audit.html").is_file()
