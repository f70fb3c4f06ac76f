"""One copy of a dataset per machine, however many workers ask; a cache stands for a machine."""

import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from algr.data import node_copy
from algr.data.node_copy import NODE_CACHE, open_on_node
from algr.data.remote import pull_dataset, push_dataset
from algr.errors import DataError

NOWHERE = Path("/not/on/this/machine")


@pytest.fixture
def dataset(make_dataset, kit):
    return make_dataset([kit.person(name=name, grade=grade) for grade, name in enumerate("abc")])


@pytest.fixture
def place(dataset, home, tmp_path):
    uri = (tmp_path / "share" / "lab").as_uri()
    push_dataset(home, "made", uri)
    return uri


def work(cache, place, fingerprint, log):
    """What a worker does; the number of files that it copies is written down."""

    def counted(*args, **options):
        transfer = pull_dataset(*args, **options)
        with log.open("a") as file:
            file.write(f"{cache.name} {transfer.files_copied}\n")
        return transfer

    os.environ[NODE_CACHE] = str(cache)
    node_copy.pull_dataset = counted
    dataset = open_on_node(NOWHERE, place=place, fingerprint=fingerprint)
    return dataset.directory.parent.parent, dataset.fingerprint


def test_each_machine_makes_one_copy_for_all_its_workers(dataset, place, tmp_path):
    caches, log = [tmp_path / name for name in ("one", "two")], tmp_path / "log"
    context = multiprocessing.get_context("spawn")

    with ProcessPoolExecutor(2, mp_context=context) as pool:
        calls = [
            pool.submit(work, cache, place, dataset.fingerprint, log)
            for cache in (*caches, *caches, *caches)
        ]
        opened = [call.result() for call in calls]

    copied = [line.split() for line in log.read_text().splitlines()]
    assert opened == [(cache, dataset.fingerprint) for cache in (*caches, *caches, *caches)]
    assert [sum(int(n) for name, n in copied if name == c.name) for c in caches] == [2, 2]


def test_workers_of_one_machine_that_ask_at_once_wait_for_the_first(dataset, place, tmp_path):
    cache, log = tmp_path / "one", tmp_path / "log"
    context = multiprocessing.get_context("spawn")

    with ProcessPoolExecutor(2, mp_context=context) as pool:
        calls = [pool.submit(work, cache, place, dataset.fingerprint, log) for _ in range(2)]
        opened = {call.result() for call in calls}

    assert opened == {(cache, dataset.fingerprint)}
    assert sum(int(line.split()[1]) for line in log.read_text().splitlines()) == 2


def test_a_folder_that_is_seen_is_opened_where_it_is(dataset, place, tmp_path, monkeypatch):
    monkeypatch.delenv(NODE_CACHE, raising=False)

    opened = [
        open_on_node(dataset.directory, place=given, fingerprint=dataset.fingerprint).directory
        for given in ("", place)
    ]

    assert opened == [dataset.directory] * 2


def test_a_machine_with_a_cache_of_its_own_reads_from_it(dataset, place, tmp_path, monkeypatch):
    monkeypatch.setenv(NODE_CACHE, str(tmp_path / "cache"))

    opened = open_on_node(dataset.directory, place=place, fingerprint=dataset.fingerprint)

    assert opened.directory == tmp_path / "cache" / "datasets" / dataset.fingerprint[:24]


def test_a_copy_that_is_here_needs_the_place_no_more(dataset, place, tmp_path, monkeypatch):
    monkeypatch.setenv(NODE_CACHE, str(tmp_path / "cache"))
    first = open_on_node(NOWHERE, place=place, fingerprint=dataset.fingerprint)
    shutil.rmtree(tmp_path / "share")

    again = open_on_node(NOWHERE, place=place, fingerprint=dataset.fingerprint)

    assert again.directory == first.directory


def test_a_folder_that_is_not_seen_and_has_no_place_is_an_error():
    with pytest.raises(DataError, match=r"no dataset.json"):
        open_on_node(NOWHERE, place="", fingerprint="0" * 64)
