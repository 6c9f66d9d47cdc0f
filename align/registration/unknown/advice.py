"""What helps a pair whose misalignment is unknown, by its reason; only what was tried on such."""

from defocus.align.registration.unknown.causes import BLUR, EXPOSURE, TURNED
from defocus.align.registration.unknown.causes import TEXTURE as NO_TEXTURE

__all__ = ["REASONS", "advice", "nothing_agrees", "resting_on"]

LESS_BLUR = "take the pair again with less blur: a smaller change of aperture or focus"
TEXTURE = "texture in all parts of the picture"
SESSION = "take several pairs with one lens and one change of aperture, and measure them together"
ALIKE = "look whether both show one scene, of which most is in both"
REACH = (
    "--largest-shift with the longest way that a corner can have moved, if you know it for sure: "
    "less than the true way gives a wrong shift without a warning, or none"
)

EXPOSED = "take the pair again, neither too dark nor too bright"

REASONS: tuple[tuple[str, str], ...] = (
    # what the pictures show comes first: the rest of such a reason only says what followed from it
    (EXPOSURE, f"{EXPOSED}, and with a subject that fills it"),
    (NO_TEXTURE, f"take the pair again, with {TEXTURE}"),
    (BLUR, f"{LESS_BLUR}; if that is not it, look whether both show one scene"),
    (TURNED, "turn one of the pictures; orientation tags are not applied"),
    ("the pictures are smaller than", "give the pictures in full size"),
    ("too little in common", "take the pair again, with both pictures of the same view"),
    ("show enough in common", f"look whether both show one scene; {LESS_BLUR}, and with {TEXTURE}"),
    ("do not agree on one displacement", f"{ALIKE}, and nothing in it moved"),
    ("that is allowed: it is", "leave --at-most out, or allow a richer model"),
    (
        "the corners would move",
        "leave --largest-shift out, or give the longest way that a corner can have moved",
    ),
    ("only one part of the picture", f"take the pair again, with {TEXTURE}"),
    ("the tiles leave an error", f"{LESS_BLUR}, and with {TEXTURE}; or {SESSION}"),
    (
        "do not look alike",
        "look whether both show one scene in one light; if they are noisy, a lower ISO",
    ),
    ("the texture repeats itself", REACH),
    ("skewed as by a coma", f"{LESS_BLUR}; or {SESSION}"),
    ("an asymmetric point spread differ", f"{LESS_BLUR}; or {SESSION}"),
    ("may hide in the blur", f"{LESS_BLUR}; or {SESSION}"),
    ("of the tiles agree", "look whether something moved in the scene between the pictures"),
    ("the blur is strong", LESS_BLUR),
    (
        "by another zoom than the one that is known",
        "look whether the lens was zoomed or focused otherwise than its metadata say",
    ),
    ("nowhere consistent", f"look whether both show one scene; {LESS_BLUR}"),
    ("black and saturated", EXPOSED),
)
"""Words of a reason, and what helps."""

NOTHING_AGREES = (
    *(TURNED, "too little in common", "show enough in common", "do not agree on one displacement"),
    *("do not look alike", "of the tiles agree", "nowhere consistent"),
)
"""Words of the reasons that pictures of two scenes would have too."""


def nothing_agrees(reason: str) -> bool:
    """Whether a pair is unknown for a reason that two pictures of different scenes would have."""
    return any(words in reason for words in NOTHING_AGREES)


def resting_on(largest_px: float) -> str:
    """What a result rests on whose texture repeats itself farther on than a person says."""
    return f"rests on your --largest-shift {largest_px:g} px: other shifts that fit were left out"


def advice(reason: str) -> str:
    """What helps a pair that is unknown for a reason; empty if nothing is known to."""
    return next((text for words, text in REASONS if words in reason), "")
