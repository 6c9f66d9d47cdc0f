"""A whole session on libgphoto2's virtual camera, which is killed by a bad value in the middle."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageFilter

from defocus.capture.cameras.gphoto2 import GPhoto2Camera
from defocus.capture.links.gphoto2 import process
from defocus.capture.planning.exposure import plan_bracket
from defocus.capture.planning.protocol import make_protocol
from defocus.capture.sessions.checking import check_session
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.session import read_session
from defocus.capture.sessions.state import CompletePair
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.capture.taking.shots.series import shoot_pairs
from defocus.capture.taking.shots.shooting import Handling, new_pairs
from defocus.images import read_pair
from tests.capture.crashing_child import FLAG

StagedCamera = Callable[[Path, Callable[[float], PillowImage.Image]], GPhoto2Camera]

PAIRS = 10


@pytest.mark.full
def test_ten_pairs_with_a_crash_in_the_middle(
    virtual_folder: Path,
    tmp_path: Path,
    staged_camera: StagedCamera,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two apertures and an anchor, ten times; at the sixth, libgphoto2 dies."""
    flag = tmp_path / "crash"
    monkeypatch.setenv(FLAG, str(flag))
    monkeypatch.setattr(process, "CHILD", "tests.capture.crashing_child")
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    sharp = PillowImage.fromarray(noise).filter(ImageFilter.GaussianBlur(0.7))
    blurry = sharp.filter(ImageFilter.GaussianBlur(2.0))
    children = []

    def watch(pair: CompletePair) -> None:
        children.append(camera.child.process.pid)
        if pair.id.startswith("0005"):
            flag.touch()

    with (
        staged_camera(virtual_folder, lambda n: blurry if n < 8 else sharp) as camera,
        open_session_folder(tmp_path / "session", create=True) as session,
    ):
        camera.quiet_ms = 1
        bracket = plan_bracket(camera.settings(), "f/5.6", "f/22", shutter="0.0012s")
        pairs = new_pairs(session.state, "Desk", scenes=1, repeat=PAIRS)
        session.plan([{"camera": camera.describe().to_json()}], pairs)
        shoot_pairs(
            session,
            SessionCameras.single(camera),
            pairs,
            make_protocol(bracket),
            Handling(after=watch),
        )
    assert not flag.exists()
    assert "ended with -11" in capsys.readouterr().err  # SIGSEGV
    assert len(set(children)) == 2
    assert children[:5] == [children[0]] * 5
    assert check_session(tmp_path / "session").ok
    found = read_session(tmp_path / "session").pairs
    assert len(found) == PAIRS
    for pair in found:
        roles = pair.metadata["roles"]
        assert [roles[role]["exif"]["f_number"] for role in ("blurry", "sharp")] == [5.6, 22.0]
        assert roles["blurry"]["got"] == {"aperture": "f/5.6", "shutter": "0.0012s"}
        detail = [
            np.abs(np.diff(picture.astype(float), axis=1)).mean()
            for picture in read_pair(pair.blurry, pair.sharp)
        ]
        assert detail[1] > 2 * detail[0]
