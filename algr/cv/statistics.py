"""How far the figures of a cross-validation can be trusted, and figures of recordings and units.

Shape suffixes: S = subjects, R = draws, B = bins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from algr.engine import Scores, mean_defined
from algr.metrics import (
    DRAWS,
    NUM_BINS,
    DetectedUnits,
    Evidence,
    Interval,
    can_resample,
    draw_weights,
    headline,
    intervals,
    resample,
)
from algr.metrics.ratios import defined

Value = TypeVar("Value")
Intervals = dict[str, Interval | None]
"""By figure; None where there is none."""


@dataclass(frozen=True)
class Spread:
    """95 % intervals of the means over folds and of the pooled figures."""

    mean: Intervals
    """None for all where a fold tests one subject: alone it is the same in every draw."""
    pooled: Intervals

    def to_dict(self) -> dict[str, Any]:
        """`{"mean": {figure: [low, high]}, "pooled": …}`."""
        return {
            "mean": {name: _list(interval) for name, interval in self.mean.items()},
            "pooled": {name: _list(interval) for name, interval in self.pooled.items()},
        }


@dataclass(frozen=True)
class ReliabilityBin:
    """Items whose stated probability lies in one bin."""

    low: float
    high: float
    items: int
    stated: float | None
    """Mean stated probability; None without items."""
    observed: float | None
    """Share in which it came true."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Section:
    """A set of figures beside those of the frames: of recordings, of people, of action units.

    Tables are of all folds together.
    """

    name: str
    """`video`, `subject` or `units`."""
    items: int
    """Recordings, people or frames with a known label."""
    by_fold: tuple[Scores, ...]
    mean: Scores
    sd: Scores
    pooled: Scores
    interval: Spread
    confusion: dict[str, list[list[int]]]
    """Rows the truth. For grades one table, `grade`; else one per unit, absent before present."""
    reliability: dict[str, list[ReliabilityBin]]
    """Under the same names."""
    left_out: int = 0
    """People without one grade: their recordings have different ones."""

    def to_dict(self) -> dict[str, Any]:
        """What `algr cv --json` prints of it."""
        return {
            "items": self.items,
            "left_out": self.left_out,
            "folds": [dict(figures) for figures in self.by_fold],
            "mean": dict(self.mean),
            "sd": dict(self.sd),
            "pooled": dict(self.pooled),
            "interval": self.interval.to_dict(),
            "confusion": self.confusion,
            "reliability": {
                name: [row.to_dict() for row in rows] for name, rows in self.reliability.items()
            },
        }


@dataclass(frozen=True)
class Statistics:
    """Intervals of the figures of frames, and the sections."""

    draws: int
    interval: Spread
    sections: tuple[Section, ...]

    def to_dict(self) -> dict[str, Any]:
        """What `algr cv --json` prints of it, beside the figures of frames."""
        return {
            "interval": self.interval.to_dict(),
            **{section.name: section.to_dict() for section in self.sections},
        }


def statistics_of(evidence: Evidence, *, draws: int = DRAWS) -> Statistics:
    """Intervals by resampling subjects, and every section's figures."""
    points = figures_of(evidence)
    spread = _spread(evidence, points, draws=draws)
    return Statistics(
        draws=draws,
        interval=Spread(_part(spread.mean, ""), _part(spread.pooled, "")),
        sections=tuple(
            _section(name, evidence, points, spread=spread) for name in evidence.sections
        ),
    )


def headline_draws(evidence: Evidence, *, draws: int = DRAWS) -> tuple[float, ...]:
    """The headline's mean over folds in every draw of test subjects; NaN where it is undefined.

    Two runs on the same test subjects have the same draws, so that their difference has an interval
    by these numbers alone. Empty where subjects cannot be resampled.
    """
    if not can_resample(evidence.fold_S):
        return ()
    weight_RS = draw_weights(evidence.subjects, evidence.fold_S, draws=draws)
    mean_R = resample(evidence, weight_RS).mean[headline(evidence.kind)]
    return tuple(mean_R.tolist())


@dataclass(frozen=True)
class Points:
    """Every figure of the evidence, without intervals; sections as `<section>/<figure>`."""

    by_fold: tuple[Scores, ...]
    mean: Scores
    pooled: Scores


def figures_of(evidence: Evidence) -> Points:
    """Figures of each fold, their means, and the pooled ones."""
    everybody_1S = np.ones((1, len(evidence.subjects)))
    by_fold = [_only(evidence, everybody_1S * (evidence.fold_S == f)) for f in evidence.folds]
    return Points(
        by_fold=tuple(by_fold),
        mean={name: mean_defined([part[name] for part in by_fold]) for name in by_fold[0]},
        pooled=_only(evidence, everybody_1S),
    )


def sample_deviation(values: Sequence[float | None]) -> float | None:
    """Standard deviation over n - 1 of the defined values; None below two of them."""
    known = [value for value in values if value is not None]
    return stdev(known) if len(known) > 1 else None


def _only(evidence: Evidence, weight_1S: NDArray[np.float64]) -> Scores:
    """The figures of one row of weights."""
    return {name: defined(float(value[0])) for name, value in evidence.figures(weight_1S).items()}


def _spread(evidence: Evidence, points: Points, *, draws: int) -> Spread:
    if can_resample(evidence.fold_S):
        weight_RS = draw_weights(evidence.subjects, evidence.fold_S, draws=draws)
        resampled = resample(evidence, weight_RS)
        return Spread(
            intervals(resampled.mean, points.mean), intervals(resampled.pooled, points.pooled)
        )
    none: Intervals = dict.fromkeys(points.mean)
    everybody_S = np.zeros_like(evidence.fold_S)
    if not can_resample(everybody_S):
        return Spread(none, none)
    weight_RS = draw_weights(evidence.subjects, everybody_S, draws=draws)
    return Spread(none, intervals(evidence.figures(weight_RS), points.pooled))


def _section(name: str, evidence: Evidence, points: Points, *, spread: Spread) -> Section:
    items = evidence.sections[name]
    columns = [_part(figures, name) for figures in points.by_fold]
    if isinstance(items, DetectedUnits):
        tables = items.table_SA4.sum(0).astype(int)
        confusion = {
            unit: [[int(right), int(false)], [int(missed), int(hits)]]
            for unit, (hits, false, missed, right) in zip(evidence.label_names, tables, strict=True)
        }
        sums = dict(zip(evidence.label_names, items.reliability_SAB3.sum(0), strict=True))
        count = int(tables.sum(1).max(initial=0))
    else:
        table = items.confusion_SKK.sum(0).astype(int)
        confusion = {"grade": table.tolist()}
        sums = {"grade": items.reliability_SB3.sum(0)}
        count = int(table.sum())
    return Section(
        name=name,
        items=count,
        by_fold=tuple(columns),
        mean=_part(points.mean, name),
        sd={key: sample_deviation([column[key] for column in columns]) for key in columns[0]},
        pooled=_part(points.pooled, name),
        interval=Spread(_part(spread.mean, name), _part(spread.pooled, name)),
        confusion=confusion,
        reliability={key: _bins(values) for key, values in sums.items()},
        left_out=evidence.mixed_subjects if name == "subject" else 0,
    )


def _bins(sums_B3: NDArray[np.float64]) -> list[ReliabilityBin]:
    return [
        ReliabilityBin(
            low=index / NUM_BINS,
            high=(index + 1) / NUM_BINS,
            items=round(items),
            stated=stated / items if items else None,
            observed=outcomes / items if items else None,
        )
        for index, (items, stated, outcomes) in enumerate(sums_B3.tolist())
    ]


def _part(figures: Mapping[str, Value], section: str) -> dict[str, Value]:
    """The figures of one section under their own names; "" for those of the frames."""
    start = f"{section}/" if section else ""
    return {
        name.removeprefix(start): value
        for name, value in figures.items()
        if name.startswith(start) and (start or "/" not in name)
    }


def _list(interval: Interval | None) -> list[float] | None:
    return None if interval is None else interval.to_list()
