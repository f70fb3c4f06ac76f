"""`algr cv --repeats`: the same cross-validation on folds drawn anew."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algr.compose.requests import (
    EpochDisplayFactory,
    Material,
    TrainingRequest,
    drawn_anew,
    goes_on_as,
    open_material,
    refuse_existing,
)
from algr.compose.start import StartInUse, StartListener, refuse_leaks, settle_start
from algr.compose.training import CrossValidated, held_run, log_files, run_folds, run_name
from algr.config import flatten, with_values
from algr.cv import FoldsExecutor, Repeats, summarise_repeats, write_repeats_files
from algr.distributed import RayTrainExecutor, ray_session
from algr.engine import read_start
from algr.metrics import headline
from algr.tracking import Tracker, context_tags, run_key

RepeatListener = Callable[[int, CrossValidated], None]
"""Told each finished repeat with its number, from 0."""


@dataclass(frozen=True)
class RepeatedCrossValidation:
    """Finished cross-validations on folds drawn anew, and the figures over them."""

    run_id: str
    name: str
    repeats: tuple[CrossValidated, ...]
    """The first has the folds that `algr cv` without repeats has, and its numbers."""
    over_repeats: Repeats

    def to_dict(self) -> dict[str, Any]:
        """What `algr cv --repeats --json` prints: the first repeat's entries, and those of all."""
        return {
            **self.repeats[0].to_dict(),
            "run_id": self.run_id,
            "name": self.name,
            "repeats": [repeat.to_dict() for repeat in self.repeats],
            "over_repeats": self.over_repeats.to_dict(),
        }


def cross_validate_repeatedly(
    request: TrainingRequest,
    *,
    display: EpochDisplayFactory,
    on_start: StartListener,
    on_repeat: RepeatListener,
) -> RepeatedCrossValidation:
    """Cross-validate one configuration `cv.repeats` times, each on folds drawn anew.

    Only the folds differ: weights and batches are drawn from the same seeds, so that what differs
    between the repeats comes of who is tested and who is trained on.

    Raises:
        AlgrError: Of the part that failed; what was finished is kept for `--resume`.
    """
    material = open_material(request)
    materials = drawn_anew(material, request.config)
    name = run_name(request, kind="cv")
    directory = request.home.run(name)
    refuse_existing(directory, resume=request.resume)
    request, notice = settle_start(request, material, directory=directory, refits=False)
    if notice.start is not None:
        file = read_start(notice.start.path)
        for drawn in materials[1:]:
            refuse_leaks(file, drawn.plan)
    on_start(notice)
    with (
        ray_session(address=request.address),
        Tracker.connect(request.home, dataset=material.info, uri=request.tracking_uri) as tracker,
        goes_on_as(name),
        held_run(directory),
    ):
        return run_repeats(
            materials,
            request=request,
            directory=directory,
            tracker=tracker,
            executor=RayTrainExecutor(workers=request.workers),
            display=display,
            start=notice.start,
            on_repeat=on_repeat,
        )


def run_repeats(
    materials: tuple[Material, ...],
    *,
    request: TrainingRequest,
    directory: Path,
    tracker: Tracker,
    executor: FoldsExecutor,
    display: EpochDisplayFactory,
    start: StartInUse | None,
    on_repeat: RepeatListener,
) -> RepeatedCrossValidation:
    """Run what is missing of the repeats; each is a cross-validation in a folder of its own.

    Raises:
        StudyError: The folder belongs to other settings.
    """
    config, first = request.config, materials[0]
    names = tuple(f"{directory.name}-repeat-{repeat}" for repeat in range(len(materials)))
    plans = {name: material.plan for name, material in zip(names, materials, strict=True)}
    write_repeats_files(directory, config=config, plans=plans)
    if start is not None:
        start.record(directory)
    tags = context_tags(
        protocol=first.plan.protocol, folds_hash=first.plan.folds_hash, seed=config.seed
    )
    with tracker.start_run(
        "repeats",
        name=directory.name,
        key=run_key(directory),
        tags=tags | (start.tags if start else {}),
        params=flatten(with_values(config, {"cv.repeats": 1})),
    ) as run:
        log_files(run, directory)
        finished = []
        for repeat, (name, material) in enumerate(zip(names, materials, strict=True)):
            validated = run_folds(
                material,
                config=with_values(config, {"cv.repeats": 1}),
                home=request.home,
                name=name,
                tracker=tracker,
                executor=executor,
                display=display,
                start=start,
                parent=run,
                tags={"algr.repeat": str(repeat)},
            )
            metric = headline(first.dataset.kind)
            by_repeat = {f"repeats/{metric}_by_repeat": validated.result.mean[metric]}
            run.log_metrics(by_repeat, step=repeat)
            on_repeat(repeat, validated)
            finished.append(validated)
        summary = summarise_repeats([validated.result for validated in finished])
        figures = {f"repeats/{key}_mean": value for key, value in summary.mean.items()}
        figures |= {f"repeats/{key}_sd": value for key, value in summary.sd_between.items()}
        run.log_metrics(figures, step=0)
        return RepeatedCrossValidation(run.run_id or "", directory.name, tuple(finished), summary)
