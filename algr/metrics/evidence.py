"""What the test frames say, summed up per subject, so that any weights of subjects give figures.

Subjects are the unit: the frames of one face are no independent observations. Everything is linear
in the subjects' weights (areas under the curve are quadratic), so a figure of resampled subjects is
a product of small matrices and does not look at frames again.

Shape suffixes: S = subjects, R = rows of weights, K = grades, A = action units, B = bins,
C = cut-offs, 3 and 4 as in `calibration` and `detection`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.metrics import agreement
from algr.metrics.agreement import CUT_OFFS, Figures
from algr.metrics.calibration import calibration_error
from algr.metrics.counts import Kind
from algr.metrics.detection import detection_accuracy, detection_kappa, prevalence
from algr.metrics.ranking import RankedPairs
from algr.metrics.ratios import defined_mean, ratio
from algr.metrics.scores import landmark_figures, table_figures


@dataclass(frozen=True, eq=False)
class GradedItems:
    """Recordings, or people, with one grade each, summed up per subject."""

    confusion_SKK: NDArray[np.float64]
    squares_S: NDArray[np.float64]
    """Sum of squared distances between stated and true probabilities (Brier)."""
    reliability_SB3: NDArray[np.float64]
    """Of the probability of the predicted grade."""
    pairs_C: tuple[RankedPairs, ...]
    """For each cut-off, by the probability of being at or beyond it."""

    def figures(
        self, weight_RS: NDArray[np.float64], *, label_names: Sequence[str]
    ) -> dict[str, Figures]:
        """Every figure for each row of weights, (R,)."""
        confusion = np.tensordot(weight_RS, self.confusion_SKK, 1)
        found = table_figures(confusion, kind="grade", label_names=label_names)
        found["kappa_quadratic"] = agreement.quadratic_kappa(confusion)
        found["within_one"] = agreement.within_one(confusion)
        found["mae"] = agreement.mean_absolute_error(confusion)
        sensitivity = agreement.sensitivity(confusion)
        specificity = agreement.specificity(confusion)
        for index, (name, pairs) in enumerate(zip(CUT_OFFS, self.pairs_C, strict=True)):
            found[f"sensitivity_{name}"] = sensitivity[..., index]
            found[f"specificity_{name}"] = specificity[..., index]
            found[f"auc_{name}"] = pairs.area(weight_RS)
        found["brier"] = ratio(weight_RS @ self.squares_S, confusion.sum((-2, -1)))
        found["ece"] = calibration_error(np.tensordot(weight_RS, self.reliability_SB3, 1))
        return found


@dataclass(frozen=True, eq=False)
class DetectedUnits:
    """Action units in frames (of the averaged probability), summed up per subject."""

    table_SA4: NDArray[np.float64]
    squares_SA: NDArray[np.float64]
    reliability_SAB3: NDArray[np.float64]
    pairs_A: tuple[RankedPairs, ...]

    def figures(
        self, weight_RS: NDArray[np.float64], *, label_names: Sequence[str]
    ) -> dict[str, Figures]:
        """Every figure for each row of weights, (R,): means over the units, then each unit."""
        table = np.tensordot(weight_RS, self.table_SA4, 1)
        reliability = np.tensordot(weight_RS, self.reliability_SAB3, 1)
        per_unit = {
            "auc": np.stack([pairs.area(weight_RS) for pairs in self.pairs_A], axis=-1),
            "kappa": detection_kappa(table),
            "accuracy": detection_accuracy(table),
            "prevalence": prevalence(table),
            "brier": ratio(weight_RS @ self.squares_SA, table.sum(-1)),
            "ece": calibration_error(reliability),
        }
        found = {f"{name}_mean": defined_mean(values) for name, values in per_unit.items()}
        for name, values in per_unit.items():
            for index, unit in enumerate(label_names):
                found[f"{name}_{unit.lower()}"] = values[..., index]
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """All that figures of a cross-validation need, per subject."""

    kind: Kind
    label_names: tuple[str, ...]
    subjects: tuple[str, ...]
    fold_S: NDArray[np.int64]
    table: NDArray[np.float64]
    """(S, K, K) for grades, (S, V, A, 4) for action units: of the frames."""
    landmarks_S3: NDArray[np.float64]
    sections: Mapping[str, GradedItems | DetectedUnits]
    """`video` and, where a subject has several, `subject`; `units` for action units."""
    mixed_subjects: int = 0
    """People left out of `subject`, because their recordings have different grades."""

    @property
    def folds(self) -> tuple[int, ...]:
        """Numbers of the folds, ascending."""
        return tuple(np.unique(self.fold_S).tolist())

    def figures(self, weight_RS: NDArray[np.float64]) -> dict[str, Figures]:
        """Every figure for each row of weights, (R,); NaN for undefined.

        Figures of frames have the names of `scores`, those of a section `<section>/<name>`.
        """
        table = np.tensordot(weight_RS, self.table, 1)
        found = table_figures(table, kind=self.kind, label_names=self.label_names)
        found |= landmark_figures(weight_RS @ self.landmarks_S3)
        for section, items in self.sections.items():
            figures = items.figures(weight_RS, label_names=self.label_names)
            found |= {f"{section}/{name}": values for name, values in figures.items()}
        return found
