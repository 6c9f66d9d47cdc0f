"""Web application of the page."""

from typing import Any, cast

from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.member import Role
from defocus.capture.sessions.state import CompletePair
from defocus.capture.sessions.view import list_pairs, pair_details
from defocus.extras.pages.live.bench import ACTIONS, Action, ShootingThread
from defocus.extras.pages.live.pictures import Pictures
from defocus.extras.pages.serving.access import Guard, Share
from defocus.extras.pages.serving.overlay import overlay_document
from defocus.extras.pages.serving.pair_page import pair_page


class LivePairs:
    """The pairs of a session, and the bench that its buttons command."""

    actions = ACTIONS

    def __init__(self, bench: ShootingThread, folder: SessionFolder) -> None:
        self._bench = bench
        self._root = folder.root
        self._pictures = Pictures(folder.root)

    def pairs(self) -> dict[str, CompletePair]:
        """The complete pairs by id."""
        return self._bench.session.complete

    def listed(self) -> list[dict[str, Any]]:
        """All pairs, incomplete ones too."""
        return list_pairs(self._bench.session)

    def details(self, pair: str) -> dict[str, Any]:
        """Settings and numbers of one pair."""
        return pair_details(self._root, self.pairs()[pair])

    def displacement(self, pair: str) -> dict[str, str] | None:
        """The displacement measured between the members of a pair, to be laid over its pictures."""
        return overlay_document(self._pictures.displacement(self.pairs()[pair]))

    def histograms(self, pair: str) -> dict[str, list[list[float]]]:
        """Histograms of the originals; of RAW files those of the sensor's values."""
        return self._pictures.histograms(self.pairs()[pair])

    def jpeg(self, pair: str, role: Role, width: int) -> bytes:
        """A member of a pair."""
        return self._pictures.jpeg(self.pairs()[pair], role, width)

    def act(self, action: str, asked: dict[str, str]) -> None:
        """Add the request of a button to the bench's queue."""
        self._bench.ask(cast(Action, action), asked)


def make_app(
    bench: ShootingThread,
    folder: SessionFolder,
    token: str,
    share: Share | None = None,
) -> Guard:
    """The application behind its guard; who knows the token may use the page."""
    pairs = LivePairs(bench, folder)
    return pair_page(
        pairs,
        folder.root.name,
        bench.feed,
        token,
        live=bench.live,
        share=share,
        magnify=bench.magnified if bench.live else None,
    )
