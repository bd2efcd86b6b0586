"""What a process holds, as Linux counts it."""

import ctypes
import gc
import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_RESET_PEAK = "5"


def resident() -> int:
    """Resident memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def peak() -> int:
    """The largest resident memory in bytes since `reset_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resident()


def reset_peak() -> None:
    """Lets `peak` begin anew, where the kernel allows it."""
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    except OSError:
        return


def trim() -> None:
    """Gives back what is free, so that what is left is what is held."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
