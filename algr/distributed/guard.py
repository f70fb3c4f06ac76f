"""What a Ray Train run holds, and how it is given back when nobody waits for its end.

A run whose `fit` is left alone goes on: its controller and the placement group of its workers
outlive the process that started it until the whole command ends. Ray's own cleaner asks an API of
the dashboard, which a local session does not have (Ray 2.60). So each run carries a ticket, by
which its placement group is found whatever has died when, and its controller says who it is before
it reserves anything.
"""

import contextlib
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError
from ray.train.v2._internal.execution.callback import WorkerGroupCallback
from ray.util import placement_group_table, remove_placement_group
from ray.util.placement_group import PlacementGroup

from algr.distributed.mailbox import Mail

if TYPE_CHECKING:
    from ray.actor import ActorHandle

ABORT_S = 75.0
"""A controller that waits for room hears nothing; it gives up after 60 s."""
_TICKETS = (2**20, 2**23)


def draw_ticket() -> int:
    """A number by which the runs of one search, or one run, are told from all others.

    Each worker of a run asks for so many bytes of Ray's count of memory: at most 8 MB.
    """
    return random.SystemRandom().randrange(*_TICKETS)


class Announcement(WorkerGroupCallback):  # type: ignore[misc]
    """In the controller's process: says who directs the run before it reserves anything."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    def before_worker_group_start(self, worker_group_context: Any) -> None:  # noqa: ARG002 - Ray's
        """Go on only if somebody still waits for the run."""
        if not self._mail.announce(ray.get_runtime_context().current_actor):
            raise RuntimeError("the run was ended before it began")


def end_runs(controllers: Sequence["ActorHandle[Any]"], *, tickets: Sequence[int]) -> None:
    """Give back what runs hold: processes and placement groups, at once."""
    for controller in controllers:
        _abort(controller)
    for group in _groups_of(tickets):
        remove_placement_group(group)


def _abort(controller: "ActorHandle[Any]") -> None:
    with contextlib.suppress(RayActorError):  # it ends by leaving, or has left before
        try:
            ray.get(controller.abort.remote(), timeout=ABORT_S)
        except GetTimeoutError:
            ray.kill(controller)


def _groups_of(tickets: Sequence[int]) -> list[PlacementGroup]:
    return [
        PlacementGroup(ray.PlacementGroupID(bytes.fromhex(name)))
        for name, entry in placement_group_table().items()
        if entry["state"] != "REMOVED"
        and any(bundle.get("memory") in tickets for bundle in entry["bundles"].values())
    ]
