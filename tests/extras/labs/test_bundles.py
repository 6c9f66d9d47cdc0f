"""Submissions: made, checked, and refused where something is wrong with them."""

import copy
import hashlib
import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from defocus.command_line.commands import command_group
from defocus.datasets.api import open_dataset
from defocus.errors import InputError, SettingsError
from defocus.extras.labs import opening
from defocus.extras.labs.opening import opened_bundle
from defocus.extras.labs.repository.check import check_repository
from defocus.extras.labs.repository.lines import submissions_of
from defocus.extras.labs.repository.settings import read_repository
from defocus.extras.labs.signing import public_key, signature_of, signing_key
from defocus.extras.labs.statement import SIGNATURE, digest, parse_statement
from defocus.extras.labs.verification.record import (
    read_record,
    record_path,
    write_record,
)
from defocus.extras.labs.verification.verifying import verify_bundle
from defocus.plugins import extensions
from tests.command_process import run_command

Members = dict[str, bytes]
Fraud = Callable[[Members, dict[str, Any]], None]

PLUGIN = """
from functools import partial
from pathlib import Path

import cv2
import torch
from torch import nn

from defocus.baselines.card import Baseline, Card
from defocus.baselines.recipe import Recipe, Schedule, Step


class Conv(nn.Module):
    def __init__(self, size=3):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, size, padding="same")

    def forward(self, blurry):
        return blurry + 0.1 * self.conv(blurry)


class Memory(nn.Module):
    '''Knows the test scenes by heart: whatever looks like one becomes its sharp picture.'''

    def __init__(self):
        super().__init__()
        root = Path({root!r}) / "test"
        read = lambda path: torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy()).float() / 255
        self.sharp = [read(path).permute(2, 0, 1) for path in sorted((root / "sharp").iterdir())]
        self.seen = [read(path).permute(2, 0, 1) for path in sorted((root / "blurry").iterdir())]

    def forward(self, blurry):
        small = lambda one: nn.functional.adaptive_avg_pool2d(one, 6)
        gaps = [float((small(blurry[0]) - small(one)).abs().mean()) for one in self.seen]
        return 0.8 * blurry + 0.2 * self.sharp[gaps.index(min(gaps))][None]


def recipe():
    schedule = Schedule(steps=6, crop_px=16, batch=2, learning_rate=1e-3)
    return Recipe(epochs=10, decay=Step(every=4), paper=schedule, quick=schedule, demo=schedule)


def system(name, build, **more):
    card = Card(name=name, display_name=name, kind="network", status="reference", source="",
                follows="", licence="MIT", input="single")
    return Baseline(card=card, build=build, **more)


BASELINES = (
    system("labs-conv", Conv, recipe=recipe),
    system("labs-other", partial(Conv, 5), recipe=recipe),
    system("labs-memory", Memory),
)
"""


@dataclass(frozen=True)
class Study:
    """A finished study and its honest bundle."""

    out: Path
    dataset: str
    bundle: Path
    key: Path


def defocus_bench(*words: str | Path) -> Result:
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")
    arguments = [str(word) for word in words]
    return CliRunner().invoke(
        group, arguments, catch_exceptions=False, standalone_mode=False
    )


def make_pairs(root: Path) -> None:
    """Scenes with detail down to the pixel, and blurry ones in which that is gone."""
    for number, name in enumerate(
        ("test/a", "test/b", "test/c", "test/d", "train/e", "train/f")
    ):
        split, scene = name.split("/")
        random = np.random.default_rng(number)
        fine = random.normal(0, 30, (96, 96, 3))
        coarse = cv2.resize(random.normal(128, 50, (5, 5, 3)), (96, 96))
        sharp = np.clip(fine + coarse, 0, 255).astype(np.uint8)
        for role, picture in (
            ("sharp", sharp),
            ("blurry", cv2.GaussianBlur(sharp, (0, 0), 2.0)),
        ):
            (root / split / role).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / split / role / f"{scene}.png"), picture)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    root = tmp_path_factory.mktemp("pairs")
    make_pairs(root)
    file = root.parent / "labs_systems.py"
    file.write_text(PLUGIN.replace("{root!r}", repr(str(root))))
    before = dict(extensions._loaded), os.environ.get(extensions.ENVIRONMENT)
    extensions.load_plugin(file)
    yield root
    extensions._loaded.clear()
    extensions._loaded.update(before[0])
    if before[1] is None:
        os.environ.pop(extensions.ENVIRONMENT, None)
    else:
        os.environ[extensions.ENVIRONMENT] = before[1]


@pytest.fixture(scope="module")
def study(plugin, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labs")
    dataset, out = f"pairs:{plugin}", folder / "study"
    words = [word for name in ("input", "labs-*") for word in ("--only", name)]
    words += ["--plugin", str(plugin.parent / "labs_systems.py"), "--keep-outputs"]
    words += ["--dataset", dataset, "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    result = run_command("defocus.benchmark.cli", ["run", *words], folder, environment)
    assert result.returncode == 0, result.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        words = [
            "labs",
            "submit",
            "--out",
            out,
            "--as",
            folder / "lab.zip",
            "--lab",
            "A lab",
        ]
        words += ["--only", "input", "--only", "labs-conv", "--only", "labs-other"]
        outcome = defocus_bench(*words, "--with-weights")
    assert outcome.exit_code == 0, outcome.output
    key = folder / "defocus" / "signing-key"
    assert f'"A lab" = "{public_key(signing_key(key))}"' in outcome.output
    assert key.stat().st_mode & 0o777 == 0o600
    return Study(out, dataset, folder / "lab.zip", key)


def read_members(bundle: Path) -> Members:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path: Path, members: Members) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def resigned(members: Members, statement: dict[str, Any], key: Path) -> Members:
    """The members with a statement of these hashes, signed anew: as a cheat would do it."""
    inside = {
        n: c
        for n, c in members.items()
        if n not in ("statement.json", "signature.json")
    }
    statement["files"] = {n: hashlib.sha256(c).hexdigest() for n, c in inside.items()}
    for run in statement["runs"]:
        begin = f"outputs/{run['entry']['run']}/"
        run["outputs"] = {
            name.removeprefix(begin).removesuffix(".npy"): sha256
            for name, sha256 in statement["files"].items()
            if name.startswith(begin)
        }
    text = json.dumps(
        statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return {**sealed(text.encode(), key), **inside}


def sealed(content: bytes, key: Path) -> Members:
    private = signing_key(key)
    signature = {
        "algorithm": "ed25519",
        "key": public_key(private),
        "signature": signature_of(content, private),
    }
    return {"statement.json": content, "signature.json": json.dumps(signature).encode()}


def submitted(study: Study, bundle: Path, *words: str) -> Result:
    """A bundle of the study's own lab."""
    lab = ("--as", bundle, "--lab", "A lab", "--key", study.key)
    return defocus_bench("labs", "submit", "--out", study.out, *lab, *words)


def verified(bundle: Path, study: Study, reruns: int = 0) -> dict[str, Any]:
    return verify_bundle(bundle, open_dataset(study.dataset), reruns).to_json()


def cheated(
    study: Study, tmp_path: Path, fraud: Fraud, reruns: int = 0
) -> dict[str, Any]:
    members = read_members(study.bundle)
    statement = json.loads(members["statement.json"])
    fraud(members, statement)
    bundle = write_members(
        tmp_path / "cheat.zip", resigned(members, statement, study.key)
    )
    return verified(bundle, study, reruns)


def kinds(document: dict[str, Any]) -> set[str]:
    return {one["kind"] for one in document["findings"]}


def test_an_honest_bundle_passes_and_is_signed(study):
    check = verified(study.bundle, study, 4)
    assert check["findings"] == []
    assert check["ok"]
    assert check["whole"]
    assert check["rescored"] > 200
    assert check["lab"] == "A lab"


def test_a_row_at_scales_shares_its_weights_and_accuses_nobody(study, tmp_path):
    out, bundle = shutil.copytree(study.out, tmp_path / "study"), tmp_path / "lab.zip"
    words = ["--only", "labs-conv@scales", "--dataset", study.dataset, "--keep-outputs"]
    assert defocus_bench("run", *words, "--out", out).exit_code == 0
    words = ["--only", "labs-conv*", "--with-weights"]
    result = submitted(replace(study, out=out), bundle, *words)
    assert result.exit_code == 0, result.output
    statement = json.loads(read_members(bundle)["statement.json"])
    hashes = [run["weights"]["sha256"] for run in statement["runs"]]
    assert len(hashes) == 2
    assert hashes[0] == hashes[1]
    check = verified(bundle, study, 4)
    assert check["findings"] == []
    assert check["ok"]
    assert check["notes"] == []


@pytest.mark.full
def test_pictures_that_cannot_be_read_are_listed_and_accuse_nobody(
    study, tmp_path, capfd
):
    make_pairs(tmp_path / "pairs")
    cut = tmp_path / "pairs/test/blurry/b.png"
    cut.write_bytes(cut.read_bytes()[:999])
    dataset, out = f"pairs:{tmp_path / 'pairs'}", tmp_path / "study"
    words = (
        "run",
        "--only",
        "input",
        "--dataset",
        dataset,
        "--out",
        out,
        "--keep-outputs",
    )
    assert defocus_bench(*words).return_value == 1
    capfd.readouterr()  # JSON is written past click, to the real stdout
    defocus_bench("status", "--out", out, "--json")
    document = json.loads(capfd.readouterr().out)
    assert [one["id"] for one in document["left_out"]] == ["test-b"]
    bundle = tmp_path / "lab.zip"
    result = submitted(replace(study, out=out), bundle)
    assert result.return_value == 1
    assert "pair test-b is left out: " in result.output
    outcome = defocus_bench(
        "labs", "verify", bundle, "--dataset", dataset, "--reruns", "1", "--json"
    )
    report = json.loads(capfd.readouterr().out)
    assert outcome.return_value == 1
    assert report["findings"] == []
    assert [one["id"] for one in report["left_out"]] == ["test-b"]


def test_a_bundle_of_hashes_alone_says_that_nothing_was_rescored(study, tmp_path):
    result = submitted(study, tmp_path / "small.zip", "--hashes-only")
    assert result.exit_code == 0
    check = verified(tmp_path / "small.zip", study)
    assert check["ok"]
    assert not check["whole"]
    assert check["rescored"] == 0
    assert "nothing was rescored" in check["notes"][0]
    folder = make_repository(tmp_path / "unseen", study)
    bundle = (tmp_path / "small.zip").rename(folder / "bundles" / "ours.zip")
    words = ["--dataset", study.dataset, "--record", "--key", verifier_key(study)]
    result = defocus_bench("labs", "verify", bundle, *words)
    assert result.return_value == 3
    assert "not verified: no score was computed again" in result.output
    (shown,), _ = submissions_of(folder, read_repository(folder))
    assert shown.checked == "not checked"


def test_another_dataset_is_said_and_nobody_accused(study, tmp_path):
    make_pairs(tmp_path / "other")
    (tmp_path / "other" / "test" / "sharp" / "a.png").unlink()
    (tmp_path / "other" / "test" / "blurry" / "a.png").unlink()
    check = verify_bundle(study.bundle, open_dataset(f"pairs:{tmp_path / 'other'}"), 0)
    assert {one.kind for one in check.findings} == {"dataset"}
    assert "another dataset" in check.findings[0].said


# what a cheat changes ------------------------------------------------------------------------


def run_named(statement: dict[str, Any], system: str) -> str:
    (name,) = [
        r["entry"]["run"] for r in statement["runs"] if r["entry"]["system"] == system
    ]
    return str(name)


def picture(members: Members, run: str, pair: str) -> np.ndarray:
    return np.load(io.BytesIO(members[f"outputs/{run}/{pair}.npy"]))


def put(members: Members, run: str, pair: str, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array.astype(np.float32))
    members[f"outputs/{run}/{pair}.npy"] = buffer.getvalue()


def edited_score(members: Members, statement: dict[str, Any]) -> None:
    scores = json.loads(members["scores.json"])
    for row in scores[run_named(statement, "labs-conv")]:
        if row[2] == "psnr" and row[5] is not None:
            row[5] += 0.2
    members["scores.json"] = json.dumps(scores).encode()


def edited_interval(members: Members, statement: dict[str, Any]) -> None:
    for row in statement["rows"]:
        if row["metric"] == "psnr" and row["value"] is not None:
            row["ci_low"], row["ci_high"] = row["value"] - 0.01, row["value"] + 0.01


def edited_row(members: Members, statement: dict[str, Any]) -> None:
    row = next(
        r for r in statement["rows"] if r["metric"] == "ssim" and r["value"] is not None
    )
    row["value"] += 0.01


def outputs_of_another(members: Members, statement: dict[str, Any]) -> None:
    mine, other = run_named(statement, "labs-conv"), run_named(statement, "labs-other")
    for pair in statement["dataset"]["pairs"]:
        members[f"outputs/{mine}/{pair}.npy"] = members[f"outputs/{other}/{pair}.npy"]
    scores = json.loads(members["scores.json"])
    scores[mine] = scores[other]
    members["scores.json"] = json.dumps(scores).encode()


def swapped_scenes(members: Members, statement: dict[str, Any]) -> None:
    run = run_named(statement, "labs-conv")
    first, second = (
        f"outputs/{run}/{p}.npy" for p in statement["dataset"]["pairs"][:2]
    )
    members[first], members[second] = members[second], members[first]


def blended(
    dataset: Path, part: float = 0.05, many: int = 4, system: str = "labs-conv"
) -> Fraud:
    def fraud(members: Members, statement: dict[str, Any]) -> None:
        run = run_named(statement, system)
        for pair in statement["dataset"]["pairs"][:many]:
            sharp = cv2.imread(str(dataset / "test" / "sharp" / f"{pair[5:]}.png"))[
                ..., ::-1
            ]
            mixed = (1 - part) * picture(members, run, pair) + part * sharp / 255
            put(members, run, pair, mixed)

    return fraud


def trained_on_test(dataset: Path) -> Fraud:
    def fraud(members: Members, statement: dict[str, Any]) -> None:
        seen = (dataset / "test" / "sharp" / "a.png").read_bytes()
        pictures = statement["training"][0]["pictures"]
        statement["training"][0]["pictures"] = [
            *pictures,
            hashlib.sha256(seen).hexdigest(),
        ]

    return fraud


def other_profile(members: Members, statement: dict[str, Any]) -> None:
    statement["profile"] = "png8"
    for row in statement["rows"]:
        row["profile"] = "png8"
    scores = json.loads(members["scores.json"])
    for rows in scores.values():
        for row in rows:
            row[0] = "png8"
    members["scores.json"] = json.dumps(scores).encode()


def other_crop(members: Members, statement: dict[str, Any]) -> None:
    run = run_named(statement, "labs-conv")
    for pair in statement["dataset"]["pairs"]:
        put(members, run, pair, picture(members, run, pair)[:80, :80])


def other_revision(members: Members, statement: dict[str, Any]) -> None:
    other = "0" * 64
    statement["dataset"]["content_hash"] = other
    for run in statement["runs"]:
        run["entry"]["data_hash"] = other


def without(statement: dict[str, Any], members: Members, pair: str) -> None:
    for name in [name for name in members if name.endswith(f"/{pair}.npy")]:
        del members[name]
    scores = json.loads(members["scores.json"])
    kept = {
        run: [row for row in rows if row[3] != pair] for run, rows in scores.items()
    }
    members["scores.json"] = json.dumps(kept).encode()


def hard_left_out(members: Members, statement: dict[str, Any]) -> None:
    without(statement, members, statement["dataset"]["pairs"][0])


def hard_left_out_of_the_list_too(members: Members, statement: dict[str, Any]) -> None:
    without(statement, members, statement["dataset"]["pairs"].pop(0))


def easy_twice(members: Members, statement: dict[str, Any]) -> None:
    scores = json.loads(members["scores.json"])
    for rows in scores.values():
        rows.append(copy.deepcopy(rows[-1]))
    members["scores.json"] = json.dumps(scores).encode()


def easy_in_place_of_hard(members: Members, statement: dict[str, Any]) -> None:
    first, second = statement["dataset"]["pairs"][:2]
    for run in [run["entry"]["run"] for run in statement["runs"]]:
        members[f"outputs/{run}/{first}.npy"] = members[f"outputs/{run}/{second}.npy"]


def picked_seeds(members: Members, statement: dict[str, Any]) -> None:
    for run in statement["runs"]:
        if run["entry"]["system"] == "labs-conv":
            run["entry"]["seed"] = 3


def best_of_three_seeds(members: Members, statement: dict[str, Any]) -> None:
    statement["seeds"] = 3


def countless_seeds(members: Members, statement: dict[str, Any]) -> None:
    statement["seeds"] = 10**12


def no_training_pictures(members: Members, statement: dict[str, Any]) -> None:
    statement["training"][0]["pictures"] = []


def other_flow(members: Members, statement: dict[str, Any]) -> None:
    scores = json.loads(members["scores.json"])
    for row in scores[run_named(statement, "labs-conv")]:
        row[6] = row[6] and "oracle"
    members["scores.json"] = json.dumps(scores).encode()


def unknown_flow(members: Members, statement: dict[str, Any]) -> None:
    scores = json.loads(members["scores.json"])
    rows = scores[run_named(statement, "labs-conv")]
    again = [row for row in rows if row[1:3] == ["deformed-gt", "psnr"]]
    rows += [
        [*row[:2], "psnr_independent", *row[3:6], "oracle", *row[7:]] for row in again
    ]
    members["scores.json"] = json.dumps(scores).encode()


def cost_twice(members: Members, statement: dict[str, Any]) -> None:
    costs = next(run["costs"] for run in statement["runs"] if run["costs"])
    costs.append(costs[0])


def unknown_metric(members: Members, statement: dict[str, Any]) -> None:
    scores = json.loads(members["scores.json"])
    rows = scores[run_named(statement, "labs-conv")]
    rows += [[*row[:2], "beauty", *row[3:]] for row in rows if row[2] == "psnr"]
    members["scores.json"] = json.dumps(scores).encode()


def reused_weights(members: Members, statement: dict[str, Any]) -> None:
    mine, other = (run_named(statement, name) for name in ("labs-conv", "labs-other"))
    facts = {run["entry"]["run"]: run for run in statement["runs"]}
    facts[mine]["weights"]["sha256"] = facts[other]["weights"]["sha256"]
    facts[mine]["entry"]["checkpoint"] = facts[other]["entry"]["checkpoint"]


def other_weights(members: Members, statement: dict[str, Any]) -> None:
    mine, other = (run_named(statement, name) for name in ("labs-conv", "labs-other"))
    members[f"weights/{mine}.safetensors"] = members[f"weights/{other}.safetensors"]


def future(members: Members, statement: dict[str, Any]) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    statement["made"] = later.isoformat(timespec="seconds")


def pickled_weights(members: Members, statement: dict[str, Any]) -> None:
    import pickle

    class Code:
        def __reduce__(self) -> Any:
            return (os.system, ("exit 1",))

    run = run_named(statement, "labs-conv")
    members[f"weights/{run}.safetensors"] = pickle.dumps(Code())


def pickled_output(members: Members, statement: dict[str, Any]) -> None:
    run, pair = run_named(statement, "labs-conv"), statement["dataset"]["pairs"][0]
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    members[f"outputs/{run}/{pair}.npy"] = buffer.getvalue()


def shadowing(members: Members, statement: dict[str, Any]) -> None:
    statement["runs"][0]["entry"]["Status"] = "ok"


def further_file(members: Members, statement: dict[str, Any]) -> None:
    members["weights/run.py"] = b"print('run me')"


SIMPLE: dict[str, tuple[Fraud, str]] = {
    "edited score": (edited_score, "scores"),
    "edited interval": (edited_interval, "rows"),
    "edited row": (edited_row, "rows"),
    "outputs of another system": (outputs_of_another, "duplicates"),
    "outputs swapped between scenes": (swapped_scenes, "outputs"),
    "other profile": (other_profile, "profile"),
    "other crop": (other_crop, "outputs"),
    "other dataset revision": (other_revision, "dataset"),
    "hard pictures left out": (hard_left_out, "pairs"),
    "hard pictures left out of the list": (hard_left_out_of_the_list_too, "pairs"),
    "easy pictures twice": (easy_twice, "duplicates"),
    "easy pictures in place of hard ones": (easy_in_place_of_hard, "duplicates"),
    "picked seed": (picked_seeds, "seeds"),
    "best of three seeds": (best_of_three_seeds, "seeds"),
    "seeds without end": (countless_seeds, "format"),
    "training pictures left out": (no_training_pictures, "training"),
    "another flow": (other_flow, "scores"),
    "a flow that nobody has": (unknown_flow, "format"),
    "a cost twice": (cost_twice, "duplicates"),
    "a metric that nobody has": (unknown_metric, "format"),
    "hash reused": (reused_weights, "weights"),
    "other weights": (other_weights, "weights"),
    "clock in the future": (future, "clock"),
    "code in weights": (pickled_weights, "weights"),
    "code in an output": (pickled_output, "outputs"),
    "unknown field that shadows a known one": (shadowing, "format"),
    "unknown file": (further_file, "files"),
}


@pytest.mark.parametrize("name", SIMPLE)
def test_a_fraud_is_refused(study, tmp_path, name):
    fraud, kind = SIMPLE[name]
    check = cheated(study, tmp_path, fraud, 4 if kind == "weights" else 0)
    assert kind in kinds(check), check["findings"]


@pytest.mark.parametrize(("part", "expected"), [(0.8, 0), (1.2, 2)])
def test_scores_may_differ_by_the_documented_tolerances(
    study, tmp_path, part, expected
):
    """By 0.00001, and by 0.001 where a flow is estimated."""

    def shifted(members: Members, statement: dict[str, Any]) -> None:
        scores = json.loads(members["scores.json"])
        rows = scores[run_named(statement, "labs-conv")]
        for tolerance, protocol in ((1e-5, "gt"), (1e-3, "deformed-gt")):
            row = next(row for row in rows if row[1:3] == [protocol, "psnr"])
            row[5] += part * tolerance
        members["scores.json"] = json.dumps(scores).encode()

    said = cheated(study, tmp_path, shifted)["findings"]
    assert len([one for one in said if one["kind"] == "scores"]) == expected


def test_the_truth_blended_in_by_5_percent_is_refused(study, plugin, tmp_path):
    check = cheated(study, tmp_path, blended(plugin))
    assert {"leak", "scores"} <= kinds(check)
    said = next(one["said"] for one in check["findings"] if one["kind"] == "leak")
    assert "5" in said.split("%")[0].rsplit(" ", 1)[-1][0]


@pytest.mark.parametrize(("part", "many"), [(0.05, 1), (0.5, 1)])
def test_the_truth_in_one_picture_is_refused_without_restoring_again(
    study, plugin, tmp_path, part, many
):
    check = cheated(study, tmp_path, blended(plugin, part, many))
    (said,) = [one["said"] for one in check["findings"] if one["kind"] == "leak"]
    assert said.endswith("the output of test-a")


def test_a_suspicious_picture_of_a_system_without_weights_is_restored_again(
    study, plugin, tmp_path
):
    check = cheated(study, tmp_path, blended(plugin, 0.3, 1, "input"), 1)
    assert any(
        one["said"].endswith("of test-a than submitted") for one in check["findings"]
    )
    (suspicion,) = cheated(study, tmp_path, blended(plugin, 0.3, 1, "input"))["notes"]
    assert "test-a may have the truth; --reruns 1 " in suspicion


def test_so_is_one_by_the_weights_of_the_package_which_need_not_be_inside(
    study, plugin, tmp_path
):
    """A good network brings back more of the finest detail than any bound for strangers allows."""
    out, bundle = tmp_path / "out", tmp_path / "own.zip"
    words = ["--dataset", study.dataset, "--keep-outputs", "--out", out]
    assert (
        defocus_bench("evaluate", "defocus-s", "--weights", "own", *words).exit_code
        == 0
    )
    own = replace(study, out=out, bundle=bundle)
    assert submitted(own, bundle, "--dataset", study.dataset).exit_code == 0
    check = cheated(own, tmp_path, blended(plugin, 0.3, 1, "defocus-s"), 1)
    assert any(
        one["said"].endswith("of test-a than submitted") for one in check["findings"]
    )
    assert "leak" not in kinds(check)
    (suspicion,) = cheated(own, tmp_path, blended(plugin, 0.3, 1, "defocus-s"))["notes"]
    assert "test-a may have the truth; --reruns 1 " in suspicion


def test_stated_training_on_test_scenes_is_refused(study, plugin, tmp_path):
    check = cheated(study, tmp_path, trained_on_test(plugin))
    assert "training" in kinds(check)
    assert "a.png" in check["findings"][0]["said"]


def test_a_system_that_knows_the_scenes_by_heart_is_refused(study, tmp_path):
    bundle = tmp_path / "memory.zip"
    result = submitted(study, bundle, "--only", "labs-memory")
    assert result.exit_code == 0, result.output
    check = verified(bundle, study, 1)
    assert {"leak", "memory"} <= kinds(check)


def rewritten(
    study: Study, tmp_path: Path, change: Callable[[Members], Members]
) -> Path:
    return write_members(tmp_path / "cheat.zip", change(read_members(study.bundle)))


def refusal(bundle: Path, study: Study) -> str:
    (finding,) = verified(bundle, study)["findings"]
    return str(finding["kind"])


def test_a_changed_member_and_a_changed_statement_are_refused(study, tmp_path):
    def score(members: Members) -> Members:
        return {**members, "scores.json": members["scores.json"] + b" "}

    def lab(members: Members) -> Members:
        return {
            **members,
            "statement.json": members["statement.json"].replace(b'"A lab"', b'"B lab"'),
        }

    assert refusal(rewritten(study, tmp_path, score), study) == "files"
    assert refusal(rewritten(study, tmp_path, lab), study) == "signature"


def new_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def test_a_replaced_key_is_refused(study, tmp_path):
    other = tmp_path / "other-key"
    other.write_bytes(new_key())

    def replaced(members: Members) -> Members:
        return {**members, **sealed(members["statement.json"], other)}

    assert refusal(rewritten(study, tmp_path, replaced), study) == "key"


def test_a_key_that_is_there_twice_is_refused(study, tmp_path):
    def twice(members: Members) -> Members:
        text = members["statement.json"].replace(
            b'"lab":"A lab"', b'"lab":"X","lab":"A lab"'
        )
        return {**members, **sealed(text, study.key)}

    assert refusal(rewritten(study, tmp_path, twice), study) == "format"


def test_endless_brackets_are_no_signature(study, tmp_path):
    def nested(members: Members) -> Members:
        return {**members, "signature.json": b"[" * 50_000}

    assert refusal(rewritten(study, tmp_path, nested), study) == "signature"


def test_a_truncated_bundle_is_refused(study, tmp_path):
    cut = tmp_path / "cut.zip"
    cut.write_bytes(study.bundle.read_bytes()[:-2000])
    assert refusal(cut, study) == "archive"


def test_a_path_out_of_the_bundle_is_refused(study, tmp_path):
    def outside(members: Members) -> Members:
        return {**members, "../../outside.txt": b"x"}

    assert refusal(rewritten(study, tmp_path, outside), study) == "archive"
    assert not list(tmp_path.parent.rglob("outside.txt"))


def test_a_bomb_is_refused(study, tmp_path):
    def bomb(members: Members) -> Members:
        return {**members, "outputs/bomb.npy": bytes(64 * 2**20)}

    assert refusal(rewritten(study, tmp_path, bomb), study) == "archive"


def test_what_cannot_be_submitted_or_read_is_said(study, tmp_path):
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")

    def said(*words: str | Path) -> str:
        result = CliRunner().invoke(group, [str(word) for word in words])
        assert result.exit_code != 0
        return str(result.exception)

    submit = [
        "labs",
        "submit",
        "--out",
        study.out,
        "--lab",
        "A lab",
        "--key",
        study.key,
    ]
    assert "ends in .zip" in said(*submit, "--as", tmp_path / "a.tar")
    assert "no scored run of nobody" in said(
        *submit, "--as", tmp_path / "a.zip", "--only", "nobody"
    )
    key = tmp_path / "key"
    key.write_text("no key")
    assert "no Ed25519 key" in said(*submit[:-1], key, "--as", tmp_path / "a.zip")
    assert "no such file" in said(
        "labs", "verify", tmp_path / "no.zip", "--dataset", study.dataset
    )
    assert not list(tmp_path.glob("*.zip"))


# a repository of bundles ----------------------------------------------------------------------


def verifier_key(study: Study) -> Path:
    """The key of somebody else than the lab."""
    path = study.key.with_name("verifier-key")
    if not path.exists():
        path.write_bytes(new_key())
    return path


def make_repository(folder: Path, study: Study, *further: str) -> Path:
    (folder / "bundles").mkdir(parents=True)
    (folder / "bundles" / "ours.zip").write_bytes(study.bundle.read_bytes())
    lab, verifier = (
        public_key(signing_key(one)) for one in (study.key, verifier_key(study))
    )
    lines = [
        "[labs]",
        f'"A lab" = "{lab}"',
        "[verifiers]",
        f'"V" = "{verifier}"',
        *further,
    ]
    (folder / "repository.toml").write_text("\n".join(lines) + "\n")
    return folder


def problems(folder: Path) -> set[str]:
    return {one.kind for one in check_repository(folder)[1]}


def test_a_repository_is_checked_without_a_dataset(study, tmp_path, refused):
    folder = make_repository(tmp_path / "honest", study)
    assert check_repository(folder) == (1, [])
    result = defocus_bench("labs", "check", folder)
    assert result.return_value == 0
    assert "1 bundle, nothing wrong" in result.output
    (folder / "repository.toml").write_text('[labs]\n"A lab" = "' + "0" * 64 + '"\n')
    assert problems(folder) == {"key"}
    assert defocus_bench("labs", "check", folder).return_value == 1
    (folder / "repository.toml").write_text("")
    assert problems(folder) == {"key"}
    (folder / "repository.toml").write_text('[labs]\n"A lab" = "2f6c1d0e8b7a5948"\n')
    with refused(SettingsError):
        check_repository(folder)


@pytest.mark.parametrize("what", ["versions", "bundles", "keys"])
def test_what_is_denied_is_told(study, tmp_path, what):
    statement = parse_statement(read_members(study.bundle)["statement.json"])
    denied = {
        "versions": statement.tool.partition("+")[0],
        "bundles": digest(statement),
        "keys": statement.key,
    }[what]
    folder = make_repository(tmp_path / what, study, "[deny]", f'{what} = ["{denied}"]')
    assert problems(folder) == {"denied"}


def test_outputs_of_another_bundle_are_found(study, tmp_path):
    """The other system of the honest bundle, submitted by itself under another name."""
    folder = make_repository(tmp_path / "reused", study)
    members = read_members(study.bundle)
    statement = json.loads(members["statement.json"])
    run = run_named(statement, "labs-other")
    kept = [one for one in statement["runs"] if one["entry"]["run"] == run]
    statement["runs"], statement["lab"] = kept, "A lab"
    kept[0]["entry"]["system"] = "mine"
    statement["rows"] = []
    scores = json.loads(members["scores.json"])
    members = {name: content for name, content in members.items() if run in name}
    members["scores.json"] = json.dumps({run: scores[run]}).encode()
    write_members(
        folder / "bundles" / "theirs.zip", resigned(members, statement, study.key)
    )
    assert "reused" in problems(folder)


def test_the_record_of_a_check_is_signed_and_bound_to_its_bundle(study, tmp_path):
    folder = make_repository(tmp_path / "recorded", study)
    bundle = folder / "bundles" / "ours.zip"
    check = verify_bundle(bundle, open_dataset(study.dataset), 0)
    write_record(bundle, check, study.key)
    assert problems(folder) == {"record"}  # nobody verifies his own
    (shown,), _ = submissions_of(folder, read_repository(folder))
    assert shown.checked == "not checked"
    write_record(bundle, check, verifier_key(study))
    record = read_record(bundle)
    assert record is not None
    assert (record.ok, record.whole) == (True, True)
    assert len(record.rows) == len(check.rows) > 100
    assert problems(folder) == set()
    (shown,), unreadable = submissions_of(folder, read_repository(folder))
    assert (shown.checked, unreadable) == ("rescored", {})
    path = record_path(bundle)
    honest = path.read_text()
    path.write_text(honest.replace('"whole":true', '"whole":false'))
    assert problems(folder) == {"record"}
    path.write_text(honest)
    other = folder / "bundles" / "other.zip"
    assert submitted(study, other, "--only", "input").exit_code == 0
    path.rename(record_path(folder / "bundles" / "other.zip"))
    assert problems(folder) == {"record"}


def test_nothing_of_a_bundle_is_unpacked_before_its_signature_is_looked_at(
    tmp_path, monkeypatch, study
):
    monkeypatch.setattr(opening, "unpack", lambda *_: pytest.fail("it was unpacked"))
    forged = tmp_path / "forged.zip"
    with (
        zipfile.ZipFile(study.bundle) as honest,
        zipfile.ZipFile(forged, "w") as archive,
    ):
        for name in honest.namelist():
            content = honest.read(name)
            if name == SIGNATURE:
                content = content.replace(b'"signature": "', b'"signature": "00', 1)
            archive.writestr(name, content)
    with pytest.raises(opening.BundleRefusedError) as refused, opened_bundle(forged):
        pass
    assert refused.value.kind == "signature"


def test_a_bundle_comes_into_a_collection_by_the_printed_commands(study, tmp_path):
    collection = tmp_path / "repository" / "results"
    collection.mkdir(parents=True)
    (collection / "repository.toml").write_text(
        'title = "Ours"\n\n[labs]\n"B" = "' + "0" * 64 + '"\n'
    )
    words = [
        "labs",
        "submit",
        "--out",
        study.out,
        "--as",
        tmp_path / "My lab.zip",
        "--lab",
        "A lab",
    ]
    words += [
        "--key",
        study.key,
        "--only",
        "input",
        "--only",
        "labs-conv",
        "--hashes-only",
    ]
    result = defocus_bench(*words, "--collection", collection)
    assert result.exit_code == 0, result.output
    lines = result.output.partition("a folder in any repository:\n")[2].splitlines()
    commands = [line for line in lines if line.startswith(("mkdir", "cp", "patch"))]
    assert len(commands) == 3
    for line in commands:
        subprocess.run(["sh", "-e", "-c", line], check=True, capture_output=True)
    number, problems = check_repository(collection)
    assert (number, problems) == (1, [])
    assert set(read_repository(collection).labs) == {"A lab", "B"}
    again = defocus_bench(
        *words[:4], "--as", tmp_path / "two.zip", *words[6:], "--collection", collection
    )
    assert "patch" not in again.output, "the lab is known there"
    missing = [*words[:5], tmp_path / "three.zip", *words[6:], "--collection", tmp_path]
    with pytest.raises(InputError, match=r"no repository\.toml there"):
        defocus_bench(*missing)
    assert not (tmp_path / "three.zip").exists()
    out = tmp_path / "new"
    words = [
        "run",
        "--only",
        "input",
        "--only",
        "labs-conv",
        "--dataset",
        study.dataset,
    ]
    result = defocus_bench(*words, "--out", out, "--reuse", collection.parent)
    assert result.exit_code == 0, result.output
    assert "2 runs taken, not computed again" in result.output
    assert "signed by A lab" in result.output
    assert "all 2 runs are finished" in result.output
    with pytest.raises(InputError, match="taken from others"):
        defocus_bench(
            "labs",
            "submit",
            "--out",
            out,
            "--as",
            tmp_path / "four.zip",
            "--lab",
            "A lab",
        )


def test_scores_are_taken_from_no_bundle_that_was_changed(study, tmp_path):
    members = read_members(study.bundle)
    scores = json.loads(members["scores.json"])
    scores[next(iter(scores))][0][5] = 99.0
    members["scores.json"] = json.dumps(scores).encode()
    write_members(tmp_path / "cheat.zip", members)
    words = [
        "run",
        "--only",
        "input",
        "--dataset",
        study.dataset,
        "--out",
        tmp_path / "new",
    ]
    with pytest.raises(InputError, match="is not the file that was signed"):
        defocus_bench(*words, "--reuse", tmp_path / "cheat.zip")
    collection = tmp_path / "results"
    (collection / "bundles").mkdir(parents=True)
    (collection / "repository.toml").write_text("")
    shutil.copy(study.bundle, collection / "bundles" / "unknown.zip")
    shutil.move(tmp_path / "cheat.zip", collection / "bundles" / "cheat.zip")
    result = defocus_bench(*words, "--reuse", collection)
    assert "the lab 'A lab' is not named in repository.toml" in result.output
    assert "no run was taken from other results" in result.output
