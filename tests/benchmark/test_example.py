"""The example package of a third party, really installed and run."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.benchmark.test_run import rows_of

EXAMPLE = Path(__file__).parent / "example"


def test_network_dataset_and_metric_of_another_package_are_used(run, tiny_dataset, tmp_path):
    source, installed = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(EXAMPLE, source)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", installed]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, source], check=True, capture_output=True
    )
    pictures = tmp_path / "pictures"
    shutil.copytree(tiny_dataset, pictures, ignore=shutil.ignore_patterns(".*"))
    path = f"{Path(__file__).parents[2]}:{installed}"
    arguments = ["--only", "example-net", "--dataset", f"example:{pictures}", "--out", "out"]
    result = run("defocus-bench", "run", *arguments, PYTHONPATH=path, TORCH_HOME=str(tmp_path))
    assert result.returncode == 0, result.stderr
    rows = {(r["system"], r["protocol"], r["metric"]): r for r in rows_of(tmp_path / "out")}
    worst = rows["example-net", "gt", "worst"]
    assert (worst["dataset"], worst["status"]) == ("example:pictures", "ok")
    assert 0 < float(worst["value"]) <= 1
    assert "Worst" in result.stdout


def test_the_example_is_short():
    lines = (EXAMPLE / "example.py").read_text().splitlines()
    code = [line for line in lines if line and not line.startswith(('"""', "from ", "import "))]
    assert len(code) <= 20
