"""A dataset that was named by its place, on a cluster whose nodes share no data home."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from processes import second_node_of_cluster

from algr.config import DataHome
from algr.cv import LocalExecutor
from algr.data import verify_dataset
from algr.data.node_copy import NODE_CACHE
from algr.data.remote import push_dataset
from algr.distributed import RayTrainExecutor

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def second_cache(cluster, tmp_path) -> Iterator[Path]:
    """Of a node of one CPU that joins the cluster of all tests."""
    cache = tmp_path / "second"
    with second_node_of_cluster({NODE_CACHE: str(cache)}):
        yield cache


def test_every_node_pulls_one_copy_and_the_numbers_are_those_of_one_process(
    make_job, grades, second_cache, node_cache, tmp_path
):
    place = (tmp_path / "share" / "lab").as_uri()
    push_dataset(DataHome(grades.directory.parent.parent), grades.name, place)
    job = make_job(dataset_directory=Path("/not/on/any/node"), dataset_place=place)
    alone, told = [], []
    LocalExecutor(device=torch.device("cpu")).execute(make_job("alone"), on_epoch=alone.append)

    RayTrainExecutor(workers=3).execute(job, on_epoch=told.append)

    copies = [
        DataHome(cache).dataset(grades.fingerprint[:24]) for cache in (node_cache, second_cache)
    ]
    assert [verify_dataset(copy).frames for copy in copies] == [24, 24]
    assert [[fold.validation for fold in row] for row in told] == [
        [fold.validation for fold in row] for row in alone
    ]
