"""One process a command: it starts in a new interpreter, does something and ends well."""

import pytest


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("command", "verb", "expected"),
    [
        ("defocus-restore", "--help", "IMAGES"),
        ("defocus-capture", "cameras", "sim:"),
        ("defocus-data", "list", "sample:strong"),
        ("defocus-bench", "list", "wiener"),
    ],
)
def test_a_command_lists_what_it_has(command, verb, expected, run_afresh):
    result = run_afresh(command, verb)
    assert result.returncode == 0, result.stderr
    assert expected in result.stdout
