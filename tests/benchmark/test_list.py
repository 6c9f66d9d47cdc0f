"""``defocus-bench list``."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from defocus.baselines import size
from defocus.baselines.registry import all_baselines
from defocus.benchmark.commands.list import command
from tests.conftest import Run

KEYS = [
    "name",
    "display_name",
    "kind",
    "input",
    "needs",
    "status",
    "variant_of",
    "published_as",
    "parameters",
    "plugin",
]


def test_json(run: Run) -> None:
    result = run("defocus-bench", "list", "--json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == sorted(all_baselines())
    for row in rows:
        assert list(row) == KEYS
        assert row["kind"] in {"reference", "classical", "network", "objective", "generative"}
        assert row["input"] in {"single", "dual"}
        assert isinstance(row["needs"], list)
        assert row["status"] in {"reference", "official", "paper", "reconstruction", "own"}
        assert isinstance(row["parameters"], int)
    by_name = {row["name"]: row for row in rows}
    assert by_name["input"]["parameters"] == 0
    assert by_name["unet"]["parameters"] == 31_033_411
    assert by_name["jdrl-unet"]["parameters"] == by_name["unet"]["parameters"]
    assert by_name["unet"]["variant_of"] is None
    assert by_name["unet-truth"]["variant_of"] == "unet"


def test_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, and no network is built: the counts are those of the list in JSON."""
    monkeypatch.setattr(size, "parameter_count", lambda system: 7)
    result = CliRunner().invoke(command)
    assert result.exit_code == 0, result.output
    header, *lines, kinds = result.stdout.splitlines()
    assert header.split()[:2] == ["name", "system"]
    assert [line.split()[0] for line in lines] == sorted(all_baselines())
    assert kinds.startswith("kinds: reference")
    for kind in ("classical", "network", "objective", "generative"):
        assert kind in kinds


def test_the_command_modules_import_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from defocus.benchmark.commands import conformance, fetch_weights, list\n"
        "heavy = {'torch', 'numpy', 'cv2', 'pandas', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
