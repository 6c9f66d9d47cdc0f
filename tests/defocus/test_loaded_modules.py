"""What is not imported until it is needed: it takes seconds, or memory in each process."""

import pytest

from tests.command_process import run_python

LEFT_ALONE = {
    "torch pandas numpy cv2 pydantic": "import defocus",
    "torch": "import defocus; assert 'wiener' in defocus.list_systems(); defocus.open_dataset",
    "torch cv2 scipy": (
        "from defocus.baselines.registry import all_baselines; assert all_baselines()"
    ),
    "sympy": (
        "from defocus.baselines.registry import baseline\n"
        "from defocus.baselines.size import parameter_count; parameter_count(baseline('unet'))"
    ),
    "torch._dynamo": (
        "from defocus.baselines.registry import baseline\n"
        "from defocus.baselines.weights.conversion import wanted_entries\n"
        "assert len(wanted_entries(baseline('dmphn'))) > 100\n"
        "from defocus.training.memory import LiveBytes; import torch\n"
        "with LiveBytes(): torch.ones(3)"
    ),
    "click numpy defocus.plugins.extensions": "import defocus.capture.links.gphoto2.child",
    "matplotlib": (
        "from defocus.reports.html import render_html\n"
        "from defocus.reports.model import Page, Paragraph\n"
        "render_html(Page('t', '', (('s', (Paragraph('p'),)),)))"
    ),
}
"""Modules, and what does without them."""


@pytest.mark.full
@pytest.mark.parametrize("modules", LEFT_ALONE)
def test_it_is_not_imported(modules):
    code = f"print(sorted({set(modules.split())!r} & set(sys.modules)))"
    result = run_python(f"import sys\n{LEFT_ALONE[modules]}\n{code}")
    assert result.stdout == "[]\n", result.stderr
