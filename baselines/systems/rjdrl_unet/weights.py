"""From the released checkpoints, two dictionaries, to one state dict."""

from collections.abc import Mapping

import torch

__all__ = ["convert"]

PARTS = {"Pred_state_dict.": "pred.", "G_state_dict.": "deblur."}
"""Where the released checkpoints keep the estimator and the network; ours have no such names."""


def convert(tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """The estimator and the network below our names; other files are left as they are."""
    # Entries of the reblurring network are dropped. A LookupError says that one of the two is
    # missing.
    found = {
        ours + name.removeprefix(theirs).removeprefix("module."): tensor
        for name, tensor in tensors.items()
        for theirs, ours in PARTS.items()
        if name.startswith(theirs)
    }
    if not found:
        return tensors
    for theirs, ours in PARTS.items():
        if not any(name.startswith(ours) for name in found):
            raise LookupError(f"no {theirs}*, but both parts belong together")
    return found
