"""A finished study and a newer version of the package: nothing is repeated, unless asked for."""

import ast
import json
import os
import shutil
from pathlib import Path

import pytest

from defocus.benchmark.results.run_folder import AGAIN, is_repeated
from defocus.benchmark.results.store import open_results
from defocus.benchmark.study.attempt import begin_again
from defocus.training.record.folder import CHECKPOINT, code_of
from tests.benchmark.conftest import CHECKOUT
from tests.command_process import run_command
from tests.test_frame import STAGES

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of this checkout that the test may change."""
    copy = tmp_path_factory.mktemp("checkout")
    # with their compiled code, which stays true to its source
    for name in ("defocus", *STAGES):
        shutil.copytree(CHECKOUT / name, copy / name, symlinks=True)
    (copy / ".git").mkdir()
    (copy / ".git" / "HEAD").write_text(OLD + "\n")
    return copy


def upgrade(checkout: Path) -> None:
    """A renamed module, a reformatted one, a version and a commit."""
    steps = checkout / "defocus" / "training" / "steps"
    (steps / "averaging.py").rename(steps / "means_of_weights.py")
    renamed = 0
    for path in checkout.rglob("*.py"):
        if not path.is_symlink() and "steps.averaging" in (text := path.read_text()):
            path.write_text(text.replace("steps.averaging", "steps.means_of_weights"))
            renamed += 1
    assert renamed
    for source in (
        steps / "optimisers.py",
        checkout / "benchmark" / "evaluation" / "evaluate.py",
    ):
        source.write_text("# rewritten\n" + ast.unparse(ast.parse(source.read_text())))
    initial = checkout / "defocus" / "__init__.py"
    initial.write_text(initial.read_text().replace('"0.1.0"', '"0.2.0"'))
    (checkout / ".git" / "HEAD").write_text(NEW + "\n")


@pytest.mark.full
def test_an_upgrade_repeats_nothing_and_again_repeats_all(
    checkout, third_party, tiny_dataset, tmp_path
):
    path = f"{checkout}{os.pathsep}{third_party['PYTHONPATH'].split(os.pathsep)[1]}"
    settings = tmp_path / "short.toml"
    settings.write_text("[schedule]\nsteps = 2\ncrop_px = 32\nbatch = 1\n")

    def bench(*words: str) -> str:
        study = [
            "--out",
            "out",
            "--dataset",
            f"tiny:{tiny_dataset}",
            "--settings",
            str(settings),
        ]
        environment = {**os.environ, **third_party, "PYTHONPATH": path}
        result = run_command(
            "defocus.benchmark.cli", [*words, *study], tmp_path, environment
        )
        assert result.returncode == 0, result.stderr
        return result.stderr

    systems = ("--only", "tiny-conv", "--only", "jdrl-unet")
    out = tmp_path / "out"
    bench("run", *systems)
    before = {
        p: p.read_bytes()
        for p in (*out.rglob("*.safetensors"), out / "leaderboard.csv")
    }
    assert len(before) == 3
    upgrade(checkout)
    said = bench("run", *systems)
    assert "all 2 runs are finished: nothing is repeated" in said
    assert "2 runs trained by 0.1.0+aaaaaaa, this is 0.2.0+bbbbbbb" in said
    assert {path: path.read_bytes() for path in before} == before
    assert "defocus 0.1.0+aaaaaaa" in (out / "report.html").read_text()

    (folder,) = out.glob("runs/tiny-conv-*")
    said = bench("train", "tiny-conv", "--again")
    aside = folder / "before-1"
    assert f"kept in {Path('out') / 'runs' / folder.name / 'before-1'}" in said
    assert (aside / CHECKPOINT).read_bytes() == before[folder / CHECKPOINT]
    assert (code_of(aside), code_of(folder)) == ("0.1.0+aaaaaaa", "0.2.0+bbbbbbb")
    assert (out / "leaderboard.csv").read_bytes() == before[out / "leaderboard.csv"]

    # the repeated training is evaluated, the other one stays
    said = bench("run", *systems)
    assert "damaged" not in said
    assert "[1/1] tiny-conv" in said
    assert not is_repeated(folder)
    with open_results(out / "results.sqlite") as results:
        codes = {entry.system: entry.code for entry in results.entries() if entry.code}
    assert codes == {"tiny-conv": "0.2.0+bbbbbbb", "jdrl-unet": "0.1.0+aaaaaaa"}


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_repetition_that_is_killed_while_it_begins_loses_nothing(tmp_path, moved):
    folder = tmp_path / "net-01234567"
    (folder / "before-1").mkdir(parents=True)
    files = [CHECKPOINT, "run.json"]
    for name in files:
        (folder / name).write_text(f"old {name}")
    (folder / AGAIN).write_text(json.dumps({"aside": "before-2", "moved": False}))
    (folder / "before-2").mkdir()
    for name in files[:moved]:
        (folder / name).rename(folder / "before-2" / name)
    begin_again(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        AGAIN,
        "before-1",
        "before-2",
    ]
    assert [(folder / "before-2" / name).read_text() for name in files] == [
        f"old {name}" for name in files
    ]
    (folder / CHECKPOINT).write_text("new")
    begin_again(folder)  # a process that was killed in the repetition goes on with it
    assert (folder / CHECKPOINT).read_text() == "new"
