"""The options that every sub-command has."""

import os
import re
import tomllib

import pytest

from defocus.progress import say
from defocus.quiet_decoders import QUIET

SIM = ("plan", "--camera", "sim:")


def test_the_log_has_what_was_told_and_quiet_tells_errors_alone(
    run, tmp_path, said, snapshot
):
    shoot = ("shoot", "s", "--yes", "--camera", "sim:?width=96&height=64")
    result = run("defocus-capture", *shoot, "-q", "--log-file", "x.log")
    assert result.stderr == ""
    lines = (tmp_path / "x.log").read_text().splitlines()
    assert all(
        re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d ", x)
        for x in lines
    )
    assert any("0001_scene-001" in line for line in lines)
    assert "1 pair:" in lines[-1]
    result = run(
        "defocus-capture", "plan", "--camera", "foo:", "-q", "--log-file", "x.log"
    )
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("defocus-capture: camera address 'foo:'")
    log = (tmp_path / "x.log").read_text()
    assert log.startswith("\n".join(lines)), "what was there stays"
    assert "Traceback" in log
    assert "\x1b" not in log
    assert said(run("defocus-capture", *SIM, "--log-file", "none/x.log")) == snapshot


def test_an_error_says_where_it_came_from_and_has_a_colour_if_wanted(run):
    wrong = ("plan", "--camera", "foo:")
    plain, verbose = (
        run("defocus-capture", *wrong),
        run("defocus-capture", *wrong, "-v"),
    )
    assert (plain.returncode, verbose.returncode) == (2, 2)
    assert plain.stderr.count("\n") == 1
    assert verbose.stderr.startswith("Traceback")
    assert verbose.stderr.endswith(plain.stderr)
    assert "\x1b" not in plain.stderr
    colour = run("defocus-capture", *wrong, "--color", "always").stderr
    assert colour.startswith("\x1b[31mdefocus-capture:\x1b[0m camera address")


def test_the_config_says_what_counts_and_why(run, tmp_path):
    (tmp_path / "lab.toml").write_text(
        '[shoot]\nblurry = "f/2"\nsharp = "f/16"\niso = 200\n'
    )
    result = run(
        "defocus-capture", "shoot", "s", "--settings", "lab.toml", "--sharp", "f/22",
        "--print-config", DEFOCUS_CAPTURE_SHOOT_CAMERA="sim:", DEFOCUS_CAPTURE_SHOOT_URIS="foo:",
        DEFOCUS_CAPTURE_SHOOT_ISO="400", DEFOCUS_CAPTURE_SHOOT_SHARP="f/11", code=0,
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == [tmp_path / "lab.toml"], "nothing is shot"
    lines = dict(
        line.split(" = ", 1) for line in result.stdout.splitlines() if " = " in line
    )
    assert lines["blurry"] == '"f/2"  # settings file'
    assert lines["iso"] == '"400"  # environment'
    assert lines["sharp"] == '"f/22"  # typed'
    assert lines["repeat"] == "1  # default"
    assert "# shutter is not set" in result.stdout
    assert lines["settings"] == '"lab.toml"  # typed'
    assert tomllib.loads(result.stdout)["shoot"]["camera"] == ["sim:"]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("defocus-data", ["list"]),
        ("defocus-bench", ["weights", "check"]),
        ("defocus-capture", ["config", "list"]),
        ("defocus-restore", []),
    ],
)
def test_all_commands_have_them(run, command, arguments):
    text = run(command, *arguments, "--help").stdout
    for option in ("--verbose", "--quiet", "--log-file", "--color", "--print-config"):
        assert text.count(option) == 1


def test_a_message_is_not_lost_while_a_decoder_is_silenced(capfd):
    with QUIET:
        os.write(2, b"a library's own line\n")
        say("of another thread")
        os.write(2, b"and one more\n")
    say("afterwards")
    assert capfd.readouterr().err == "of another thread\nafterwards\n"
