"""An SSH server on the loopback, for as long as it is asked for: two names lead to it."""

import contextlib
import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmark.slurm_cluster import free_port
from tests.command_process import wait_until

SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PidFile {folder}/server.pid
StrictModes no
UsePAM no
"""

CLIENT = """
Host lab1 lab2
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/key
"""


@contextlib.contextmanager
def ssh_server(home: Path) -> Iterator[tuple[str, str]]:
    """The names of two hosts that ``ssh`` reaches without a password, with this folder as home."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or os.geteuid() != 0:
        pytest.skip("needs root and the Debian package openssh-server")
    folder = home / ".ssh"
    folder.mkdir(parents=True, mode=0o700)
    for name in ("host", "key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name]
        subprocess.run(command, check=True)
    port = free_port()
    (folder / "server").write_text(SERVER.format(port=port, folder=folder))
    words = {"port": port, "folder": folder, "user": getpass.getuser()}
    (folder / "config").write_text(CLIENT.format(**words))
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}\n")
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants this folder, and keeps it empty
    with subprocess.Popen([program, "-D", "-f", folder / "server"]) as server:
        try:
            wait_until((folder / "server.pid").exists)
            yield "lab1", "lab2"
        finally:
            server.terminate()
