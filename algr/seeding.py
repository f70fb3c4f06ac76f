"""Seeds that depend on names, not on who asks first."""

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """A seed for one purpose, from the run's seed and the purpose's names.

    The same arguments give the same value on every machine and Python version.

    Returns:
        An integer in [0, 2**63).
    """
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
