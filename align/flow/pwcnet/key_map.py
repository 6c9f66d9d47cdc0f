"""Map from NVlabs' parameter names of PWC-Net to ours (those of sniklaus)."""

from defocus.align.flow.pwcnet.network import LEVEL_NAMES

__all__ = ["NVLABS_UNUSED", "nvlabs_modules"]

NVLABS_UNUSED = "deconv2"
"""A module (2 to 2 channels, 4 x 4) in NVlabs' files that no forward pass uses."""


def nvlabs_modules() -> dict[str, str]:
    """Module name in NVlabs' files to module name in ours, in NVlabs' order.

    ``deconvN`` and ``upfeatN`` belong to the level below in ours; level 6 has ``conv6aa``.
    """
    names: dict[str, str] = {}
    for level, ours in enumerate(LEVEL_NAMES, start=1):
        order = ("aa", "a", "b") if level == 6 else ("a", "aa", "b")
        for index, letters in zip((0, 2, 4), order, strict=True):
            names[f"conv{level}{letters}.0"] = f"netExtractor.{ours}.{index}"
    for level in range(6, 1, -1):
        ours = LEVEL_NAMES[level - 1]
        for index in range(5):
            names[f"conv{level}_{index}.0"] = f"{ours}.{LEVEL_NAMES[index]}.0"
        names[f"predict_flow{level}"] = f"{ours}.netSix.0"
        if level > 2:
            below = LEVEL_NAMES[level - 2]
            names[f"deconv{level}"] = f"{below}.netUpflow"
            names[f"upfeat{level}"] = f"{below}.netUpfeat"
    for index in range(7):
        suffix = "" if index == 6 else ".0"
        names[f"dc_conv{index + 1}{suffix}"] = f"netRefiner.netMain.{2 * index}"
    return names
