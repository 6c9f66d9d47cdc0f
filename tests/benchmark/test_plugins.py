"""One file of one's own through the real commands: trained, wrapped, scored, resumed."""

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import defocus
from defocus import progress
from defocus.baselines import size
from defocus.benchmark.study.document import (
    NotedPlugin,
    StudyDocument,
    as_request,
    note_plugins,
    write_request,
)
from defocus.benchmark.study.standing import job_arguments
from defocus.command_line.commands import command_group
from defocus.errors import InputError
from defocus.plugins import extensions
from defocus.plugins.plugin_code import digest_of, hashes_of, read_sources
from tests.benchmark.conftest import CHECKOUT
from tests.benchmark.test_run import rows_of
from tests.command_process import start_command

FILE = """
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.loss import Loss
from defocus.training.optimiser import Optimiser
from defocus.baselines.recipe import plain_recipe
from defocus.benchmark.metrics.metric import Metric
from defocus.datasets.api import Reader
from defocus.datasets.opening import opened
from defocus.datasets.pair import Pair


class MyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, blurry):
        return blurry + 0.1 * self.conv(blurry)


def recipe():
    terms = {"terms": [{"loss": "cubes"}]}
    optimiser = Optimiser(name="SGD", settings={"momentum": 0.9})
    return plain_recipe().model_copy(
        update={"objective_settings": terms, "optimiser": optimiser}
    )


def read(folder):
    names = sorted(f.name for f in folder.iterdir() if (f / "blurry.png").exists())
    pairs = tuple(
        Pair(id=n, scene=n, split="test" if n[0] == "t" else "train",
             blurry=folder / n / "blurry.png", sharp=folder / n / "sharp.png")
        for n in names
    )
    return opened("mine", folder, pairs)


MINE = Reader("mine", read)
NETS = [Baseline.of_network("my-net", MyNet, recipe)]
CUBES = Loss("cubes", lambda: lambda a, b: (a - b).abs().pow(3).mean())
BIAS = Metric("bias", "Bias", "lower", "", 4, lambda a, b, mask, profile: abs((a - b)[mask].mean()))
"""

SETTINGS = "[schedule]\nsteps = 4\ncrop_px = 32\nbatch = 1\n"


@pytest.fixture
def folder(no_plugins, tmp_path, monkeypatch):
    """A bare folder with a plug-in and a short schedule."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_net.py").write_text(FILE, encoding="utf-8")
    (tmp_path / "study").mkdir()
    (tmp_path / "short.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def bench(folder):
    """Runs ``defocus-bench`` in this process, as a new one that has loaded nothing."""
    group = command_group("defocus-bench", "defocus.benchmark.commands", "")

    def run(*arguments: str) -> Result:
        extensions._loaded.clear()
        os.environ[extensions.ENVIRONMENT] = ""
        return CliRunner().invoke(group, arguments)

    return run


def test_one_file_is_trained_wrapped_scored_and_resumed(bench, folder, tiny_dataset):
    asked = ["--settings", "short.toml", "--out", "study", "--plugin", "my_net.py"]
    asked += ["--dataset", f"mine:{tiny_dataset}"]
    result = bench("run", "--only", "my-net", *asked)
    assert result.exit_code == 0, result.output
    result = bench("run", "--only", "my-net", "--objective", "jdrl", *asked)
    assert result.exit_code == 0, result.output
    rows = rows_of(folder / "study")
    assert {row["system"] for row in rows} >= {"my-net", "jdrl-my-net"}
    assert {row["system"] for row in rows if row["metric"] == "bias"} >= {
        "my-net",
        "jdrl-my-net",
    }
    runs = json.loads((folder / "study" / "study.json").read_text())["runs"]
    name, facts = next(iter(runs.items()))
    assert len(runs) == 2, "the first request is not forgotten"
    plugin = extensions.load_plugin("my_net.py")
    assert name.startswith("jdrl-my-net-")
    assert facts["source_hash"] == plugin.source_hash
    assert facts["plugins"] == {"cubes": plugin.source_hash}

    request = json.loads((folder / "study" / "request.json").read_text())
    assert request["plugins"] == [
        {"path": str(folder / "my_net.py"), "sha256": plugin.source_hash}
    ]
    for more in (["--dry-run"], []):
        again = bench("run", "--out", "study", *more)
        assert again.exit_code == 0, again.output
        assert "all 2 runs are finished: nothing is repeated" in again.output

    for words in (["report"], ["table", "methods", "--metrics", "bias"]):
        shown = bench(*words, "--out", "study")
        assert shown.exit_code == 0, shown.output
        assert [one.path for one in extensions.plugins()] == [folder / "my_net.py"]
    assert r"Bias$\downarrow$" in shown.output, "the metric of the plug-in"


def test_each_of_several_objectives_makes_its_run(bench, tiny_dataset):
    asked = ["--plugin", "my_net.py", "--dataset", f"mine:{tiny_dataset}", "--dry-run"]
    both = ["--objective", "jdrl", "--objective", "registered"]
    result = bench("run", "--only", "my-net", *both, "--out", "planned", *asked)
    assert result.exit_code == 0, result.output
    assert "2 runs" in result.output
    assert " jdrl-my-net" in result.output
    assert " registered-my-net" in result.output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.unlink(), "is missing; bring it back"),
        (lambda path: path.write_text(FILE + "\nMORE = 1\n"), "has changed since"),
    ],
)
def test_a_study_whose_plugin_is_gone_says_so(bench, folder, change, words):
    path = folder / "my_net.py"
    extensions.load_plugin(path)
    write_request(folder / "study", as_request(StudyDocument(), note_plugins()))
    (folder / "study" / "study.json").write_text('{"runs": {}}')
    change(path)
    refused = bench("run", "--out", "study")
    assert isinstance(refused.exception, InputError)
    assert str(path) in str(refused.exception)
    assert words in str(refused.exception)
    shown = bench("status", "--out", "study")
    assert shown.exit_code == 0
    assert words in shown.output


BESIDE = """
from defocus import Baseline
from layers import MINE, Net

NET = Baseline.of_network("my-net", Net, revision=None)
"""


@pytest.fixture
def beside(folder, tiny_dataset):
    """Options for a study of a plug-in whose network lies in a file beside it."""
    (folder / "plug.py").write_text(BESIDE, encoding="utf-8")
    (folder / "layers.py").write_text(FILE.replace("MyNet", "Net"), encoding="utf-8")
    (folder / "short.toml").write_text(
        "[schedule]\nsteps = 1\ncrop_px = 32\nbatch = 1\n"
    )
    asked = ["--only", "my-net", "--settings", "short.toml", "--out", "study"]
    return [*asked, "--plugin", "plug.py", "--dataset", f"mine:{tiny_dataset}"]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_network_beside_the_plugin_is_trained_again_when_it_changes(
    bench, folder, beside
):
    """And not where its words alone change; an edit that is undone shows the first row again."""
    finished = "nothing is repeated"
    assert finished not in bench("run", *beside).output
    first = recipe_of(folder / "study")
    edit(
        folder / "layers.py", "return blurry +", "# the same\n        return (blurry) +"
    )
    assert finished in bench("run", *beside).output
    assert finished in bench("run", "--out", "study").output
    edit(folder / "layers.py", "0.1 * ", "0.2 * ")
    refused = bench("run", "--out", "study")
    assert "has changed since" in str(refused.exception)
    for more in (["--dry-run"], []):
        again = bench("run", *beside, *more)
        assert again.exit_code == 0, again.output
        assert (
            "my-net: trained again: layers.py has changed since my-net-" in again.output
        )
    assert recipe_of(folder / "study") != first
    edit(folder / "layers.py", "0.2 * ", "0.1 * ")
    undone = bench("run", *beside).output
    assert finished in undone
    assert "kept, but not in the leaderboard: other runs" in undone
    assert "(my-net: 1)" in undone
    assert recipe_of(folder / "study") == first


def recipe_of(out: Path) -> str:
    (recipe,) = {row["recipe"] for row in rows_of(out) if row["system"] == "my-net"}
    return recipe


def test_a_revision_decides_instead_and_says_what_it_costs(bench, folder, beside):
    bench("run", *beside)
    edit(folder / "plug.py", "revision=None", "revision=3")
    for more in (["--dry-run"], []):
        again = bench("run", *beside, *more).output
        assert "my-net: trained again: revision=3 is new, and my-net-" in again
        assert "to keep that training, leave the revision out" in again
    edit(folder / "layers.py", "0.1 * ", "0.2 * ")
    for _ in range(2):
        progress.said_once.clear()
        kept = bench("run", *beside).output
        assert "nothing is repeated" in kept
        assert (
            "layers.py has changed since it was trained, and its revision is still 3"
            in kept
        )
    edit(folder / "plug.py", "revision=3", "revision=4")
    for more in (["--dry-run"], []):
        again = bench("run", *beside, *more).output
        assert "my-net: trained again: its revision is 4, and 3 in my-net-" in again
    edit(folder / "layers.py", "0.2 * ", "0.1 * ")
    edit(folder / "plug.py", "revision=4", "revision=None")
    back = bench("run", *beside).output
    assert "nothing is repeated" in back
    assert "trained again" not in back


def test_a_file_that_was_never_run_here_is_not_run_by_a_study(bench, folder):
    path = folder / "theirs.py"
    path.write_text(FILE + f"\nopen({str(folder / 'ran')!r}, 'w')\n", encoding="utf-8")
    noted = NotedPlugin(path=str(path), sha256=digest_of(hashes_of(read_sources(path))))
    write_request(folder / "study", as_request(StudyDocument(), [noted]))
    refused = bench("run", "--out", "study")
    assert "was never run here" in str(refused.exception)
    assert not (folder / "ran").exists()


def test_systems_of_a_file_are_listed_and_shown_with_it(bench, monkeypatch):
    # no network is built
    monkeypatch.setattr(size, "parameter_count", lambda system: 7)
    listed = bench("list", "--variants", "--plugin", "my_net.py")
    lines = [line.split() for line in listed.stdout.splitlines()]
    assert [
        line[-1] for line in lines if line and line[0] in {"my-net", "jdrl-my-net"}
    ] == [
        "my_net.py",
        "my_net.py",
    ]
    shown = bench("list", "jdrl-my-net", "--plugin", "my_net.py")
    assert "my_net.py,SHA-256" in "".join(shown.stdout.split()), (
        "a long path is broken anywhere"
    )


@pytest.mark.full
@pytest.mark.parametrize("command", ["defocus-bench", "defocus-data"])
def test_a_file_that_fails_ends_a_command_with_one_line(folder, command):
    (folder / "bad.py").write_text("x = 1\n1 / 0\n")
    with start_command(command, "list", "--plugin", "bad.py", folder=folder) as process:
        _, err = process.communicate()
    assert process.returncode == InputError.exit_code
    (line,) = err.splitlines()
    assert f"{folder / 'bad.py'}:2: ZeroDivisionError: division by zero" in line


def test_jobs_get_the_files(folder):
    extensions.load_plugin("my_net.py")
    assert job_arguments(folder, "my-net-1")[-2:] == [
        "--plugin",
        str(folder / "my_net.py"),
    ]
    assert defocus.plugin(folder / "my_net.py") == extensions.plugins()[0]


README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
README_LINES = re.findall(
    r"^defocus-bench (run --plugin my_net\.py .*?)(?: +#.*)?$", README, re.MULTILINE
)


@pytest.mark.full
@pytest.mark.parametrize("line", README_LINES)
def test_the_lines_of_the_readme_do_what_they_say(tmp_path, line, small_sample):
    """As printed, from a bare folder: only the package is on the path."""
    assert len(README_LINES) == 3
    (text,) = re.findall(r"```python\n(# my_net.py\n.*?)```", README, re.DOTALL)
    assert sum(map(bool, text.splitlines())) <= 12, (
        "ten lines, and what the formatter adds"
    )
    (tmp_path / "my_net.py").write_text(text, encoding="utf-8")
    words = line.split()
    with start_command(
        "defocus-bench", *words, folder=tmp_path, **small_sample
    ) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    board = rows_of(tmp_path / "study")
    rows = [row for row in board if row["metric"] == "psnr" and row["value"]]
    (own,) = {row["system"] for row in rows} - {"input", "ceiling"}
    asked = words[words.index("--objective") + 1] if "--objective" in words else ""
    assert own == f"{asked}-my-net".lstrip("-")
    assert {row["status"] for row in rows} == {"ok"}
    assert (tmp_path / "study" / "report.pdf").is_file()
