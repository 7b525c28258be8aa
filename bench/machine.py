"""The machine and the processes on it, read from /proc and the kernel's clocks. Linux only."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sysconfig
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "uvicorn",
    "uvloop",
    "httptools",
    "pyreqwest",
    "msgspec",
    "fastapi",
    "pydantic",
    "aiohttp",
    "httpx",
)

_PROC = Path("/proc")


@dataclass(frozen=True)
class Cores:
    """Which core the gateway has to itself, and which the load and the upstreams share."""

    gateway: set[int]
    others: set[int]

    @property
    def apart(self) -> bool:
        return not self.gateway & self.others

    def __str__(self) -> str:
        if not self.apart:
            return "one core for everything: latencies mean little, CPU times still do"
        return f"gateway on core {min(self.gateway)}, load and upstreams on core {min(self.others)}"


def cores() -> Cores:
    """Two of the cores this process may use; the same one twice where there is only one."""
    free = sorted(os.sched_getaffinity(0))
    return Cores({free[0]}, {free[1] if len(free) > 1 else free[0]})


def raise_file_limit() -> None:
    """500 open streams are 1,000 sockets of the gateway's; children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def family(pid: int) -> list[int]:
    """A process and its living descendants: a gateway may have workers."""
    found, waiting = [], [pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in (_PROC / str(pid) / "task").glob("*/children"):
            waiting += [int(child) for child in task.read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """User and system time of a process tree in seconds, every thread included, those that ended too.

    From each process's CPU clock (ns), whose id the C library makes of the pid like this; `/proc/PID/stat`
    would say the same in steps of 10 ms.
    """
    return sum(time.clock_gettime((~each << 3) | 2) for each in family(pid))


def wait_until_idle(pid: int, timeout_s: float = 10.0) -> None:
    """Waits until a process tree uses under 5 % of a core: a server may go on loading after it listens."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        before = cpu_s(pid)
        time.sleep(0.2)
        if cpu_s(pid) - before < 0.01:
            return


def rss_mb(pid: int) -> float:
    """Resident memory of a process tree in MB (10⁶ bytes): the sum of VmRSS, shared pages counted twice."""
    total_kib = 0
    for each in family(pid):
        for line in (_PROC / str(each) / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total_kib += int(line.split()[1])
    return total_kib * 1024 / 1e6


def threads(pid: int) -> int:
    return sum(len(list((_PROC / str(each) / "task").iterdir())) for each in family(pid))


def _cpu_model() -> str:
    for line in (_PROC / "cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def revision(root: Path) -> str:
    """The short hash of the commit measured, `+` appended where the tree differs from it; else `unknown`."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def facts() -> dict[str, object]:
    """What one must know of the machine to compare two results."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "python_optimised": "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def spin_ns() -> float:
    """CPU nanoseconds a turn of an empty loop takes just now, over about 2 ms: how fast this core is."""
    turns = 50_000
    began = time.thread_time_ns()
    for _ in range(turns):
        pass
    return (time.thread_time_ns() - began) / turns
