"""A real SLURM of one node on the loopback, for as long as a test module runs."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_process import wait_until

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=sched_interval=1,batch_sched_delay=1
ReturnToService=2
MpiDefault=none
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
KillWait=5
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/node.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=30
PartitionName=urgent Nodes={host} MaxTime=INFINITE State=UP PriorityTier=2
"""


@pytest.fixture(scope="module")
def slurm():
    """The configuration file of a running SLURM; it is the environment's while the module runs."""
    needed = ("slurmctld", "slurmd", "munged", "sbatch")
    if any(shutil.which(one) is None for one in needed) or os.geteuid() != 0:
        pytest.skip("needs root and the Debian packages slurm-wlm and munge")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    host = socket.gethostname().split(".")[0]
    for part in ("controller", "node"):
        (folder / part).mkdir()
    ports = {"port": free_port(), "node_port": free_port()}
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, host=host, **ports))
    with munge(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(configuration))
        try:
            for daemon in ("slurmctld", "slurmd"):
                subprocess.run([daemon, "-f", configuration], check=True)
            wait_until(lambda: "idle" in asked("sinfo", "--noheader"))
            yield configuration
        finally:
            # of a test that failed; the daemons would leave its job alone
            asked("scancel", "--me")
            wait_until(lambda: not asked("squeue", "--noheader"))
            for name in ("node", "controller"):
                end(folder / f"{name}.pid")
            shutil.rmtree(folder, ignore_errors=True)


def asked(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def munge() -> Iterator[None]:
    """The daemon that SLURM's parts know each other by: one that runs already, or ours."""
    if (
        subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode
        == 0
    ):
        yield
        return
    runtime = Path("/run/munge")
    runtime.mkdir(exist_ok=True)
    shutil.chown(runtime, "munge", "munge")
    subprocess.run(["runuser", "-u", "munge", "--", "munged"], check=True)
    try:
        yield
    finally:
        end(runtime / "munged.pid")


def end(pid_file: Path) -> None:
    """End the daemon of a pid file, and wait for it."""
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.1)
