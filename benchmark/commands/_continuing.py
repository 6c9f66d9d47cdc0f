"""``defocus-bench run`` in the folder of a study that was started before."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from defocus.benchmark.launch.start import Launcher

__all__ = ["continue_study"]


def continue_study(out: Path, job: str | None, launcher: "Launcher") -> int:
    """Continue a study, or its run ``job`` alone, with the settings that it was started with."""
    from defocus.benchmark.launch.start import carry_out
    from defocus.benchmark.study.document import load_noted, note_plugins, read_request
    from defocus.benchmark.study.expansion import expand_all, one_run
    from defocus.benchmark.study.standing import claim_job

    request = read_request(out)
    load_noted([noted for one in (request, *request.earlier) for noted in one.plugins])
    if given := note_plugins():
        request = request.model_copy(update={"plugins": given})
    expanded = expand_all((request, *request.earlier), out)
    if job is None:
        return carry_out(expanded, request, launcher)
    one = one_run(expanded, job)
    return carry_out(one.moved(claim_job(out, job)), request, launcher)
