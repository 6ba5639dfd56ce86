"""What processes used of the machine, from Linux's /proc."""

import os
import re
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process with all its threads, in user and kernel mode."""
    return read_stat((PROC / str(pid) / "stat").read_text())[1]


def peak_mebibytes(pid: int) -> float:
    """The largest resident size that the process ever had: its own pages and mapped files."""
    return read_peak((PROC / str(pid) / "status").read_text())


def read_stat(text: str) -> tuple[int, float]:
    """Parent and CPU seconds of a process, from its `stat`; its name there is in parentheses, and may contain some."""
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS


def read_name(text: str) -> str:
    """The name of a process, from its `stat`, limited by Linux to 15 characters."""
    return text.partition("(")[2].rpartition(")")[0]


def read_peak(text: str) -> float:
    """VmHWM of a process's `status`, in MiB."""
    found = re.search(r"^VmHWM:\s*(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise ValueError("no VmHWM: the process has ended")
    return int(found[1]) / 1024


def foreign_seconds() -> float:
    """CPU time since boot of everything except this process and its descendants; only differences are meaningful.

    If it grows during a measurement, others used part of the cores, and the figures are worse for it.
    """
    past = os.times()
    ours = past.children_user + past.children_system  # of descendants that have ended
    ours += sum(seconds for _, seconds in _family())
    user, nice, system, _, _, irq, softirq, steal = map(int, (PROC / "stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS - ours


def program_seconds(*programs: str) -> float:
    """CPU time of this process's descendants that run these programs, by name."""
    return sum(seconds for name, seconds in _family() if name in programs)


def _family() -> list[tuple[str, float]]:
    """Name and CPU seconds of this process and of each of its descendants."""
    processes: dict[int, tuple[int, float, str]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue  # it has ended meanwhile
            processes[int(entry.name)] = (*read_stat(text), read_name(text))
    found = []
    for pid, (_, seconds, name) in processes.items():
        ancestor = pid
        while ancestor in processes and ancestor != os.getpid():
            ancestor = processes[ancestor][0]
        if ancestor == os.getpid():
            found.append((name, seconds))
    return found


def machine() -> str:
    """The machine's size."""
    model = re.search(r"^model name\s*:\s*(.+)$", (PROC / "cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores{f' ({model[1]})' if model else ''}, {memory:.1f} GiB, load {os.getloadavg()[0]:.1f}"
