"""The services confine themselves: what the kernel says of each that runs."""
import subprocess
import time
from pathlib import Path

import pytest

from hospital.hub import end, eventually


def status_of(pid):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


def check(pid):
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = status_of(task.name)
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status["Name"]


def test_every_thread_of_the_hub_is_confined(hub, lakeside):
    lakeside.find("NOBODY^^^&%s&ISO" % hub.xad_authority)
    assert len(list(Path(f"/proc/{hub.process.pid}/task").iterdir())) > 4
    check(hub.process.pid)
    limits = Path(f"/proc/{hub.process.pid}/limits").read_text()
    assert "Max core file size        0" in limits


@pytest.mark.parametrize("service", ["seal", "watch"])
def test_the_logs_services_are_confined(hub, service):
    hub.checkpoint_key()
    process = subprocess.Popen([hub.program, "audit", service, "--config", hub.config], cwd=hub.root,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: process.poll() is not None or status_of(process.pid)["Seccomp"] == "2")
        check(process.pid)
        time.sleep(0.5)
        assert process.poll() is None, "it does its work, confined"
    finally:
        assert end(process) == 0
