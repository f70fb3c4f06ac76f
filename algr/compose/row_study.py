"""`algr ablate` and `algr compare-models`: named cross-validations on the same folds, as one study.

Each row is a run of its own, `NAME-ROW`, and continues as one; the study's folder holds what the
rows share, and the table.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from algr.compose.requests import (
    Material,
    TrainingRequest,
    check_settings,
    free_name,
    last_name,
    open_material,
    refuse_existing,
)
from algr.compose.row_study_file import (
    COMPARISON_FILE,
    refuse_other_study,
    study_tree,
    write_study,
)
from algr.compose.rows import (
    ComparedRow,
    PlannedRow,
    RowOutcome,
    RowTable,
    choose_rows,
    refuse_varied,
)
from algr.compose.rows_runner import ComparisonDisplay, RowsRunner, earlier_outcome
from algr.compose.start import StartListener, StartNotice, settle_start
from algr.compose.training import held_run
from algr.config import flatten, with_values
from algr.distributed import RayTrainExecutor, ray_session
from algr.errors import ConfigError
from algr.metrics import headline
from algr.tracking import RunHandle, Tracker, context_tags, run_key

if TYPE_CHECKING:
    from algr.reports import ComparisonReport


def compare_rows(
    request: TrainingRequest,
    comparison: RowTable,
    *,
    rows: Sequence[str] | None,
    display: ComparisonDisplay,
    on_start: StartListener,
) -> "ComparisonReport":
    """Cross-validate what is missing of the rows; put all that are finished into a table.

    A row that cannot be trained stands in the table as that; the others go on.

    Args:
        request: What the rows share.
        comparison: The rows that there are.
        rows: Names of those that are wanted; None for all.
        display: Shows how it goes.
        on_start: Told what the rows start from.

    Raises:
        AlgrError: Of the part that failed; what was finished is kept for `--resume`.
    """
    chosen = choose_rows(comparison, rows)
    refuse_varied(request.config, comparison)
    requests = {row.name: _for_row(request, row) for row in comparison.rows}
    material = open_material(request)
    name = _study_name(request, comparison)
    directory = request.home.run(name)
    refuse_existing(directory, resume=request.resume)
    planned, notice = plan_rows(chosen, comparison, requests, material, directory=directory)
    settled = planned[0].config.train.init_from
    shared = flatten(with_values(request.config, {"train.init_from": settled}))
    constant = {key: value for key, value in shared.items() if key not in comparison.varied}
    tree = study_tree(comparison, material.plan, constant)
    refuse_other_study(directory, tree)
    on_start(notice)
    home, plan = request.home, material.plan
    is_all_done = all(earlier_outcome(one, material=material, home=home) for one in planned)
    with (
        held_run(directory),
        nullcontext() if is_all_done else ray_session(address=request.address),
        Tracker.connect(home, dataset=material.info, uri=request.tracking_uri) as tracker,
    ):
        write_study(directory, tree)
        if notice.start is not None:
            notice.start.record(directory)
        study = tracker.start_run(
            "comparison",
            name=name,
            key=run_key(directory),
            tags=context_tags(
                protocol=plan.protocol,
                folds_hash=plan.folds_hash,
                seed=request.config.seed,
                study=name,
            )
            | {"algr.comparison": comparison.kind},
            params=constant,
        )
        with study:
            runner = RowsRunner(
                material=material,
                home=home,
                tracker=tracker,
                executor=RayTrainExecutor(workers=request.workers),
                display=display,
                study=study,
                has_session=not is_all_done,
            )
            outcomes = runner.run(planned)
            others = [
                earlier_outcome(one, material=material, home=home)
                for one in _others(planned, comparison, requests, name=name)
            ]
            known = [outcome for outcome in (*outcomes, *others) if outcome is not None]
            report = _report(
                _in_order(known, comparison), comparison, material, request, name=name, study=study
            )
            _publish(report, comparison, directory, study=study)
        return report


def _for_row(request: TrainingRequest, row: ComparedRow) -> TrainingRequest:
    config = with_values(request.config, row.values)
    check_settings(config, workers=request.workers)
    return replace(request, config=config)


def _study_name(request: TrainingRequest, comparison: RowTable) -> str:
    if request.name is not None:
        return request.name
    stem = f"{request.dataset}-{comparison.kind}"
    runs = request.home.runs
    last = last_name(runs, stem, marker=COMPARISON_FILE) if request.resume else None
    return last or free_name(runs, stem)


def plan_rows(
    rows: Sequence[ComparedRow],
    comparison: RowTable,
    requests: Mapping[str, TrainingRequest],
    material: Material,
    *,
    directory: Path,
) -> tuple[tuple[PlannedRow, ...], StartNotice]:
    """Settle for each row what it starts from; the notice is the reference's, else the last row's.

    Raises:
        ConfigError: The weights do not fit a row.
    """
    planned, notices = [], {}
    for row in rows:
        try:
            request, notice = settle_start(
                requests[row.name], material, directory=directory, refits=False
            )
        except ConfigError as error:
            raise ConfigError(
                f"row {row.name}: {error.found}",
                problems=error.problems,
                expected=error.expected,
                advice=f"{error.advice}; or leave the row out with --rows".removeprefix("; "),
            ) from error
        run = f"{directory.name}-{row.name}"
        planned.append(PlannedRow(row=row, run=run, config=request.config, start=notice.start))
        notices[row.name] = notice
    return tuple(planned), notices.get(comparison.reference, notices[rows[-1].name])


def _others(
    planned: Sequence[PlannedRow],
    comparison: RowTable,
    requests: Mapping[str, TrainingRequest],
    *,
    name: str,
) -> tuple[PlannedRow, ...]:
    """The rows that were not asked for now; earlier commands may have finished some."""
    init_from = planned[0].config.train.init_from
    chosen = {one.row.name for one in planned}
    return tuple(
        PlannedRow(
            row=row,
            run=f"{name}-{row.name}",
            config=with_values(requests[row.name].config, {"train.init_from": init_from}),
            start=None,
        )
        for row in comparison.rows
        if row.name not in chosen
    )


def _in_order(outcomes: Sequence[RowOutcome], comparison: RowTable) -> list[RowOutcome]:
    places = [row.name for row in comparison.rows]
    return sorted(outcomes, key=lambda outcome: places.index(outcome.row.name))


def _report(
    outcomes: Sequence[RowOutcome],
    comparison: RowTable,
    material: Material,
    request: TrainingRequest,
    *,
    name: str,
    study: RunHandle,
) -> "ComparisonReport":
    from algr.reports import ComparisonReport, ReportedRow

    dataset, plan = material.dataset, material.plan
    return ComparisonReport(
        name=name,
        run_id=study.run_id or "",
        comparison=comparison.kind,
        dataset=dataset.name,
        kind=dataset.kind,
        label_names=dataset.label_names,
        simulated=dataset.simulated,
        protocol=plan.protocol,
        fingerprint=plan.fingerprint,
        folds_hash=plan.folds_hash,
        reference=comparison.reference,
        config=request.config,
        rows=tuple(
            ReportedRow(
                name=outcome.row.name,
                title=outcome.row.title,
                run=outcome.run,
                finished=outcome.finished,
                failure=outcome.failure,
            )
            for outcome in outcomes
        ),
    )


def _publish(
    report: "ComparisonReport", comparison: RowTable, directory: Path, *, study: RunHandle
) -> None:
    """Write the table's files, and put them and the rows' scores on the study's run."""
    from algr.reports import write_report

    for path in write_report(report, directory):
        study.log_artifact(path)
    metric = headline(report.kind)
    places = {row.name: place for place, row in enumerate(comparison.rows)}
    for row in report.rows:
        if row.finished is not None:
            mean = row.finished.result.mean[metric]
            study.log_metrics({f"cv/{metric}_by_row": mean}, step=places[row.name])
    study.set_tags({"algr.failed_rows": ",".join(row.name for row in report.failed)})
