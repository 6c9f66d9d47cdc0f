"""Probes of DMPHN against the official scripts."""

from functools import partial

from defocus.baselines.systems.dmphn.baseline import STACKS
from defocus.baselines.systems.dmphn.network import DMPHN, GREY, StackedDMPHN
from tests.conformance.probe import Arrays, Given, network_probe

__all__ = ["PROBES"]


def _run(network: DMPHN | StackedDMPHN, given: Given) -> Arrays:
    (picture,) = given.inputs.values()  # the network's own values, where 0 is grey
    return {"output": network(picture + GREY) - GREY}


PROBES = {
    "dmphn_1_2_4": network_probe(partial(DMPHN, 3), _run),
    "dmphn_1_2_4_8": network_probe(partial(DMPHN, 4), _run),
} | {
    f"dmphn_stack{stages}": network_probe(partial(StackedDMPHN, stages), _run) for stages in STACKS
}
