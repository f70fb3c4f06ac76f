"""What a search would cost, as text."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from algr.compose import NestedEstimate, SearchEstimate


def print_estimate(estimate: "SearchEstimate") -> None:
    """The estimate on standard output, its assumption and remarks with it."""
    whole = estimate.trials * estimate.folds * estimate.epochs
    lines = [
        f"study {estimate.study} on {estimate.dataset}, measured on one {estimate.device}",
        f"{estimate.trials} trials x {estimate.folds} folds x {estimate.epochs} epochs = "
        f"{whole} fold epochs at most",
        *_skipped(estimate),
        "",
        *_points(estimate),
        "",
        *_cost(estimate, afterwards="afterwards (cross-validation, refit, export): at most"),
    ]
    typer.echo("\n".join(lines))


def print_nested_estimate(nested: "NestedEstimate") -> None:
    """All outer folds together, then each of them."""
    whole, searches = nested.whole, nested.searches
    inner = sum(one.trials * one.folds for one in searches) * whole.epochs
    final = len(searches) * whole.epochs
    lines = [
        f"nested search {whole.study} on {whole.dataset}, measured on one {whole.device}",
        f"{len(searches)} outer folds x ({searches[0].trials} trials x {whole.folds} inner folds + "
        f"1 final training) x {whole.epochs} epochs = {inner + final} fold epochs at most",
        *_skipped(whole),
        "",
        *_points(whole),
        "",
    ]
    for fold, one in enumerate(searches):
        done = sum(one.ended.values())
        lines.append(
            f"outer fold {fold} ({one.study}): {done} of {one.trials} trials done; search "
            f"{_time(3600 * one.hours_unpruned)}, with {one.pruner} "
            f"{_time(3600 * one.hours_pruned)}; final training {_time(3600 * one.finish_hours)}"
        )
    lines += ["", *_cost(whole, afterwards="final trainings of all outer folds: at most")]
    typer.echo("\n".join(lines))


def _skipped(estimate: "SearchEstimate") -> list[str]:
    if not estimate.ended and not estimate.half_done:
        return []
    skipped = ", ".join(f"{count} {state.lower()}" for state, count in estimate.ended.items())
    return [
        f"skipped on --resume: {skipped or 'nothing'}",
        *(f"  {line}" for line in estimate.half_done),
    ]


def _points(estimate: "SearchEstimate") -> list[str]:
    lines = []
    for point in estimate.points:
        name = ", ".join(f"{key}={value}" for key, value in point.point.items())
        text = (
            f"cannot be trained: {point.failure}"
            if point.failure
            else f"{_time(point.epoch_s)} an epoch of all folds, {_time(point.trial_s)} a trial, "
            f"{_size(point.memory_bytes)} of memory, checkpoint {_size(point.checkpoint_bytes)}"
        )
        lines.append(f"{name or 'this configuration'}: {text}")
    return lines


def _cost(estimate: "SearchEstimate", *, afterwards: str) -> list[str]:
    from algr.data.words import counted
    from algr.tune import ASSUMPTION

    gpus = f", {estimate.gpus_per_trial:g} GPUs each" if estimate.gpus_per_trial else ""
    return [
        f"without pruning: {_time(3600 * estimate.hours_unpruned)}"
        f"{_gpu(estimate.gpu_hours_unpruned)}",
        f"with {estimate.pruner}: {_time(3600 * estimate.hours_pruned)}"
        f"{_gpu(estimate.gpu_hours_pruned)}, about {estimate.expected_epochs:.1f} epochs a trial",
        f"  assumed: {ASSUMPTION}; real searches train somewhat more",
        f"{afterwards} {_time(3600 * estimate.finish_hours)}",
        *_limit(estimate),
        f"at once: {counted(estimate.at_once, 'trial')} of "
        f"{counted(estimate.workers_per_trial, 'worker')}{gpus}; by memory "
        f"{estimate.fits_one_device} would fit "
        + ("one GPU" if estimate.device == "GPU" else "this machine"),
        f"memory: {_size(estimate.memory_bytes)} a trial of {_size(estimate.memory_device)}",
        f"disk: {_size(estimate.disk_bytes)} of {_size(estimate.disk_free)} free",
        *(f"note: {remark}" for remark in estimate.remarks),
    ]


def _limit(estimate: "SearchEstimate") -> list[str]:
    limit = estimate.limit
    if limit is None:
        return []
    if not limit.by:
        return ["limits: with the pruner the search would be over before"]
    return [
        f"limits: {limit.by} would end the search after about {limit.trials} of {estimate.trials} "
        "trials, and nothing would follow it"
    ]


def _gpu(hours: float) -> str:
    return f", {hours:.2f} GPU-hours" if hours else ""


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
