"""Repeated and nested cross-validation, with folds and trials trained in this process."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from algr.compose import (
    NestedResult,
    RepeatedCrossValidation,
    SearchOptions,
    TrainingRequest,
    resume_study,
)
from algr.compose.nested import NestedSearch, plan_nested_search, refuse_unsuited
from algr.compose.repeats import run_repeats
from algr.compose.requests import drawn_anew, open_material
from algr.compose.search import last_study
from algr.config import Config, DataHome, SearchSpace, with_values
from algr.cv import LocalExecutor, Numerics, job_identity, read_run_files
from algr.data import PreparedDataset
from algr.distributed import SearchJob, SearchListener, SearchOutcome
from algr.engine import FoldsRun, epoch_value
from algr.engine.batches import GatheredFrames, LoadedBatch, Rows
from algr.errors import Interrupted, StudyError, UsageError
from algr.tracking import DatasetInfo, Tracker
from algr.tune import Halt, Limits, StudyIdentity, open_study, read_header

MakeRequest = Callable[..., TrainingRequest]
CPU = torch.device("cpu")
SPACE = SearchSpace.model_validate(
    {
        "parameters": {
            "train.learning_rate": {"type": "float", "low": 0.001, "high": 0.1, "log": True},
            "train.optimizer": {"type": "categorical", "choices": ["sgd", "adamw"]},
        }
    }
)
POINT = {"train.learning_rate": 0.02, "train.optimizer": "sgd"}

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


class Silence:
    """A display that shows nothing."""

    def __init__(self, *_: object) -> None: ...

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


@contextmanager
def silent_search(**_: object) -> Iterator[Any]:
    yield Silence()


class SeenFrames(GatheredFrames):
    """Remembers which rows were looked at."""

    def __init__(self, dataset: PreparedDataset, seen: set[int]) -> None:
        super().__init__(dataset, device=CPU)
        self._seen = seen

    def load(self, rows_B: Rows) -> LoadedBatch:
        self._seen.update(rows_B.tolist())
        return super().load(rows_B)


class SharingExecutor(LocalExecutor):
    """Says that two replicas share each fold, and trains each alone."""

    def numerics(self, config: Config, folds: Sequence[int]) -> Numerics:
        return replace(super().numerics(config, folds), replicas=2)


class SearchHere:
    """Trains trials one after the other, in this process."""

    def __init__(
        self, dataset: PreparedDataset, halt: Halt | None = None, gpu_hours: float = 0.0
    ) -> None:
        self.dataset = dataset
        self.halt = halt
        self.gpu_hours = gpu_hours
        """That each search says it used."""
        self.limits: list[Limits] = []
        self.seen: dict[str, set[int]] = {}
        """Rows by study."""

    def __call__(self, job: SearchJob, *, listener: SearchListener) -> SearchOutcome:
        self.limits.append(job.limits)
        seen = self.seen.setdefault(job.study_directory.name, set())
        with open_study(
            job.study_directory,
            identity=job.identity,
            dataset=job.plan.dataset,
            trials=job.trials,
            resume=job.resume,
        ) as store:
            listener.on_begin()
            while (trial := store.take()) is not None:
                config = with_values(job.config, trial.params)
                listener.on_trial_start(trial.number, trial.params)
                run = FoldsRun(
                    config=config,
                    dataset=self.dataset,
                    plan=job.plan,
                    folds=[fold.index for fold in job.plan.folds],
                    device=CPU,
                    identity="",
                    frames=SeenFrames(self.dataset, seen),
                )
                while not run.is_finished:
                    epochs = run.step()
                    value = epoch_value(epochs, job.plan.kind)
                    store.report(trial.number, epoch=epochs[0].epoch, value=value)
                    listener.on_epoch(trial.number, epochs[0].epoch, value, epochs)
                listener.on_trial_end(store.complete(trial.number, seconds=1.0))
            best = store.best()
            assert best is not None
            return SearchOutcome(store.records(), best, self.halt, gpu_hours=self.gpu_hours)


@pytest.fixture(scope="module")
def tracker(home: DataHome) -> Iterator[Tracker]:
    info = DatasetInfo(
        name="before",
        kind="au",
        fingerprint="f" * 64,
        simulated=True,
        num_subjects=6,
        num_frames=18,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with Tracker.connect(home, dataset=info) as opened:
            yield opened


@pytest.fixture
def repeat(
    make_request: MakeRequest, home: DataHome, tracker: Tracker
) -> Callable[..., RepeatedCrossValidation]:
    def run(
        name: str, *, repeats: int, on_repeat: Callable[..., None] = lambda *_: None
    ) -> RepeatedCrossValidation:
        request = make_request("before", None, cv__repeats=repeats)
        return run_repeats(
            drawn_anew(open_material(request), request.config),
            request=request,
            directory=home.run(name),
            tracker=tracker,
            executor=LocalExecutor(device=CPU),
            display=Silence,
            start=None,
            on_repeat=on_repeat,
        )

    return run


@pytest.fixture
def nest(
    make_request: MakeRequest, home: DataHome, tracker: Tracker
) -> Callable[..., tuple[NestedResult, SearchHere]]:
    def run(
        name: str,
        *,
        resume: bool = False,
        halt: Halt | None = None,
        limits: Limits | None = None,
        gpu_hours: float = 0.0,
        executor: type[LocalExecutor] = LocalExecutor,
    ) -> tuple[NestedResult, SearchHere]:
        request = make_request("before", None, resume=resume, cv__protocol="nested")
        options = SearchOptions(trials=2, space=SPACE, limits=limits or Limits())
        planned = plan_nested_search(replace(request, name=name), options)
        runner = SearchHere(planned.material.dataset, halt, gpu_hours)
        search = NestedSearch(
            planned=planned, search_display=silent_search, epoch_display=Silence, runner=runner
        )
        return search.run(tracker, executor(device=CPU)), runner

    return run


def runs_below(tracker: Tracker, name: str) -> Counter[tuple[str, str]]:
    """Kind and state of every run under the one of that name, at any depth."""
    tracker.flush()
    found = tracker.store.client().search_runs([tracker.experiment_id], max_results=1000)
    tags = {run.info.run_id: run.data.tags for run in found}

    def belongs(run_id: str) -> bool:
        parent = tags[run_id].get("mlflow.parentRunId")
        return tags[run_id]["mlflow.runName"] == name or (parent in tags and belongs(parent))

    return Counter(
        (tags[one]["algr.kind"], tags[one]["algr.state"]) for one in tags if belongs(one)
    )


def test_the_first_repeat_is_the_cross_validation_without_repeats(
    repeat: Callable[..., RepeatedCrossValidation], home: DataHome, tracker: Tracker
) -> None:
    told: list[int] = []

    found = repeat("r", repeats=2, on_repeat=lambda number, _: told.append(number))

    tables = [
        pq.read_table(home.run(one) / "predictions.parquet") for one in ("base", "r-repeat-0")
    ]
    assert tables[0].equals(tables[1])
    assert told == [0, 1]
    tree = found.to_dict()
    assert [one["name"] for one in tree["repeats"]] == ["r-repeat-0", "r-repeat-1"]
    assert (tree["name"], tree["folds_hash"]) == ("r", tree["repeats"][0]["folds_hash"])
    assert len({one["folds_hash"] for one in tree["repeats"]}) == 2
    means = [one["mean"]["f1_mean"] for one in tree["repeats"]]
    assert tree["over_repeats"]["mean"]["f1_mean"] == pytest.approx(np.mean(means))
    assert tree["over_repeats"]["sd_between"]["f1_mean"] == pytest.approx(np.std(means, ddof=1))
    assert runs_below(tracker, "r") == {
        ("repeats", "FINISHED"): 1,
        ("cv", "FINISHED"): 2,
        ("fold", "FINISHED"): 6,
    }
    assert {file.name for file in home.run("r").iterdir()} == {
        "config.json",
        "environment.json",
        "repeats.json",
        "run.key",
    }


def test_repeats_go_on_after_an_interruption_and_more_can_be_added(
    repeat: Callable[..., RepeatedCrossValidation], home: DataHome
) -> None:
    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repeat("s", repeats=2, on_repeat=stop)
    assert not home.run("s-repeat-1").exists()
    found = repeat("s", repeats=3)

    tables = [
        pq.read_table(home.run(one) / "predictions.parquet") for one in ("base", "s-repeat-0")
    ]
    assert tables[0].equals(tables[1])
    assert found.over_repeats.count == 3


def test_a_run_of_a_version_that_lacked_a_key_goes_on_at_its_own_checkpoint(
    repeat: Callable[..., RepeatedCrossValidation], home: DataHome
) -> None:
    repeat("old", repeats=1)
    directory = home.run("old-repeat-0")
    checkpoint = directory / "checkpoint.pt"
    settings = json.loads((directory / "config.json").read_text())
    del settings["train.recompute"]
    config, plan = read_run_files(directory)
    earlier = job_identity(config, plan, (0, 1, 2), since=("train.recompute",))
    tree = torch.load(checkpoint, weights_only=True) | {"identity": earlier}
    torch.save(tree, checkpoint)
    (directory / "config.json").write_text(json.dumps(settings))
    trained = directory.joinpath("predictions.parquet").stat().st_mtime_ns

    found = repeat("old", repeats=1)

    assert found.repeats[0].predictions.stat().st_mtime_ns > trained
    assert torch.load(checkpoint, weights_only=True)["identity"] == earlier


def test_a_single_run_does_not_go_on_as_repeats(
    repeat: Callable[..., RepeatedCrossValidation],
) -> None:
    with pytest.raises(StudyError, match="base was started with other settings"):
        repeat("base", repeats=2)


def test_each_outer_fold_has_a_search_of_its_own_that_never_sees_whom_it_tests(
    nest: Callable[..., tuple[NestedResult, SearchHere]], home: DataHome, tracker: Tracker
) -> None:
    found, runner = nest("n")

    plan = json.loads((home.run("n") / "plan.json").read_text())
    studies = [f"n-outer-{fold}" for fold in range(3)]
    inner = [json.loads((home.study(study) / "plan.json").read_text()) for study in studies]
    rows_of = runner.dataset.indices_of
    seen = [runner.seen[study] for study in studies]
    assert seen == [set(rows_of(fold["train"]).tolist()) for fold in plan["folds"]]
    assert not [
        study
        for rows, fold, study in zip(seen, plan["folds"], studies, strict=True)
        if rows & set(rows_of([*fold["test"], *fold["validation"]]).tolist())
    ]
    assert len({tree["folds_hash"] for tree in inner}) == 3
    tree = found.to_dict()
    assert [fold["study"] for fold in tree["nested"]["folds"]] == studies
    assert [len(fold["trials"]) for fold in tree["nested"]["folds"]] == [2, 2, 2]
    assert sum(fold["test_subjects"] for fold in tree["nested"]["folds"]) == 6
    scores = [fold["metrics"]["f1_mean"] for fold in tree["nested"]["folds"]]
    assert tree["nested"]["mean"]["f1_mean"] == pytest.approx(np.mean(scores))
    assert tree["cv"]["protocol"] == plan["protocol"] == "nested"
    rates = [fold["best"]["params"]["train.learning_rate"] for fold in tree["nested"]["folds"]]
    spread = tree["nested"]["spread"]
    assert spread["train.learning_rate"] == {
        "values": rates,
        "low": min(rates),
        "high": max(rates),
    }
    assert spread["train.optimizer"]["low"] is None
    assert (tree["best"], tree["model_version"]) == (None, None)
    assert runs_below(tracker, "n") == {
        ("nested", "FINISHED"): 1,
        ("study", "FINISHED"): 3,
        ("trial", "COMPLETE"): 6,
        ("fold", "FINISHED"): 3,
    }


def test_a_nested_search_that_goes_on_repeats_no_trial_and_finds_the_same(
    nest: Callable[..., tuple[NestedResult, SearchHere]], home: DataHome
) -> None:
    first, _ = nest("m")

    again, runner = nest("m", resume=True)

    assert {study: len(rows) for study, rows in runner.seen.items()} == {
        f"m-outer-{fold}": 0 for fold in range(3)
    }
    assert again.to_dict() == first.to_dict()


def test_the_tests_of_outer_folds_go_on_with_as_many_replicas_as_they_were_begun_with(
    nest: Callable[..., tuple[NestedResult, SearchHere]], home: DataHome
) -> None:
    nest("shared-nested", executor=SharingExecutor)

    with pytest.raises(StudyError, match="shared-nested was started") as caught:
        nest("shared-nested", resume=True)
    nest("shared-nested", resume=True, executor=SharingExecutor)

    assert "replicas: 2 there, 1 now; go on with --workers 2" in str(caught.value.problems)
    (final, *_) = home.runs.glob("shared-nested/outer-0-best-*")
    config, plan = read_run_files(final)
    identity = torch.load(final / "checkpoint.pt", weights_only=True)["identity"]
    assert identity == job_identity(
        config, plan, (0,), numerics=Numerics(replicas=2, precision="fp32")
    )


def test_the_searches_of_outer_folds_are_nobodys_last_study(
    make_request: MakeRequest, home: DataHome
) -> None:
    request = make_request("after", None, cv__protocol="nested")
    plan = open_material(request, command="tune").plan
    identity = StudyIdentity(
        config=request.config,
        space=SPACE,
        folds_hash=plan.folds_hash,
        fingerprint=plan.fingerprint,
    )
    directory = home.study("o-outer-0")
    with open_study(directory, identity=identity, dataset="after", trials=1, resume=False):
        pass

    assert read_header(directory).dataset == "after"
    assert last_study(home.studies, dataset="after") is None


def test_every_run_says_by_which_versions_it_was_done(
    repeat: Callable[..., RepeatedCrossValidation], home: DataHome, tracker: Tracker
) -> None:
    found = repeat("v", repeats=1)

    (entry,) = json.loads((home.run("v-repeat-0") / "environment.json").read_text())
    tracker.flush()
    client = tracker.store.client()
    run_id = found.repeats[0].result.run_id
    tags = client.get_run(run_id).data.tags
    assert tags["algr.version"] == entry["algr"]
    libraries = entry.keys() - {"algr", "device"}
    assert {name: tags[f"algr.version.{name}"] for name in libraries} == {
        name: entry[name] for name in libraries
    }
    assert (tags["algr.device"], tags["algr.precision"], tags["algr.replicas"]) == (
        entry["device"],
        "fp32",
        "1",
    )
    assert {file.path for file in client.list_artifacts(run_id, "run")} == {
        "run/config.json",
        "run/environment.json",
        "run/numerics.json",
        "run/plan.json",
    }


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"objectives": ("val/f1_macro", "parameters")}, "--objective"),
        ({"warm_start": "earlier"}, "--warm-start"),
    ],
)
def test_options_of_one_search_are_refused_for_nested_ones(options: dict[str, Any], named: str):
    with pytest.raises(UsageError, match="nested") as caught:
        refuse_unsuited(SearchOptions(trials=2, **options))

    (problem,) = caught.value.problems
    assert problem.startswith(named)


def test_every_outer_fold_searches_what_was_asked_for(
    make_request: MakeRequest, home: DataHome, tmp_path: Path
) -> None:
    request = make_request("before", None, cv__protocol="nested")
    points = tmp_path / "points.yaml"
    points.write_text(f"- {dict(POINT)}")
    options = SearchOptions(
        trials=3, space=SPACE, objectives=("val/f1_au12",), points=points, max_concurrent=1
    )

    planned = plan_nested_search(replace(request, name="asked"), options)

    jobs = [planned.search_job(fold) for fold in planned.folds]
    assert [job.study_directory.name for job in jobs] == [f"asked-outer-{k}" for k in range(3)]
    assert {job.objectives[0].name for job in jobs} == {"val/f1_au12"}
    assert [dict(job.points[0]) for job in jobs] == [dict(POINT)] * 3
    assert {(job.trials, job.max_concurrent) for job in jobs} == {(3, 1)}


def test_limits_are_accepted_for_nested_searches():
    limits = Limits(ends_at=1.0, gpu_hours=2.0)

    refuse_unsuited(SearchOptions(trials=2, max_concurrent=1, limits=limits))


def test_gpu_hours_are_counted_over_all_outer_folds(
    nest: Callable[..., tuple[NestedResult, SearchHere]],
) -> None:
    _, runner = nest("counted", limits=Limits(gpu_hours=2.0), gpu_hours=0.5)

    assert [(one.gpu_hours, one.gpu_hours_before) for one in runner.limits] == [
        (2.0, 0.0),
        (2.0, 0.5),
        (2.0, 1.0),
    ]


def test_an_outer_fold_whose_search_was_told_to_end_is_not_tested(
    nest: Callable[..., tuple[NestedResult, SearchHere]], home: DataHome
) -> None:
    with pytest.raises(Interrupted, match="outer fold 0 ended by `algr stop`"):
        nest("halted", halt=Halt("stop", "`algr stop`"))

    assert not list(home.run("halted").glob("outer-*"))
    assert (home.study("halted-outer-0") / "plots").is_dir()


def test_the_study_of_an_outer_fold_goes_on_with_the_whole_alone(
    nest: Callable[..., tuple[NestedResult, SearchHere]], home: DataHome
) -> None:
    nest("whole")

    with pytest.raises(StudyError, match="one outer fold") as caught:
        resume_study(
            home,
            "whole-outer-1",
            options=SearchOptions(trials=None),
            workers=None,
            address=None,
            tracking_uri=None,
        )

    assert "--name whole" in caught.value.advice
