"""A node that is killed while a search trains on it."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from processes import below, kill_all, second_node_of_cluster
from search_fakes import EPOCHS, Diary, FakeFactory, read_log, search_job, search_without_ray

from algr.distributed import run_search

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SPACE = {"tune__pruner": "none", "tune__startup_trials": 5}
"""Suggestions at random: they do not depend on which trial ends first."""


@pytest.fixture
def second_node(cluster) -> Iterator[subprocess.Popen]:
    with second_node_of_cluster({}) as node:
        yield node


@dataclass
class _Killer(Diary):
    """Kills the node as soon as a trial has begun there and another one has told an epoch."""

    log: Path = Path()
    node: int = 0
    killed: set[int] = field(default_factory=set)
    """Trials that were on it."""

    def on_epoch(self, number, epoch, value, fold_epochs) -> None:
        super().on_epoch(number, epoch, value, fold_epochs)
        there = set(below(self.node))
        on_node = {entry[0] for entry in read_log(self.log) if entry[2] in there}
        if on_node and number not in on_node and not self.killed:
            self.killed = on_node
            kill_all(there)


def test_a_search_goes_on_without_a_node_that_was_killed(tmp_path, second_node):
    log = tmp_path / "log"
    killer = _Killer([], [], [], log=log, node=second_node.pid)
    job = search_job(tmp_path / "s", trials=5, max_concurrent=3, **SPACE)

    outcome = run_search(job, listener=killer, factory=FakeFactory(seconds=0.3, log=log))

    assert outcome.trials == search_without_ray(tmp_path / "alone", trials=5, **SPACE)
    begun = Counter(entry[:2] for entry in read_log(log))
    assert len(killer.killed) == 1
    assert {number for (number, _), times in begun.items() if times > 1} <= killer.killed
    assert begun.total() <= len(begun) + 1 == 5 * EPOCHS + 1
    assert max(Counter(entry[:2] for entry in killer.epochs).values()) == 1
