"""The first line of `manifest.csv`, which tells a clinic's from one of single pictures."""

from pathlib import Path

_READ_BYTES = 65536


def header_of(path: Path) -> set[str]:
    """Names of the columns, in lower case; empty if there is no such file or it is no text."""
    try:
        with path.open("rb") as stream:
            first = (
                stream.read(_READ_BYTES).decode("utf-8-sig", errors="replace").partition("\n")[0]
            )
    except OSError:
        return set()
    delimiter = max(",;\t", key=first.count)
    return {name.strip().strip('"').lower() for name in first.split(delimiter)}
