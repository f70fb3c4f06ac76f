import io

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from algr.data.adapters.matlab5 import FormatError, read_matrix


def saved(values, *, compressed=False, **more):
    stream = io.BytesIO()
    scipy.io.savemat(stream, {**more, "pts": values}, do_compression=compressed)
    return stream.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_matrices_of_every_kind_come_back_as_scipy_wrote_them(kind, compressed):
    values = np.arange(132).reshape(66, 2).astype(kind)

    read = read_matrix(saved(values, compressed=compressed), "pts")

    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("shape", [(1, 1), (0, 2), (2, 3, 4), (1, 3)])
def test_any_shape_is_kept(shape):
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)

    np.testing.assert_array_equal(read_matrix(saved(values), "pts"), values)


def test_a_matrix_is_found_behind_others():
    others = {"a": np.ones((3, 3)), "text": "words", "cell": {"x": 1.0}, "ab": np.ones(1)}

    read = read_matrix(saved(np.full((2, 2), 7.0), **others), "pts")

    assert read.tolist() == [[7, 7], [7, 7]]


def test_a_file_from_a_big_endian_machine_is_read():
    values = np.array([[1.5, 2.5]])
    numbers = values.astype(">f8").tobytes()

    def element(kind, data):
        padded = data + b"\0" * (-len(data) % 8)
        return np.array([kind, len(data)], ">u4").tobytes() + padded

    parts = element(6, np.array([6, 0], ">u4").tobytes())
    parts += element(5, np.array([1, 2], ">i4").tobytes())
    parts += element(1, b"pts") + element(9, numbers)
    content = b" " * 124 + b"\x01\x00MI" + element(14, parts)

    assert read_matrix(content, "pts").tolist() == [[1.5, 2.5]]


def test_another_name_is_no_variable():
    assert read_matrix(saved(np.ones((2, 2))), "points") is None


@pytest.mark.parametrize("values", ["text", 1j * np.ones((2, 2)), {"a": 1.0}])
def test_what_is_no_real_matrix_is_refused(values):
    with pytest.raises(FormatError):
        read_matrix(saved(values), "pts")


def test_what_unpacks_to_too_much_is_refused():
    bomb = saved(np.zeros((1500, 2000)), compressed=True)

    with pytest.raises(FormatError, match="unpacks to too much"):
        read_matrix(bomb, "pts")


@pytest.mark.parametrize("compressed", [False, True])
@given(data=st.data())
def test_damaged_bytes_give_numbers_nothing_or_the_one_error(compressed, data):
    content = bytearray(saved(np.ones((66, 2)), compressed=compressed))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(100, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))

    outcome = outcome_of(bytes(content[:cut]))

    assert outcome in ("matrix", "nothing", "refused")


def outcome_of(content):
    try:
        return "nothing" if read_matrix(content, "pts") is None else "matrix"
    except FormatError:
        return "refused"
