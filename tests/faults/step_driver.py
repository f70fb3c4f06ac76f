"""The real engine in a process of its own: `step_driver.py ORDER`, a `StepOrder` as JSON."""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from held import tell_what_is_held
from search_fakes import Diary
from steps import NAME, VALUES, StepLog, SteppingFactory, noise_plan, tiny_config

from algr.cli import main as type_command
from algr.config import DataHome, SearchSpace
from algr.data import PreparedDataset
from algr.distributed import SearchJob, ray_session, run_search, session
from algr.errors import AlgrError
from algr.tune import Objective

STUDY = "study"


@dataclass(frozen=True)
class StepOrder:
    """What a driver does: a search, or a command of algr."""

    script: ClassVar[str] = "step_driver.py"
    home: str
    log: str
    seconds: float = 0.0
    cuts: list[tuple[int, int, int, int]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """Of the command; none for a search."""
    trials: int = 0
    max_concurrent: int = 1
    address: str = "local"
    workers: int = 1
    """Of each trial; a session of the driver's own has a CPU for each."""
    objectives: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, list[Any]] = field(default_factory=dict)
    """Varied besides."""
    points: list[dict[str, Any]] = field(default_factory=list)
    short_of_memory: list[int] = field(default_factory=list)
    greedy: list[int] = field(default_factory=list)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def steps(self) -> StepLog:
        return StepLog(Path(self.log), self.seconds, tuple(tuple(cut) for cut in self.cuts))

    def job(self) -> SearchJob:
        """Suggestions are drawn at random: they do not depend on who ends first."""
        space = {
            "parameters": {
                "train.learning_rate": {"type": "float", "low": 1e-3, "high": 1e-1, "log": True},
                "loss.align_weight": {"type": "float", "low": 0.1, "high": 2.0},
                **{
                    key: {"type": "categorical", "choices": choices}
                    for key, choices in self.choices.items()
                },
            }
        }
        home = DataHome(Path(self.home))
        dataset = PreparedDataset.open(home.datasets / NAME)
        values = {"tune.pruner": "none", "tune.startup_trials": self.trials} | self.values
        return SearchJob(
            config=tiny_config(**values),
            space=SearchSpace.model_validate(space),
            plan=noise_plan(dataset),
            dataset_directory=dataset.directory,
            study_directory=home.studies / STUDY,
            trials=self.trials,
            max_concurrent=self.max_concurrent,
            workers_per_trial=self.workers,
            resume=True,
            objectives=tuple(Objective(name) for name in self.objectives),
            points=tuple(self.points),
        )

    def factory(self) -> SteppingFactory:
        job = self.job()
        return SteppingFactory(
            job.dataset_directory,
            job.plan,
            self.steps,
            short_of_memory=tuple(self.short_of_memory),
            greedy=tuple(self.greedy),
            objectives=job.objectives or (Objective("val/f1_macro"),),
        )


def _watch_workers(log: StepLog, words: list[str]) -> None:
    session._set_environment(is_local="--address" not in words)  # before ray is imported
    from step_work import SteppingWork

    from algr.distributed import worker

    worker.work = SteppingWork(log)


def cv_words(home: Path, *, workers: int, address: str | None = None) -> list[str]:
    """`algr cv` of the tiny network."""
    sets = [word for key, value in VALUES.items() for word in ("--set", f"{key}={value}")]
    where = ["--dataset", NAME, "--data-home", str(home), "--name", "run"]
    where += ["--address", address] if address else []
    return ["cv", *where, "--workers", str(workers), "--json", *sets]


def main(text: str) -> int:
    order = StepOrder(**json.loads(text))
    if order.words:
        _watch_workers(order.steps, order.words)
        sys.argv = ["algr", *order.words]
        return type_command() or 0
    try:
        num_cpus = max(2, order.workers) if order.address == "local" else None
        with ray_session(address=order.address, num_cpus=num_cpus):
            from step_work import SteppingSeats

            run_search(
                order.job(),
                listener=Diary.empty(),
                factory=order.factory(),
                open_run=SteppingSeats(order.steps),
            )
            tell_what_is_held()
    except AlgrError as error:
        sys.stderr.write(error.message)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
