"""What stands at a path where a file is expected. Looks at names only, never at content."""

import errno
import os
import stat
from pathlib import Path

ABSENT = "no such file"
LOOP = "is a link to itself"
DANGLING = "is a link to what is not there"
FOLDER = "is a folder; expected a file"


def why_no_file(path: Path) -> str:
    """Why there is no file to read at the path, in words; empty where there is one."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return DANGLING if path.is_symlink() else ABSENT
    except OSError as error:
        if error.errno == errno.ELOOP:
            return LOOP
        return f"cannot be read ({os.strerror(error.errno or 0)})"
    if stat.S_ISDIR(mode):
        return FOLDER
    return "" if stat.S_ISREG(mode) else "is neither a file nor a folder"
