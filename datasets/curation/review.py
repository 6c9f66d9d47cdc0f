"""Serve the review page on this computer until Ctrl-C."""

from defocus.datasets.curation.curate import Curation
from defocus.datasets.curation.page import make_page
from defocus.processes import terminated_as_interrupted
from defocus.reports.serving.access import new_token
from defocus.reports.serving.feed import Feed
from defocus.reports.serving.server import PageServer, listening_on

__all__ = ["review_pairs"]


def review_pairs(curation: Curation, port: int) -> None:
    """Let the user accept and reject pairs; stdout shows only the address. Port 0: any free one."""
    feed, token = Feed(), new_token()
    server = PageServer(make_page(curation, feed, token), feed.close)
    with listening_on(port) as listening, terminated_as_interrupted():
        server.serve_at(listening, token, "ends the review")
