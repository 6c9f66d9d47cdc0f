"""What must come of each fault: right pairs, or an error whose words match."""

import re

from tests.capture.scripted.body import FOR_EVER, ScriptedBody

__all__ = ["EXPECTED", "begin", "happens", "spare_of"]

PAIRS = "pairs"

EXPECTED: dict[str, str] = {
    # no picture, some times
    "busy-release": PAIRS, "out-of-focus": PAIRS, "nothing-captured": PAIRS,
    "io-at-second-capture": PAIRS, "capture-refused": PAIRS, "every-second-capture": PAIRS,
    "second-trigger-busy": PAIRS, "capture-timeout": PAIRS, "too-early": PAIRS,
    "first-capture-fails": PAIRS, "capture-dies": PAIRS, "invalid-status": PAIRS,
    "store-full": PAIRS, "ram-full": PAIRS, "no-object": PAIRS, "queue-not-drained": PAIRS,
    # no picture, ever
    "mirror-lockup": "mirror lock-up is on", "no-capture": "opened anew in vain",
    "card-full": "the card is full",
    # an error, but a picture
    "silent-mode": PAIRS, "untold": PAIRS,
    # settings
    "stale-readback": PAIRS, "readback-never-follows": PAIRS,
    "set-ignored": "kept aperture .* although .* EXIF says",
    "set-while-busy": PAIRS, "busy-or-read-only-write": PAIRS, "lands-on-neighbour": PAIRS,
    "setting-does-not-stick": PAIRS, "shutter-steps": PAIRS, "set-same-toggles": PAIRS,
    "read-only-after-connect": PAIRS, "first-read-wrong": PAIRS,
    "choices-shrink": "the camera has no (aperture|shutter)",
    "set-becomes-auto": "set the ISO on the body",
    "config-partly-missing": "has none: set its dial to M",
    "tree-of-nine-entries": "cannot be set, .* set the dial",
    "config-vanishes": PAIRS, "tree-truncated": "turn it off and on", "burst-mode": PAIRS,
    "target-flips": PAIRS, "target-forgotten": PAIRS,
    # files and events
    "words-lie": "words for formats are wrong", "duplicate-names": PAIRS, "late-companion": PAIRS,
    "unnamed-events": PAIRS, "no-complete": PAIRS, "event-access-denied": PAIRS,
    # time
    "card-listing": PAIRS, "first-capture-lists-card": PAIRS, "between-shots": PAIRS,
    "long-after-capture": PAIRS, "slow-end": PAIRS, "release-blocks": PAIRS, "wait-blocks": PAIRS,
}  # fmt: skip

ONCE = (
    "io-at-second-capture", "every-second-capture", "first-capture-fails", "capture-dies",
    "capture-timeout", "lands-on-neighbour", "setting-does-not-stick", "late-companion",
    "first-capture-lists-card", "untold", "config-vanishes",
)  # fmt: skip
TWICE = (
    "busy-release", "out-of-focus", "nothing-captured", "capture-refused", "second-trigger-busy",
    "too-early", "invalid-status", "store-full", "ram-full", "no-object", "set-while-busy",
    "busy-or-read-only-write", "event-access-denied",
)  # fmt: skip


FIXED_BURST = "each release takes several pictures; set its dial to single pictures"
"""What is said where the drive mode cannot be set."""


def begin(body: ScriptedBody, fault: str) -> str:
    """Arm a fault, the body's dial where it happens; what is expected of this body."""
    body.arm(fault, times_of(fault))
    if fault == "tree-truncated" and body.script.faults[fault].seconds:
        return PAIRS  # the entries come back by themselves
    if fault != "burst-mode":
        return EXPECTED[fault]
    drive = body.script.entries["capturemode"]
    body.put(drive.name, next(one for one in drive.choices if re.search("Burst|Contin", one)))
    return FIXED_BURST if drive.read_only else EXPECTED[fault]


def times_of(fault: str) -> int:
    """How often a fault happens before it is over."""
    return 1 if fault in ONCE else 2 if fault in TWICE else FOR_EVER


def spare_of(fault: str) -> int:
    """Pictures that are rightly taken in vain: a file of them came too late, or it was wrong."""
    return 1 if fault in ("late-companion", "lands-on-neighbour", "setting-does-not-stick") else 0


def happens(body: ScriptedBody, fault: str) -> bool:
    """Whether a fault that ends by itself is over: it has truly been played."""
    return times_of(fault) == FOR_EVER or not body.left_of(fault)
