"""Text as people save it: what is said of a file that is not UTF-8."""

import codecs

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_utf16(data: bytes) -> bool:
    """Whether the bytes begin with UTF-16's mark, as spreadsheets write it ("Unicode text")."""
    return data.startswith(_UTF16_MARKS) and len(data) % 2 == 0


def encoding_problem(data: bytes) -> str:
    """What is wrong with bytes that are no UTF-8 text, and how they become some."""
    if is_utf16(data):
        return (
            'is UTF-16 text; expected UTF-8: save it as "CSV UTF-8", or convert it with iconv -f '
            "UTF-16 -t UTF-8"
        )
    return 'is not UTF-8 text; save it again as plain text or "CSV UTF-8"'
