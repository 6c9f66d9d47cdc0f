"""What is refused: a line that says what is wrong, the exit code, and nothing is left behind."""

import shlex

import pytest

from tests.capture.card import fill_card

FILES = {
    "hyphen.toml": "[shoot]\nmax-shutter = 8",
    "blury.toml": "[shoot]\nblury = 'f/4'",
    "wran.toml": "[quality]\nshift_wran_px = 1",
    "negative.toml": "[quality]\nshift_warn = -1",
    "shots.toml": "[shots]\n",
    "shot.toml": "shot = ['a']",
    "shell.toml": "shoot = 'rm -rf /'",
    "exe.toml": "shoot = ['a']\nsuffixes = ['.exe']",
    "zoom.toml": "shoot = ['a']\n[settings.zoom]\nset = ['a']\nchoices = ['1']",
    "empty.csv": "",
    "name.csv": "name\nx\n",
    "signs.csv": "scene\n???\n",
    "twice.csv": "scene\nDesk\ndesk!\n",
    "short.csv": "scene,note\nDesk\n",
    "comma.csv": "scene,note\nDesk,vase, left lamp\n",
    "cells.csv": "scene;note\n;\n",
    "file": "x",
    "holiday/a.jpg": "x",
}

LINES = [
    *r"""
    shoot s --camera sim:
    shoot s --camera sim: --yes --format raw
    shoot s --camera sim: --yes --wb 5200K
    shoot s --camera sim: --yes --mirror-lock
    shoot s --camera sim: --yes --mode focus
    shoot s --camera sim: --yes --qc-set nix=1
    shoot s --camera sim: --yes --qc-set shift
    shoot s --camera sim: --yes --qc-set shift=far
    shoot s --camera sim: --yes --qc-set shift_reject_px=-5
    shoot s --camera sim: --yes --settings no.toml
    shoot s --camera sim: --yes --calibration no.json
    shoot s --camera sim: --yes --scene-list no.csv
    shoot s --camera sim: --yes --scene ?!
    shoot s --camera sim: --yes --iso 7
    shoot s --camera sim: --yes --shutter 77
    shoot s --camera sim: --yes --hook ''
    shoot s --camera sim: --yes --hook "cp 'open"
    shoot s --camera sim: --yes --hook 'cp {pair_directory} x'
    shoot s --camera sim: --yes --hook 'cp {pair_dir'
    shoot s --camera sim: --yes --hook 'echo {pair_dir:>9999999999999}'
    shoot s --camera sim: --yes --hook 'echo {pair!r}'
    shoot s --camera sim: --yes --hook 'echo {}'
    shoot /dev/null/s --camera sim: --yes
    shoot holiday --camera sim: --yes
    shoot file --camera sim: --yes
    check missing
    check holiday
    check file
    resume missing --yes
    import s
    import s . --scene ''
    import s missing --settled-after 2 --quiet
    import s card
    import s card --blurry f/22 --sharp f/4
    import s card --blurry f/4
    config set --camera sim: iso=200
    config set --camera sim: iso
    config get --camera sim: zoom
    config restore --camera sim: missing.json
    plan --camera gphoto2:virtual=missing
    plan --camera folder:missing
    plan --camera command:shot.toml
    plan --camera command:shell.toml
    plan --camera command:exe.toml
    plan --camera command:zoom.toml
    plan --camera sim: --camera sim:
    plan --camera blurry=sim:
    plan --camera blurry=sim: --camera blurry=sim:
    plan --camera sim: --mode dual
    plan --camera sim: --mode focus
    plan --camera sim: --mode focus --focus-steps 0
    plan --camera sim: --focus-steps 40
    plan --camera sim: --blurry f/99
    plan --camera sim: --blurry wide
    plan --camera sim: --sharp f/222
    plan --camera sim: --blurry 'f/4, 4'
    plan --camera sim: --blurry f/4,
    plan --camera sim: --sharp f/2
    plan --camera sim: --shutter 1/7777
    plan --camera sim: --settings blury.toml
    plan --camera sim: --settings hyphen.toml
    plan --camera sim: --settings wran.toml
    plan --camera sim: --settings negative.toml
    plan --camera sim: --settings shots.toml
    plan --camera sim: --iso ٤٠٠
    plan --camera sim: --shutter ٣
    plan --camera sim: --blurry f/٤
    plan --camera sim: --mode focus --focus-steps 99999999999999999999
    plan --camera sim: --mode focus --focus-steps ٤٠
    plan --camera sim: --pixel-pitch 1e308
    plan --camera sim: --focus 1e300
    plan --camera sim: --focal-length 1e-300
    plan --camera sim: --distances 2,1e300
    plan --camera sim: --distances 1e-300
    plan --camera sim: --scene-list empty.csv
    plan --camera sim: --scene-list name.csv
    plan --camera sim: --scene-list signs.csv
    plan --camera sim: --scene-list twice.csv
    plan --camera sim: --scene-list short.csv
    plan --camera sim: --scene-list comma.csv
    plan --camera sim: --scene-list cells.csv
    plan --camera sim: --scene-list latin.csv
    plan --camera sim:?sede=1
    plan --camera sim:?seed=one
    plan --camera sim:?breathing=3
    plan --camera sim:1
    plan --camera sim:?seed
    plan --camera sim:?profile=leica
    plan --camera sim:?fault=earthquake
    plan --camera sim:?fault=evv=0.5@2
    plan --camera sim: --pairs 3
    plan --camera sim:?fault=ev=nan
    plan --camera sim:?fault=busy@two
    plan --camera sim:?fault=ev
    plan --camera sim:?fault=stuck-aperture=1
    plan --camera sim:?fault=zoom=1,2
    plan --camera genicam:1
    plan --camera ptpip:192.168.1.5
    plan --camera gphoto2:ptpip:192.168.1.5
    """.strip().splitlines(),
    *(f"plan --camera sim: --{name} {'9' * 5000}" for name in ("iso", "shutter")),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.strip()[:70])
def test_a_refusal_is_one_line_and_leaves_nothing_behind(
    line, run, said, snapshot, tmp_path
):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "latin.csv").write_bytes(b"scene\nB\xfcro\n")
    if "card" in line:
        fill_card(tmp_path / "card", [(4.0, 0), (8.0, 3), (22.0, 5)])
    before = sorted(tmp_path.rglob("*"))
    result = run("defocus-capture", *shlex.split(line))
    assert said(result) == snapshot
    assert sorted(tmp_path.rglob("*")) == before
