"""The header of `manifest.csv`, which tells a clinic's from one of single pictures."""

import io
from pathlib import Path

from algr.data.text_files import is_utf16, table_form

_READ_BYTES = 65536


def header_of(path: Path) -> set[str]:
    """Names of the columns, in lower case; empty if there is no such file or it is no text."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_READ_BYTES)
    except OSError:
        return set()
    encoding = "utf-16" if is_utf16(data) else "utf-8-sig"
    text = data.decode(encoding, errors="replace")
    form = table_form(text)
    header = list(io.StringIO(text, newline=""))[form.header_line - 1 :][:1]
    names = "".join(header).split(form.delimiter)
    return {name.strip().strip('"').lower() for name in names}
