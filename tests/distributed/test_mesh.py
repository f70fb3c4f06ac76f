"""Which worker trains what, and what it asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algr.distributed import Devices
from algr.distributed.mesh import Seat, Share, default_workers, seats, worker_share
from algr.errors import ClusterError, UsageError


def test_fewer_workers_than_folds_take_turns():
    assert seats((0, 1, 2), workers=2) == (Seat((0, 2), (0,)), Seat((1,), (1,)))


def test_twice_as_many_workers_give_each_fold_two_replicas():
    assert seats((4, 7), workers=4) == (
        Seat((4,), (0, 1)),
        Seat((4,), (0, 1)),
        Seat((7,), (2, 3)),
        Seat((7,), (2, 3)),
    )


@given(num_folds=st.integers(1, 9), turns=st.integers(1, 9), data=st.data())
def test_every_fold_is_trained_by_one_group_of_ranks(num_folds, turns, data):
    workers = data.draw(st.sampled_from([min(turns, num_folds), num_folds * turns]))

    mesh = seats(range(num_folds), workers=workers)

    assert len(mesh) == workers
    groups = {(fold, seat.replicas) for seat in mesh for fold in seat.folds}
    assert sorted(fold for fold, _ in groups) == list(range(num_folds))
    assert all(rank in seat.replicas for rank, seat in enumerate(mesh))


def test_workers_that_cannot_be_shared_out_are_refused_with_the_nearest_numbers():
    with pytest.raises(UsageError, match="--workers 3 or --workers 6"):
        seats((0, 1, 2), workers=4)


@pytest.mark.parametrize(
    ("devices", "workers"),
    [(Devices(cpus=2, gpus=0), 2), (Devices(cpus=64, gpus=0), 3), (Devices(cpus=64, gpus=1), 1)],
)
def test_by_default_each_fold_has_a_worker_as_far_as_there_are_devices(devices, workers):
    assert default_workers(3, devices) == workers


def test_more_workers_than_cpus_share_them_so_that_all_run_at_once():
    share = worker_share(3, threads=1, devices=Devices(cpus=2, gpus=0))

    assert share == Share(cpus=0.5, gpus=0)


def test_a_worker_asks_for_the_threads_of_its_fold_where_they_fit():
    assert worker_share(3, threads=4, devices=Devices(cpus=16, gpus=0)).cpus == 4
    assert worker_share(3, threads=8, devices=Devices(cpus=16, gpus=0)).cpus == 5


def test_workers_on_one_gpu_talk_by_gloo_and_on_their_own_by_nccl():
    shared = worker_share(3, threads=1, devices=Devices(cpus=16, gpus=1))
    own = worker_share(2, threads=1, devices=Devices(cpus=16, gpus=2))

    assert (shared.gpus, shared.backend) == (pytest.approx(1 / 3), "gloo")
    assert (own.gpus, own.backend) == (1, "nccl")


def test_a_cluster_without_cpus_is_an_error():
    with pytest.raises(ClusterError, match="no CPUs"):
        worker_share(1, threads=1, devices=Devices(cpus=0, gpus=8))
