"""One numeric matrix out of a MATLAB 5 file, from the published format.

`scipy.io.loadmat` is not used, since a damaged file can end the whole process in it.
"""

# Shape suffixes: none; a matrix has the shape that its file states.

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES = 128
_MAX_BYTES = 1 << 24
"""Of a file, and of what is unpacked from it; landmarks of a frame take a thousandth."""
_MATRIX, _COMPRESSED = 14, 15
_STORED_AS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_NUMERIC_CLASSES = range(6, 16)
_COMPLEX = 0x0800


class FormatError(Exception):
    """The bytes are no MATLAB 5 file; the text says where that shows."""


@dataclass(frozen=True, kw_only=True)
class _Element:
    kind: int
    data: bytes


def read_matrix(content: bytes, name: str) -> NDArray[np.float64] | None:
    """The real matrix of that name; None if the file does not hold it.

    Raises:
        FormatError: The file is damaged, something else, or the variable is no real matrix.
    """
    if len(content) > _MAX_BYTES:
        raise FormatError(f"{len(content)} bytes are too many")
    if len(content) < _HEADER_BYTES:
        raise FormatError("is cut off within its header")
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise FormatError("its header is not that of MATLAB 5")
    for element in _elements(content[_HEADER_BYTES:], order=order):
        matrix = _unpacked(element, order=order) if element.kind == _COMPRESSED else element
        if matrix.kind != _MATRIX:
            continue
        parts = list(_elements(matrix.data, order=order))
        if len(parts) >= 3 and parts[2].data.rstrip(b"\0") == name.encode():
            return _matrix(parts, order=order)
    return None


def _elements(data: bytes, *, order: str) -> Iterator[_Element]:
    place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        if kind >> 16:  # up to four bytes stand in the tag itself
            kind, size = kind & 0xFFFF, kind >> 16
            start, after = place + 4, place + 8
            if size > 4:
                raise FormatError("an element is longer than its place")
        else:
            start = place + 8
            after = start + size + (0 if kind == _COMPRESSED else -size % 8)
        if start + size > len(data):
            raise FormatError("is cut off")
        yield _Element(kind=kind, data=data[start : start + size])
        place = after


def _unpacked(element: _Element, *, order: str) -> _Element:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(element.data, _MAX_BYTES)
    except zlib.error as error:
        raise FormatError(f"cannot be unpacked ({error})") from error
    if not unpacker.eof:
        raise FormatError("is cut off, or unpacks to too much")
    inner = next(_elements(data, order=order), None)
    if inner is None:
        raise FormatError("unpacks to nothing")
    return inner


def _matrix(parts: list[_Element], *, order: str) -> NDArray[np.float64]:
    flags, sizes = parts[0].data, parts[1].data
    if len(flags) < 4 or len(sizes) < 8 or len(sizes) % 4:
        raise FormatError("a matrix has no shape")
    (flag,) = struct.unpack_from(f"{order}I", flags)
    shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    if (flag & 0xFF) not in _NUMERIC_CLASSES or flag & _COMPLEX:
        raise FormatError("the variable is no matrix of real numbers")
    if len(parts) < 4 or parts[3].kind not in _STORED_AS or min(shape) < 0:
        raise FormatError("a matrix has no numbers")
    values = parts[3]
    item = np.dtype(order + _STORED_AS[values.kind])
    if math.prod(shape) * item.itemsize != len(values.data):
        raise FormatError("a matrix has another number of values than its shape says")
    numbers = np.frombuffer(values.data, item).astype(np.float64)
    return numbers.reshape(shape, order="F")
