"""What a search costs above a plain Optuna loop that trains the same in as many processes.

    python benchmarks/search_against_loop.py --dataset fpara-sim [--data-home DIR] [--trials 50]

One run measures both, one after the other, from the start of the command to the end of the last
trial, imports included:

- *loop*: processes that each call Optuna's `study.optimize` on one journal file, with Optuna's own
  TPE sampler; a trial trains the folds with the same engine. No checkpoints, no tracking, no
  display, and nothing that would survive a kill.
- *search*: `algr tune`, with checkpoints after each epoch, the durable study, and the tracking; it
  is told to stop when its trials are done, before the cross-validation of the best.

No trial is pruned, so that both train the same number of epochs. With `--dry-run` the estimate of
`algr tune --dry-run` is printed first, with its ratio to the search that follows.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import optuna
import torch
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.study import MaxTrialsCallback

from algr.config import Config, DataHome, load_search_space, resolve_config, with_values
from algr.data import PreparedDataset, plan_folds
from algr.engine import FoldsRun, mean_defined, pick_device
from algr.metrics import headline
from algr.tune import read_records, suggest

STUDY = "against-loop"
"""A study of that name must not exist yet."""
_POLL_S = 0.2
_ENDED = ("COMPLETE", "PRUNED", "FAIL")


def train_in_loop(journal: str, directory: str, config: Config, trials: int) -> None:
    """One process of the plain loop."""
    torch.set_num_threads(config.train.threads_per_fold)
    dataset = PreparedDataset.open(Path(directory))
    plan = plan_folds(dataset, cv=config.cv, seed=config.seed)
    space = load_search_space(None, dataset=dataset.name, kind=dataset.kind, config=config)

    def objective(trial: optuna.Trial) -> float:
        run = FoldsRun(
            config=with_values(config, suggest(trial, space)),
            dataset=dataset,
            plan=plan,
            folds=[fold.index for fold in plan.folds],
            device=pick_device(),
            identity="",
        )
        values = []
        while not run.is_finished:
            epoch = run.step()
            values.append(mean_defined([one.validation[headline(plan.kind)] for one in epoch]))
        return max(values)

    study = optuna.load_study(
        study_name="loop", storage=JournalStorage(JournalFileBackend(journal))
    )
    study.optimize(objective, callbacks=[MaxTrialsCallback(trials, states=None)])


def time_loop(
    folder: Path, directory: Path, config: Config, *, trials: int, processes: int
) -> float:
    """Seconds of the plain loop."""
    began = time.perf_counter()
    journal = str(folder / "loop.journal")
    storage = JournalStorage(JournalFileBackend(journal))
    optuna.create_study(study_name="loop", storage=storage, direction="maximize")
    context = get_context("spawn")
    workers = [
        context.Process(target=train_in_loop, args=(journal, str(directory), config, trials))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not any(worker.exitcode for worker in workers), "the loop failed"
    return time.perf_counter() - began


def time_search(command: Sequence[str], study: Path, *, trials: int) -> float:
    """Seconds until `algr tune` has ended its last trial."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tune:
        while count_ended(study) < trials:
            if tune.poll() is not None:
                sys.exit(f"the search ended early: {' '.join(command)}")
            time.sleep(_POLL_S)
        seconds = time.perf_counter() - began
        tune.send_signal(signal.SIGINT)
    return seconds


def count_ended(study: Path) -> int:
    """Trials that are over; 0 before there is a study."""
    if not (study / "study.json").exists():
        return 0
    return sum(record.state in _ENDED for record in read_records(study))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data-home", type=Path)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    home = DataHome.locate(options.data_home)
    sets = (f"train.num_epochs={options.epochs}", "tune.pruner=none")
    config = resolve_config(preset="tiny", sets=sets).config
    tune = algr_tune(options, sets)
    estimated_s = estimate(tune) if options.dry_run else None
    with tempfile.TemporaryDirectory() as folder:
        loop_s = time_loop(
            Path(folder),
            home.dataset(options.dataset),
            config,
            trials=options.trials,
            processes=options.processes,
        )
    search_s = time_search(tune, home.study(STUDY), trials=options.trials)
    print(
        f"{options.trials} trials x {config.cv.num_folds} folds x {options.epochs} epochs, "
        f"{options.processes} at once, load {os.getloadavg()[0]:.1f}"
    )
    print(f"plain loop   {loop_s:7.1f} s")
    print(f"algr tune    {search_s:7.1f} s   {search_s / loop_s:.3f} x the loop")
    if estimated_s is not None:
        print(f"dry run said {estimated_s:7.1f} s   the search took {search_s / estimated_s:.2f} x")


def algr_tune(options: argparse.Namespace, sets: Sequence[str]) -> list[str]:
    """The command as a user types it."""
    words = [sys.executable, "-m", "algr", "tune", "--dataset", options.dataset]
    words += ["--preset", "tiny", "--name", STUDY, "--trials", str(options.trials)]
    words += ["--max-concurrent", str(options.processes)]
    words += [] if options.data_home is None else ["--data-home", str(options.data_home)]
    return words + [word for one in sets for word in ("--set", one)]


def estimate(tune: Sequence[str]) -> float:
    """Seconds that the dry run expects of the search, without what follows it."""
    run = subprocess.run([*tune, "--dry-run", "--json"], capture_output=True, text=True, check=True)
    return 3600 * float(json.loads(run.stdout)["hours_unpruned"])


if __name__ == "__main__":
    main()
