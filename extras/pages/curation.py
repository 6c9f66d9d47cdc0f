"""The review page of a dataset."""

import os
import threading
from collections import defaultdict
from typing import Any, cast

from defocus.align.registration.unknown_causes import advice
from defocus.capture.sessions.member import ROLES, Role
from defocus.datasets.audit.page import audit_overlay
from defocus.datasets.audit.page_parts import with_error
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.curation import Curation, add_decision, undo_decision
from defocus.datasets.curation_rules import Judgement, Verdict
from defocus.datasets.pair import Pair
from defocus.extras.pages.serving.access import Guard, new_token
from defocus.extras.pages.serving.feed import Feed
from defocus.extras.pages.serving.jpeg import encode_jpeg
from defocus.extras.pages.serving.overlay import overlay_document
from defocus.extras.pages.serving.pair_page import SIZES, pair_page
from defocus.extras.pages.serving.server import PageServer, listening_on
from defocus.pictures.read import read_pair
from defocus.processes.interruption import terminated_as_interrupted
from defocus.progress import printable
from defocus.reports.pictures import eight_bits, small_picture

LONGEST_REASON = 200


class ReviewedPairs:
    """The pairs of a dataset, and the decisions of a person."""

    actions = ("accept", "reject", "undo")

    def __init__(self, curation: Curation, feed: Feed) -> None:
        self._curation = curation
        self._feed = feed
        self._pairs = {pair.id: pair for pair in curation.dataset.pairs}
        self._rows = {row.id: row for row in curation.audit.pairs}
        self._by_rule = {one.id: one for one in curation.by_rule}
        self._warnings: dict[str, list[str]] = defaultdict(list)
        for warning in curation.audit.warnings:
            self._warnings[warning.id].append(f"{warning.what}: {warning.text}")
        self._writing = threading.Lock()
        self._revision = 0
        self._tell("")

    def _tell(self, current: str) -> None:
        """Tell the page to reload the list of pairs."""
        self._revision += 1
        changes: dict[str, Any] = {"revision": self._revision, "current": current}
        self._feed.publish("state", {**QUIET, **changes})

    def pairs(self) -> dict[str, Pair]:
        """The pairs by id."""
        return self._pairs

    def listed(self) -> list[dict[str, Any]]:
        """The pairs with their verdicts, and what their files say of colours and orientation."""
        listed = []
        for number, one in enumerate(self._curation.judgements(), start=1):
            facts = {
                "id": one.id,
                "number": number,
                "scene": self._pairs[one.id].scene,
                "verdict": one.verdict,
                "reason": one.reason,
                "seen": one.by == "person",
                "note": "\n".join(self._warnings.get(one.id, ())),
                "warned": one.id in self._warnings,
            }
            listed.append(facts)
        return listed

    def details(self, pair: str) -> dict[str, Any]:
        """Measurements of one pair, and the verdict of the rules on it."""
        rule = self._by_rule[pair]
        return {
            "id": pair,
            "measured": {"verdict": rule.verdict, "reason": rule.reason},
            "settings": self._files(pair),
            "numbers": _numbers(self._rows[pair]),
        }

    def _files(self, pair: str) -> list[tuple[Role, str]]:
        """The file of each member, below the folder of the dataset."""
        both = self._pairs[pair]
        root = self._curation.dataset.root
        files = []
        for role, path in zip(ROLES, (both.blurry, both.sharp), strict=True):
            shown = "none" if path is None else os.path.relpath(path, root)
            files.append((role, printable(shown)))
        return files

    def displacement(self, pair: str) -> dict[str, str] | None:
        """The displacement measured between the members of a pair, to be laid over its pictures."""
        return overlay_document(audit_overlay(self._rows[pair], SIZES["large"]))

    def histograms(self, pair: str) -> dict[str, list[list[float]]]:  # noqa: ARG002 - of every page
        """No histograms: a curator looks at pictures that were exposed long ago."""
        return {}

    def jpeg(self, pair: str, role: Role, width: int) -> bytes:
        """A member to look at; RAW members are developed with one set of parameters."""
        both = self._pairs[pair]
        blurry, sharp = read_pair(both.blurry, both.sharp or both.blurry, both.white)
        picture = small_picture(blurry if role == "blurry" else sharp, width)
        return encode_jpeg(eight_bits(picture))

    def act(self, action: str, asked: dict[str, str]) -> None:
        """Write down what a person decided."""
        if action == "undo":
            with self._writing:
                self._tell(undo_decision(self._curation.out))
            return
        name = asked.get("pair", "")
        if name not in self._pairs:
            raise ValueError("no such pair")
        reason = printable(asked.get("reason", "")[:LONGEST_REASON])
        with self._writing:
            add_decision(
                self._curation.out,
                Judgement(name, cast(Verdict, action), reason, "person"),
            )
            self._tell(name)


QUIET = {
    "live": False,
    "camera": "",
    "camera_problem": "",
    "live_view": "",
    "scene": "",
    "unfinished": "",
    "busy": "",
    "prompt": "",
    "problem": "",
    "plan": [],
}
"""State of the camera that the page shows if there is no camera."""


def make_page(curation: Curation, feed: Feed, token: str) -> Guard:
    """Make the application, protected by the token that gives access to the page."""
    pairs = ReviewedPairs(curation, feed)
    return pair_page(pairs, curation.dataset.name, feed, token, live=False)


def review_pairs(curation: Curation, port: int) -> None:
    """Let the user accept and reject pairs on a port (0: any); stdout shows only the address."""
    feed = Feed()
    token = new_token()
    server = PageServer(make_page(curation, feed, token), feed.close)
    with listening_on(port) as listening, terminated_as_interrupted():
        server.serve_at(listening, token, "ends the review")


NUMBERS = (
    ("Residual flow, 95th percentile", "residual_p95_px", "{:.2f} px"),
    ("Magnification between the two", "zoom", "{:.4f}"),
    ("Exposure, blurry over sharp", "gain_ev", "{:+z.2f} EV"),
    ("Blur diameter, 95th percentile", "blur_p95_px", "{:.1f} px"),
    ("Sharpness of the sharp one", "fine_to_coarse", "{:.3f}"),
    ("Sharpness of the blurry one", "blurry_fine_to_coarse", "{:.3f}"),
    ("Reliable pixels", "reliable_share", "{:.0%}"),
)


def _numbers(row: AuditedPair) -> list[tuple[str, str]]:
    apart = with_error(row.misalignment_px, row.misalignment_sigma_px)
    facts = [("Scene", row.scene), ("Split", row.split), ("Misalignment, mean", apart)]
    if row.status == "unknown":
        facts += [("Why it is unknown", row.reason), ("What helps", advice(row.reason))]
    for label, name, words in NUMBERS:
        value = getattr(row, name)
        facts.append((label, "unknown" if value is None else words.format(value)))
    return facts
