"""The planted faults fit the code as it is."""

from tests.planted_faults import CHECKOUT, FAULTS


def test_every_fault_can_be_planted_and_names_its_tests() -> None:
    for fault in FAULTS:
        assert fault.planted(CHECKOUT) != (CHECKOUT / fault.file).read_text(encoding="utf-8")
        assert all((CHECKOUT / path).is_file() for path in fault.tests.split())
