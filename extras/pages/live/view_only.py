"""Preview page: shows the live view and refuses to shoot."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import CompletePair, SessionState
from defocus.capture.taking.person import Ask
from defocus.capture.taking.shots.rig import RigAddress, SessionCameras, open_rig
from defocus.errors import InputError
from defocus.extras.pages.live.serve import serve_session


class ViewOnlyShooter:
    """Shooter that refuses to shoot."""

    def check(self, rig: SessionCameras) -> None:
        """Accept any camera."""

    def prepare(
        self,
        rig: SessionCameras,  # noqa: ARG002
        state: SessionState,  # noqa: ARG002
        scene: str,  # noqa: ARG002 - of every shooter
    ) -> list[str]:
        """Leave the camera's settings unchanged."""
        return ["the camera stays as it is set"]

    def shoot(
        self,
        folder: SessionFolder,  # noqa: ARG002 - of every shooter
        rig: SessionCameras,  # noqa: ARG002 - of every shooter
        scene: str,  # noqa: ARG002 - of every shooter
        ask: Ask,  # noqa: ARG002 - of every shooter
        focus_steps: Sequence[int] | None = None,  # noqa: ARG002 - of every shooter
    ) -> list[CompletePair]:
        """Refuse to shoot, always."""
        raise InputError("a preview cannot shoot; use 'defocus-capture live SESSION'")

    def finish(
        self,
        folder: SessionFolder,
        rig: SessionCameras,
        scene: str,
        ask: Ask,
    ) -> list[CompletePair]:
        """Shoot nothing; there is nothing to finish."""
        return self.shoot(folder, rig, scene, ask)


def serve_preview(address: RigAddress, *, port: int) -> None:
    """Serve the live picture of a camera until Ctrl-C; stdout shows only the address."""
    with tempfile.TemporaryDirectory(prefix="defocus-preview-") as folder:
        serve_session(
            Path(folder) / "preview",
            port=port,
            opener=lambda: open_rig(address),
            shooter=ViewOnlyShooter(),
        )
