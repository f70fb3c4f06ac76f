"""What workers do, and share, after one of them died."""

from collections.abc import Iterator

import pytest
import torch.distributed as dist

from algr.distributed import Devices
from algr.distributed.survivors import devices_to_share
from algr.distributed.worker import _is_peer_gone


@pytest.fixture
def group() -> Iterator[None]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("group")
def test_a_defect_is_not_taken_for_the_death_of_another_worker():
    assert not _is_peer_gone(ValueError("a defect"))
    assert not _is_peer_gone(RuntimeError("shapes differ"))


@pytest.mark.usefixtures("group")
def test_a_broken_connection_is_the_death_of_another_worker():
    assert _is_peer_gone(RuntimeError("gloo: Connection closed by peer [10.0.0.2]:4711"))


def test_an_error_without_a_process_group_follows_from_the_death_of_another_worker():
    with pytest.raises(ValueError, match="process group") as caught:
        dist.get_rank()

    assert _is_peer_gone(caught.value)


@pytest.mark.ray
@pytest.mark.usefixtures("cluster")
class TestDevices:
    def test_cpus_that_are_left_are_shared(self):
        assert devices_to_share(Devices(cpus=5, gpus=0)) == Devices(cpus=2, gpus=0)

    def test_gpus_are_waited_for(self):
        assert devices_to_share(Devices(cpus=5, gpus=2)) == Devices(cpus=5, gpus=2)
