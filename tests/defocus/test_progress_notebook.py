"""Bars below the cell of a notebook, shown by a real kernel."""

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.full
manager = pytest.importorskip("jupyter_client.manager")
pytest.importorskip("ipykernel")

CELL = """
import os
os.environ["NO_COLOR"] = "1"
from defocus import progress
progress.DRAWN_EVERY_S = 0.0
for number in progress.track(range(3), "work"):
    if number == 1:
        progress.say("a message")
progress._in_notebook()
"""


def told(code: str) -> Iterator[dict[str, Any]]:
    """What a kernel sends while it runs a cell."""
    kernel, client = manager.start_new_kernel(kernel_name="python3")
    try:
        messages: list[dict[str, Any]] = []
        client.execute_interactive(code, timeout=60, output_hook=messages.append)
        yield from messages
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore")  # of the client's own event loop
def test_a_cell_has_one_bar_that_moves_and_then_goes():
    messages = [*told(CELL)]
    kinds = [one["msg_type"] for one in messages]
    assert kinds.count("display_data") == 1, "a message in between moves no bar"
    (first,) = [one for one in messages if one["msg_type"] == "display_data"]
    updates = [
        one["content"] for one in messages if one["msg_type"] == "update_display_data"
    ]
    place = first["content"]["transient"]
    assert all(one["transient"] == place for one in updates)
    bars = [one["data"]["text/plain"] for one in (first["content"], *updates)]
    assert bars[0].endswith("0 of 3")
    assert any("━" in one and "2 of 3" in one for one in bars)
    assert bars[-1] == "", "nothing is left of the bar"
    streams = "".join(
        one["content"]["text"] for one in messages if one["msg_type"] == "stream"
    )
    assert streams == "a message\n", "no sign that moves a terminal's cursor"
