"""Pages where the server's packages are not installed."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path):
    """Where modules are looked for, first a starlette that cannot be imported."""
    (tmp_path / "starlette.py").write_text("raise ImportError(name='starlette')")
    return os.pathsep.join((str(tmp_path), str(ROOT)))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("restore", "--page"),
        ("bench", "status --page"),
        ("data", "curate pairs:none --out new --review"),
        ("capture", "live --camera sim:"),
        ("capture", "review none"),
    ],
)
def test_a_page_says_what_to_install_before_any_work(
    program, words, path, run, tmp_path
):
    result = run(f"defocus-{program}", *words.split(), PYTHONPATH=path)
    line = f"defocus-{program}: needs starlette; pip install 'defocus[pages]'\n"
    assert (result.returncode, result.stderr) == (2, line)
    assert not (tmp_path / "new").exists()


def test_the_numbers_of_a_live_view_need_no_server(path, run):
    result = run(
        "defocus-capture", "live", "--camera", "sim:", "--frames", "1", PYTHONPATH=path
    )
    assert result.returncode == 0, result.stderr
