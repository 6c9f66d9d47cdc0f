"""No Ctrl-C is lost, wherever it comes, and other signals end a program as Ctrl-C does."""

import signal
import sys
import time

import pytest

from defocus.processes.interruption import heard_interrupts


class Pressed:
    """Gets a signal in its destructor, where Python swallows what is raised."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


def press(number: int) -> None:
    Pressed(number)
    time.sleep(60)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_in_a_destructor_is_not_lost(name):
    before = signal.getsignal(signal.SIGTERM), sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), heard_interrupts():
        press(getattr(signal, name))
    assert (signal.getsignal(signal.SIGTERM), sys.unraisablehook) == before


def test_nor_is_a_sigterm_where_ctrl_c_is_ignored():
    """As of a program that a shell's script has started in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), heard_interrupts():
            press(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_error_there_is_told_as_before(monkeypatch):
    heard: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)

    class Broken:
        def __del__(self) -> None:
            raise ValueError("broken")

    with heard_interrupts():
        Broken()
    assert len(heard) == 1


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR2"])
def test_other_signals_that_end_a_program_are_interrupts(name):
    with pytest.raises(KeyboardInterrupt), heard_interrupts():
        signal.raise_signal(getattr(signal, name))


def test_a_program_under_nohup_goes_on_when_the_terminal_is_closed():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heard_interrupts():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_who_has_a_handler_of_sigterm_keeps_it():
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: got.append(number))
    try:
        with heard_interrupts():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert got == [signal.SIGTERM]
