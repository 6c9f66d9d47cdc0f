"""The planted faults fit the code as it is, and tests lead to each."""

import pytest

from tests.planted_faults import CHECKOUT, FAULTS, NEAR, Fault, files_for


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.file)
def test_a_fault_can_be_planted(fault):
    assert fault.planted(CHECKOUT) != (CHECKOUT / fault.file).read_text(
        encoding="utf-8"
    )


@pytest.mark.full  # the imports of the whole checkout are read
def test_the_tests_of_a_file_come_before_others():
    metric = Fault("benchmark/metrics/mae.py", "", "")
    command = Fault("capture/commands/shoot.py", "", "")
    assert "tests/benchmark/test_metrics.py" in files_for(metric, CHECKOUT)[:NEAR]
    # it is only run
    assert "tests/capture/test_commands.py" in files_for(command, CHECKOUT)
    assert "tests/scene/test_aperture.py" not in files_for(command, CHECKOUT)
    network = Fault("extras/reconstructions/u_shape.py", "", "")
    rooms_own = "tests/extras/reconstructions/test_reconstructions.py"
    assert rooms_own in files_for(network, CHECKOUT)[:12]
    assert all(files_for(fault, CHECKOUT) for fault in FAULTS)
