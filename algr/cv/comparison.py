"""One cross-validation against another, paired by subjects.

Shape suffixes: S = subjects, R = draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algr.cv.statistics import figures_of
from algr.cv.table import figure_unit, lower_is_better, main_metrics, short_metrics
from algr.data import FoldPlan
from algr.errors import StudyError
from algr.metrics import (
    DRAWS,
    Evidence,
    Interval,
    can_resample,
    draw_weights,
    headline,
    holm,
    percentile_interval,
    resample,
    two_sided_p,
)


@dataclass(frozen=True)
class ComparedRun:
    """A finished cross-validation and what its test frames say."""

    name: str
    plan: FoldPlan
    evidence: Evidence
    made_by: Mapping[str, str] = field(default_factory=dict)
    """What besides settings its numbers depend on, as far as known: replicas, versions, …"""


@dataclass(frozen=True)
class Difference:
    """One figure of a run minus the same figure of the run it is compared with."""

    metric: str
    base: float | None
    other: float | None
    value: float | None
    interval: Interval | None
    per_fold: tuple[float | None, ...]
    """Empty where the folds are not the same."""
    p: float | None
    """From the draws; two-sided."""
    adjusted_p: float | None
    """Holm's, over the runs that are compared at once."""

    @property
    def verdict(self) -> str | None:
        """`better`, `worse` or `noise`; None without interval, or for a figure of the data alone.

        Among several runs the adjusted p decides, else the interval.
        """
        figure = figure_of(self.metric)
        if self.interval is None or self.value is None or figure.startswith(_OF_THE_DATA):
            return None
        is_sure = self.interval.low > 0 or self.interval.high < 0
        if not is_sure or (self.adjusted_p != self.p and (self.adjusted_p or 0) > 0.05):
            return "noise"
        return "better" if (self.value < 0) == lower_is_better(figure) else "worse"

    def to_dict(self) -> dict[str, Any]:
        """What `algr compare --json` prints."""
        return {
            "base": self.base,
            "other": self.other,
            "difference": self.value,
            "interval": None if self.interval is None else self.interval.to_list(),
            "by_fold": list(self.per_fold),
            "p": self.p,
            "p_holm": self.adjusted_p,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Comparison:
    """A run against the first one."""

    base: str
    other: str
    of: str
    """`mean` over folds, or `pooled` where the folds differ or one tests one subject."""
    headline: str
    label_names: tuple[str, ...]
    differences: dict[str, Difference]
    shown: tuple[str, ...]
    """Names of those that are read first."""
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """What `algr compare --json` prints."""
        return {
            "base": self.base,
            "other": self.other,
            "of": self.of,
            "metric": self.headline,
            "sentence": self.sentence(self.headline),
            "notes": list(self.notes),
            "metrics": {name: item.to_dict() for name, item in self.differences.items()},
        }

    def only(self, metric: str) -> Self:
        """The comparison of a single figure."""
        kept = {metric: self.differences[metric]}
        return replace(self, headline=metric, shown=(metric,), differences=kept)

    def sentence(self, metric: str) -> str:
        """What the difference in a figure amounts to."""
        found = self.differences[metric]
        if found.value is None:
            return f"{metric} is undefined in one of the runs"
        scale, digits, unit = _SCALES[figure_unit(figure_of(metric))]
        value = scale * found.value
        if found.interval is None:
            return f"{self.other} differs by {value:+.{digits}f}{unit}; there is no interval"
        low, high = scale * found.interval.low, scale * found.interval.high
        if found.verdict in ("better", "worse"):
            low, high = sorted((abs(low), abs(high)))
            words = f"{self.other} is {found.verdict} by {abs(value):.{digits}f}{unit}"
        else:
            words = f"{value:+.{digits}f}{unit}"
            words = f"within noise: {words}" if found.verdict == "noise" else words
        words += f" ({low:.{digits}f} to {high:.{digits}f})"
        if found.adjusted_p is not None and found.adjusted_p != found.p:
            words += f", Holm-adjusted p {found.adjusted_p:.3f}"
        return words


_SCALES = {
    "share": (100, 1, " points"),
    "%": (1, 2, " % of the inter-ocular distance"),
    "classes": (1, 2, " grades"),
    "": (1, 3, ""),
}
"""Factor, digits and words of a difference, by the unit of its figure."""
_OF_THE_DATA = ("prevalence",)
"""Figures that no model changes."""


def figure_of(metric: str) -> str:
    """The name of a figure without its section."""
    return metric.rpartition("/")[2]


def compare_runs(
    base: ComparedRun, others: Sequence[ComparedRun], *, draws: int = DRAWS
) -> tuple[Comparison, ...]:
    """Each run against the first, figure by figure.

    The same subjects are drawn for both, so that what is hard about a face is hard for both. Where
    the folds test the same subjects, several in each, figures are means over folds and subjects are
    drawn within folds; else they are pooled ones and subjects are drawn among all.

    Raises:
        StudyError: Two of the runs cannot be compared; says why.
    """
    for other in others:
        _check_comparable(base, other)
    found = [_differences(base, other, draws=draws) for other in others]
    shared = set.intersection(*(set(differences) for differences in found))
    adjusted = {metric: holm([differences[metric].p for differences in found]) for metric in shared}
    main = headline(base.evidence.kind)
    return tuple(
        Comparison(
            base=base.name,
            other=other.name,
            of="mean" if _by_means(base, other) else "pooled",
            headline=main,
            label_names=base.evidence.label_names,
            differences={
                metric: replace(difference, adjusted_p=adjusted[metric][index])
                for metric, difference in differences.items()
                if metric in shared
            },
            shown=_shown(base.evidence),
            notes=_notes(base, other),
        )
        for index, (other, differences) in enumerate(zip(others, found, strict=True))
    )


def _check_comparable(base: ComparedRun, other: ComparedRun) -> None:
    names = f"{base.name} and {other.name}"
    if base.plan.fingerprint != other.plan.fingerprint:
        raise StudyError(
            f"{names} are about different data: fingerprints {base.plan.fingerprint[:12]} and "
            f"{other.plan.fingerprint[:12]}",
            expected="two cross-validations of one dataset",
            advice="cross-validate both on the same dataset",
        )
    if _same_folds(base, other):
        return
    untested = [
        f"{run.name} tests {len(tested)} of {len(subjects)} subjects"
        for run in (base, other)
        for tested, subjects in [(set(run.evidence.subjects), _subjects(run.plan))]
        if tested != subjects
    ]
    if untested:
        raise StudyError(
            f"{names} have different folds, and not every subject is tested in both",
            problems=untested,
            expected="the same test subjects in every fold, or every subject tested in both",
            advice="cross-validate both with the same seed and cv.num_folds",
        )


def _same_folds(base: ComparedRun, other: ComparedRun) -> bool:
    return [fold.test for fold in base.plan.folds] == [fold.test for fold in other.plan.folds]


def _by_means(base: ComparedRun, other: ComparedRun) -> bool:
    """Whether means over folds can be compared, and subjects drawn within folds."""
    return _same_folds(base, other) and can_resample(base.evidence.fold_S)


def _subjects(plan: FoldPlan) -> set[str]:
    return {digest for fold in plan.folds for digest in (*fold.train, *fold.validation, *fold.test)}


def _shown(evidence: Evidence) -> tuple[str, ...]:
    sections = (
        f"{section}/{metric}" for section in evidence.sections for metric in short_metrics(section)
    )
    return (*main_metrics(evidence.kind, evidence.label_names), *sections)


def _notes(base: ComparedRun, other: ComparedRun) -> tuple[str, ...]:
    notes = []
    if not _same_folds(base, other):
        notes.append(
            "the folds differ: pooled figures, subjects drawn among all; networks were trained on "
            "different subjects"
        )
    elif not _by_means(base, other):
        notes.append("a fold tests one subject: pooled figures, subjects drawn among all")
    if base.plan.protocol != other.plan.protocol:
        notes.append(
            f"protocols differ: {base.plan.protocol} and {other.plan.protocol}; `paper` chooses "
            "the epoch on the test subjects and is optimistic"
        )
    made = [
        f"{name} {value} and {other.made_by[name]}"
        for name, value in base.made_by.items()
        if other.made_by.get(name, value) != value
    ]
    if made:
        notes.append(
            f"made in different ways, which alone moves figures a little: {'; '.join(made)}"
        )
    return tuple(notes)


def _differences(base: ComparedRun, other: ComparedRun, *, draws: int) -> dict[str, Difference]:
    assert base.evidence.subjects == other.evidence.subjects
    same_folds, by_means = _same_folds(base, other), _by_means(base, other)
    stratum_S = base.evidence.fold_S if by_means else np.zeros_like(base.evidence.fold_S)
    ours, theirs = figures_of(other.evidence), figures_of(base.evidence)
    drawn: Mapping[str, NDArray[np.float64]] = {}
    if can_resample(stratum_S):
        weight_RS = draw_weights(base.evidence.subjects, stratum_S, draws=draws)
        one, two = (
            resample(run.evidence, weight_RS).mean if by_means else run.evidence.figures(weight_RS)
            for run in (base, other)
        )
        drawn = {name: two[name] - one[name] for name in one if name in two}
    found = {}
    for name in theirs.pooled:
        if name not in ours.pooled:
            continue
        pair = (theirs.mean, ours.mean) if by_means else (theirs.pooled, ours.pooled)
        per_fold = [
            _minus(new[name], old[name])
            for new, old in zip(ours.by_fold, theirs.by_fold, strict=False)
        ]
        found[name] = _difference(
            name,
            base=pair[0][name],
            other=pair[1][name],
            per_fold=tuple(per_fold) if same_folds else (),
            drawn_R=drawn.get(name),
        )
    return found


def _difference(
    metric: str,
    *,
    base: float | None,
    other: float | None,
    per_fold: tuple[float | None, ...],
    drawn_R: NDArray[np.float64] | None,
) -> Difference:
    value = _minus(other, base)
    can_tell = drawn_R is not None and value is not None
    p = two_sided_p(drawn_R) if can_tell and drawn_R is not None else None
    return Difference(
        metric=metric,
        base=base,
        other=other,
        value=value,
        interval=percentile_interval(drawn_R) if can_tell and drawn_R is not None else None,
        per_fold=per_fold,
        p=p,
        adjusted_p=p,
    )


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
