"""Server of ``status --page``, on the loopback interface."""

from pathlib import Path

from defocus.extras.pages.serving.access import new_token
from defocus.extras.pages.serving.server import PageServer, listening_on
from defocus.extras.pages.studies.app import make_app
from defocus.processes.interruption import terminated_as_interrupted


def serve_studies(root: Path, *, port: int) -> None:
    """Serve the studies in a folder on a loopback port (0: any); stdout shows only the address."""
    token = new_token()
    server = PageServer(make_app(root, token))
    with listening_on(port) as listening, terminated_as_interrupted():
        server.serve_at(listening, token)
