"""How much memory training takes, and keeping what it frees for the next step."""

import ctypes
import functools
import platform
import resource
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt` (malloc.h)."""
_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_NEVER, _ALWAYS_FROM_HEAP = -1, 2**31 - 1


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process keep the memory that a training step frees, for the next step.

    By default the C library gives the activations of every step back to the system, which clears
    each page again when the next step touches it: some hundred thousand page faults a step.

    Returns:
        Whether the C library is one that can be told so (glibc); else nothing changes.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_TRIM_THRESHOLD, _NEVER) and mallopt(_MMAP_THRESHOLD, _ALWAYS_FROM_HEAP))


def peak_resident_bytes() -> int:
    """The most memory that this process has had in use so far, bytes.

    On Linux as the kernel counts it for this program: what `getrusage` says there begins with the
    peak of the process that started it.
    """
    if not _STATUS.is_file():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if platform.system() == "Darwin" else peak * 1024
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    words = next(line.split() for line in lines if line.startswith("VmHWM:"))
    return int(words[1]) * 1024


def forget_peak_resident() -> int:
    """Let `peak_resident_bytes` count from now on, where the system can (Linux).

    Returns:
        The peak as it is counted from now on: what is in use; elsewhere the peak so far.
    """
    if _FORGET.is_file():
        _FORGET.write_text("5", encoding="ascii")
    return peak_resident_bytes()
