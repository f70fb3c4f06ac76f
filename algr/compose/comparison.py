"""`algr compare`: finished cross-validations of the data home against the first of them."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from algr.config import DataHome
from algr.config.loader import did_you_mean
from algr.cv import (
    PLAN_FILE,
    PREDICTIONS_FILE,
    ComparedRun,
    Comparison,
    compare_runs,
    numerics_of_run,
    read_predictions,
    read_run_files,
)
from algr.errors import StudyError, UsageError
from algr.metrics import gather_evidence
from algr.versions import MAKERS_OF_NUMBERS, recorded_versions


def compare_by_name(
    home: DataHome, names: Sequence[str], *, metric: str | None = None
) -> tuple[Comparison, ...]:
    """Each run against the first one.

    Args:
        home: Where the runs are.
        names: Of at least two different runs.
        metric: The only figure to compare, for instance `video/kappa_quadratic`.

    Raises:
        UsageError: Fewer than two runs, one named twice, or no such figure.
        StudyError: One is missing or not finished, or two cannot be compared.
    """
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError(
            f"runs to compare: {', '.join(names) or 'none'}",
            expected="the names of two or more different runs",
            advice="algr compare RUN_A RUN_B",
        )
    base, *others = (_open(home, name) for name in names)
    found = compare_runs(base, others)
    if metric is None:
        return found
    known = found[0].differences
    if metric not in known:
        near = get_close_matches(metric, known, n=3)
        raise UsageError(
            f"--metric {metric}: there is no such figure",
            expected="a figure of `algr cv --json`, those of a section as video/accuracy",
            advice=f"did you mean {' or '.join(near)}?" if near else "leave --metric out",
        )
    return tuple(comparison.only(metric) for comparison in found)


def _open(home: DataHome, name: str) -> ComparedRun:
    directory = home.run(name)
    if not (directory / PLAN_FILE).is_file():
        there = sorted(path.parent.name for path in home.runs.glob(f"*/{PREDICTIONS_FILE}"))
        parts = [one for one in there if one.startswith(f"{name}-")]
        if directory.is_dir() and parts:
            raise StudyError(
                f"run {name!r} is made of several cross-validations",
                expected=f"one of {', '.join(parts)}",
                advice=f"compare a part of it, such as {parts[0]}",
            )
        raise StudyError(
            f"there is no run {name!r} in {home.runs}{did_you_mean(name, there)}",
            expected=f"one of {', '.join(there)}" if there else "a finished `algr cv`",
            advice="cross-validate first: algr cv --dataset NAME --name RUN",
        )
    if not (directory / PREDICTIONS_FILE).is_file():
        raise StudyError(
            f"run {name!r} has no predictions: it is not finished, or is a refit on all subjects",
            expected="a finished cross-validation",
            advice=f"go on with it: algr cv --resume --name {name}",
        )
    _, plan = read_run_files(directory)
    evidence = gather_evidence(read_predictions(directory / PREDICTIONS_FILE))
    return ComparedRun(name, plan, evidence, made_by=_made_by(directory))


def _made_by(directory: Path) -> dict[str, str]:
    """Replicas, precision, device and versions, as far as the run's folder tells."""
    numerics = numerics_of_run(directory)
    made = {key: str(value) for key, value in numerics.to_dict().items()} if numerics else {}
    entries = recorded_versions(directory)
    for name in ("device", *MAKERS_OF_NUMBERS):
        known = dict.fromkeys(entry[name] for entry in entries if name in entry)
        if known:
            made[name] = " then ".join(known)
    return made
