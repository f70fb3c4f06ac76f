"""Keyed hashes instead of patient ids and file names.

The key stays with the user; without it a hash cannot be turned back by trying names.
"""

import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from algr.errors import DataError

_LOG = logging.getLogger(__name__)
_KEY_BYTES = 32
_HASH_DIGITS = 16
_WHOLE_NUMBER = re.compile(r"0*([0-9]+)(?:[.,]0+)?")
IdKind = Literal["patient", "video", "rater", "group"]


def key_path() -> Path:
    """Where the key lies: `ALGR_KEY_FILE`, else the user's configuration folder."""
    chosen = os.environ.get("ALGR_KEY_FILE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "algr" / "id.key"


@dataclass(frozen=True, kw_only=True)
class KeyClaim:
    """The key, and whether this process made it."""

    path: Path
    key: bytes
    is_new: bool
    stamp_ns: int

    def give_back(self) -> None:
        """Remove the key if it was made for this claim and nobody else has used it since."""
        with suppress(FileNotFoundError):
            if self.is_new and self.path.stat().st_mtime_ns == self.stamp_ns:
                self.path.unlink()


def load_or_create_key() -> bytes:
    """The key of this user; see `claim_key`."""
    return claim_key().key


def claim_key() -> KeyClaim:
    """The key of this user; at first use it is drawn and written, readable by the user alone.

    Each use sets the file's time, so that who made the key can tell whether others rely on it.

    Raises:
        DataError: The key file cannot be read or written, or is not a key.
    """
    path = key_path()
    try:
        is_new = not path.exists() and _create(path)
        if not is_new:
            with suppress(OSError):  # nobody removes a key that belongs to another user
                os.utime(path)
        text = path.read_text(encoding="ascii").strip()
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            _LOG.warning("%s can be read by others: chmod 600 it", path)
        stamp_ns = path.stat().st_mtime_ns
    except OSError as error:
        raise DataError(
            f"{path}: {error.strerror or error}",
            expected="a key file that can be read, or a folder in which to make it",
            advice="set ALGR_KEY_FILE to a place of your own",
        ) from error
    except UnicodeDecodeError as error:
        raise _no_key(path) from error
    try:
        key = bytes.fromhex(text)
    except ValueError as error:
        raise _no_key(path) from error
    if len(key) != _KEY_BYTES:
        raise _no_key(path)
    return KeyClaim(path=path, key=key, is_new=is_new, stamp_ns=stamp_ns)


def hash_id(kind: IdKind, value: str, *, key: bytes | None = None) -> str:
    """HMAC-SHA256 of an id, 16 hexadecimal digits.

    Args:
        kind: Keeps a patient and a video of the same name apart.
        value: The id as the source gives it, without spaces around it.
        key: By default this user's.
    """
    text = value if kind == "video" else composed(value)
    message = f"{kind}\0{text}".encode()
    used = load_or_create_key() if key is None else key
    return hmac.new(used, message, hashlib.sha256).hexdigest()[:_HASH_DIGITS]


def composed(text: str) -> str:
    """The text with each letter and its accent as one character; some programs write two."""
    return unicodedata.normalize("NFC", text)


def folded_id(text: str) -> str:
    """An id without what the eye does not tell: capitals, spaces, characters without width.

    Nor what a spreadsheet takes away or adds where it is a number: 007, 7 and 7.0 are one.
    """
    letters = unicodedata.normalize("NFKC", text)
    shown = (letter for letter in letters if unicodedata.category(letter) != "Cf")
    folded = "".join("".join(shown).split()).casefold()
    number = _WHOLE_NUMBER.fullmatch(folded)
    return number[1] if number else folded


def _create(path: Path) -> bool:
    """Make the file whole under another name, then link it, so that two makers agree on one.

    Returns:
        Whether it is this one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def _no_key(path: Path) -> DataError:
    return DataError(
        f"{path} holds no key",
        expected=f"{2 * _KEY_BYTES} hexadecimal digits",
        advice="restore it from your backup; with a new key all ids get new hashes",
    )
