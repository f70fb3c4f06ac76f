"""A search in a process of its own: `fault_driver.py ORDER`, an `Order` as JSON."""

import json
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from fault_fakes import FaultyFactory
from held import tell_what_is_held
from search_fakes import Diary, FakeSeats, search_job

from algr.compose.study import StudyRecorder
from algr.config import DataHome
from algr.distributed import SearchJob, SearchListener, ray_session, run_search
from algr.errors import AlgrError
from algr.tracking import DatasetInfo, Tracker


@dataclass(frozen=True)
class Order:
    """What a driver does."""

    script: ClassVar[str] = "fault_driver.py"
    study: str
    log: str
    trials: int
    seconds: float = 0.0
    max_concurrent: int = 1
    faults: list[tuple[int, int, str]] = field(default_factory=list)
    bytes_left: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    workers: int = 1
    """Of each trial."""
    deaths: int = 1
    """How often a process is killed in the same epoch."""
    uri: str = ""
    """Of a tracking server for a search that is told to stop; its ledger lies beside the study."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def main(text: str) -> int:
    order = Order(**json.loads(text))
    job = search_job(
        Path(order.study),
        trials=order.trials,
        resume=True,
        max_concurrent=order.max_concurrent,
        workers=order.workers,
        **order.values,
    )
    factory = FaultyFactory(
        seconds=order.seconds,
        log=Path(order.log),
        faults={(number, epoch): fault for number, epoch, fault in order.faults},
        bytes_left=order.bytes_left,
        deaths=order.deaths,
    )
    try:
        with ray_session(address="local", num_cpus=2), ExitStack() as stack:
            run_search(
                job,
                listener=_listener(order, job, stack),
                factory=factory,
                open_run=FakeSeats(factory),
            )
            tell_what_is_held()
    except AlgrError as error:
        sys.stderr.write(error.message)
        return error.exit_code
    return 0


def _listener(order: Order, job: SearchJob, stack: ExitStack) -> SearchListener:
    if not order.uri:
        return Diary.empty()
    dataset = DatasetInfo(
        name=job.plan.dataset,
        kind=job.plan.kind,
        fingerprint=job.plan.fingerprint,
        simulated=True,
        num_subjects=6,
        num_frames=6,
    )
    home = DataHome(job.study_directory.parent)
    tracker = stack.enter_context(Tracker.connect(home, dataset=dataset, uri=order.uri))
    recorder = StudyRecorder(tracker, job, tags={})
    stack.callback(recorder.interrupt)
    return recorder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
