"""What ``defocus-bench`` says of words that mean nothing together: one line, nothing is left."""

import pytest

from defocus.datasets.api import open_dataset

SETTINGS = {"key": "step = 3", "none": "steps = 0", "cut": "a = ["}

WRONG = """
run
run --only jnb --variants
run --only unte
run --only unet --seeds 0
run --only unet --budget papers
run --all --dataset manifest:none
run --all --settings key.toml
run --all --settings none.toml
run --all --settings cut.toml
run --study study.toml --seeds 2
run --study study.toml
run --study systems.toml
run --job net-1 --on slurm
run --all --on 0
run --seeds 2
run --all --job a
run part
train dmphn --from nothing
train dmphn --from own
evaluate dmphn --from own --weights own
evaluate unet ifan --weights own
score a.png
score a.png b.png
score --restored a --sharp b --out out
cost unet --size 0x16
list unet --variants
list unte
table pictures
table leaderboard --csv --to lb.json
run --only input --out full
table methods --to a.csv
table leaderboard --to a.csv --rows unet
table places --metrics ssim
table ablation --order ssim
table methods --part warp=jdrl-*
table pictures --to rows.csv --out nothing
status --out nothing
published --against study
report --figures f --json
report --json
report --format svg
report --with a --against b
report --out nothing
"""


@pytest.fixture(autouse=True)
def rendered(cache_folder):
    """The sample, as whatever came first may have rendered it or not."""
    open_dataset("sample")


@pytest.mark.parametrize("words", WRONG.strip().splitlines())
def test_what_is_asked_wrongly_is_one_line_and_leaves_nothing(
    run, tmp_path, words, said, snapshot
):
    for name, text in SETTINGS.items():
        (tmp_path / f"{name}.toml").write_text(f"[schedule]\n{text}\n")
    (tmp_path / "study.toml").write_text("dataset = ['sample']\n")
    (tmp_path / "systems.toml").write_text("baselines = ['unet']\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    files = set(tmp_path.iterdir())
    assert said(run("defocus-bench", *words.split(), code=2)) == snapshot
    assert set(tmp_path.iterdir()) == files
