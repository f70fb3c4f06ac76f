"""Several cross-validations on folds drawn anew: their mean, and how much the drawing matters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from algr.cv.results import CrossValidation
from algr.cv.statistics import sample_deviation
from algr.engine import Scores, mean_defined


@dataclass(frozen=True)
class Repeats:
    """Figures over the repeats in which they are defined."""

    count: int
    mean: Scores
    """Mean over repeats of the mean over folds."""
    sd_between: Scores
    """Sample standard deviation, over repeats, of the mean over folds: the noise of the split.

    None below two defined repeats.
    """
    sd_over_folds: Scores
    """Root mean square, over repeats, of the standard deviation over folds."""

    def to_dict(self) -> dict[str, Any]:
        """The entry `over_repeats` of `algr cv --repeats --json`."""
        return {
            "count": self.count,
            "mean": dict(self.mean),
            "sd_between": dict(self.sd_between),
            "sd_over_folds": dict(self.sd_over_folds),
        }


def summarise_repeats(results: Sequence[CrossValidation]) -> Repeats:
    """Put the repeats together; their order does not matter."""
    assert results, "no repeat"
    means = {key: [result.mean[key] for result in results] for key in results[0].mean}
    sds = {key: [result.sd[key] for result in results] for key in results[0].sd}
    return Repeats(
        count=len(results),
        mean={key: mean_defined(column) for key, column in means.items()},
        sd_between={key: sample_deviation(column) for key, column in means.items()},
        sd_over_folds={key: _root_mean_square(column) for key, column in sds.items()},
    )


def _root_mean_square(values: Sequence[float | None]) -> float | None:
    mean_square = mean_defined([None if value is None else value**2 for value in values])
    return None if mean_square is None else math.sqrt(mean_square)
