from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from algr.data import PreparedDataset
from algr.engine.batches import (
    GatheredFrames,
    LoadedBatch,
    ResidentFrames,
    Rows,
    draw_crops,
    open_frames,
    prefetched,
    share_slice,
    shuffled,
    split_batches,
)


def rows_of(count: int) -> Rows:
    return np.arange(count, dtype=np.int64)


@given(count=st.integers(1, 200), size=st.integers(2, 40), smallest=st.integers(1, 8))
def test_batches_hold_every_row_once_and_in_order(count: int, size: int, smallest: int) -> None:
    batches = split_batches(rows_of(count), batch_size=size, smallest=smallest)

    assert np.concatenate(batches).tolist() == list(range(count))


@given(count=st.integers(2, 200), size=st.integers(2, 40))
def test_no_batch_is_a_single_image(count: int, size: int) -> None:
    batches = split_batches(rows_of(count), batch_size=size, smallest=2)

    assert min(len(batch) for batch in batches) >= 2


def test_a_single_image_left_over_joins_the_batch_before_it() -> None:
    batches = split_batches(rows_of(9), batch_size=4, smallest=2)

    assert [len(batch) for batch in batches] == [4, 5]


def test_two_images_left_over_are_a_batch_of_their_own() -> None:
    batches = split_batches(rows_of(10), batch_size=4, smallest=2)

    assert [len(batch) for batch in batches] == [4, 4, 2]


@given(count=st.integers(0, 100), size=st.integers(1, 9))
def test_shares_cover_everything_once_and_are_even(count: int, size: int) -> None:
    shares = [rows_of(count)[share_slice(count, rank=rank, size=size)] for rank in range(size)]

    assert np.concatenate(shares).tolist() == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_shuffling_keeps_every_row_and_follows_the_seed() -> None:
    rows = rows_of(50)

    order = shuffled(rows, seed=1)

    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() == shuffled(rows, seed=1).tolist()
    assert order.tolist() != shuffled(rows, seed=2).tolist()


def test_draws_of_a_share_are_those_of_the_whole_batch() -> None:
    whole = draw_crops(6, generator=torch.Generator().manual_seed(3))

    part = draw_crops(6, generator=torch.Generator().manual_seed(3)).part(slice(2, 5))

    assert torch.equal(part.offsets_B2, whole.offsets_B2[2:5])
    assert torch.equal(part.mirrored_B, whole.mirrored_B[2:5])


class Recorder:
    """Notes what is loaded; fails where it is told to."""

    def __init__(self, *, failing_row: int = -1) -> None:
        self.loaded: list[int] = []
        self.failing_row = failing_row

    def load(self, rows_B: Rows) -> LoadedBatch:
        self.loaded.append(int(rows_B[0]))
        if self.failing_row in rows_B:
            raise OSError("gone")
        empty = LoadedBatch.empty(1, num_labels=0, device=torch.device("cpu"))
        empty.grade_B.fill_(int(rows_B[0]))
        return empty


def test_prefetching_keeps_the_order() -> None:
    source = Recorder()

    batches = list(prefetched(source, [rows_of(9)[i : i + 3] for i in (0, 3, 6)]))

    assert [int(batch.grade_B) for batch in batches] == [0, 3, 6]


def test_one_batch_is_loaded_ahead_and_no_more() -> None:
    source = Recorder()
    batches = prefetched(source, [rows_of(9)[i : i + 1] for i in range(9)])

    next(batches)
    batches.close()

    assert source.loaded in ([0], [0, 1])


def test_an_error_while_loading_reaches_the_caller() -> None:
    source = Recorder(failing_row=1)
    batches = prefetched(source, [rows_of(9)[i : i + 1] for i in range(3)])

    assert int(next(batches).grade_B) == 0
    with pytest.raises(OSError, match="gone"):
        next(batches)


@pytest.mark.parametrize("make", [GatheredFrames, ResidentFrames])
def test_frames_come_as_they_are_stored(
    make: Callable[..., GatheredFrames], units: PreparedDataset
) -> None:
    rows = np.array([17, 3, 3, 22])
    source = make(units, device=torch.device("cpu"))

    batch = source.load(rows)

    stored = units.gather(rows)
    assert batch.images_BHWC.numpy().tolist() == stored.images_BHWC.tolist()
    assert batch.landmarks_BL2.numpy().tolist() == stored.landmarks_BL2.tolist()
    assert batch.labels_BA.numpy().tolist() == stored.labels_BA.tolist()
    assert batch.grade_B.numpy().tolist() == stored.grade_B.tolist()


def test_on_the_cpu_frames_are_gathered_from_the_mapped_file(grades: PreparedDataset) -> None:
    assert isinstance(open_frames(grades, device=torch.device("cpu")), GatheredFrames)
