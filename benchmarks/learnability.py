"""How much of a grade a linear model can read off aligned pixels of people it has not seen.

    python benchmarks/learnability.py fpara-sim --home ~/.local/share/algr

Trains logistic regressions on several reductions of the centre crop, with the folds of `algr cv`
(validation subjects are trained on too: nothing is chosen with them), and prints the mean over
folds of the macro F1 per frame. The best one is reported although it is chosen on the test
subjects, which flatters the linear model. Beside it stand the majority grade and the interval of
grades that are shuffled over the subjects. `--against FILE` compares with what
`algr cv --json > FILE` printed for a network on the same dataset.
"""

import argparse
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from algr.config import CvConfig, DataHome
from algr.data import PreparedDataset, open_dataset, plan_folds
from algr.faces import ALIGNED_SIZE, CROP_SIZE, GRADES
from algr.metrics import permutation_interval

BATCH = 256
MARGIN = (ALIGNED_SIZE - CROP_SIZE) // 2
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
COMPONENTS = (30, 100)


@dataclass(frozen=True)
class Candidate:
    """A linear model: what it sees and how it is regularised, and a way to make it."""

    name: str
    build: Callable[[], Pipeline]


@dataclass(frozen=True)
class Split:
    """Rows of a fold's frames with a grade."""

    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """Macro F1 of each fold, and the predictions of all test frames."""

    name: str
    by_fold: tuple[float, ...]
    predicted: np.ndarray

    @property
    def mean(self) -> float:
        return float(np.mean(self.by_fold))


def reduce_frames(dataset: PreparedDataset, *, side: int, mode: str) -> np.ndarray:
    """The centre crops as rows of side x side pixels, 0 to 1."""
    rows = []
    for start in range(0, dataset.num_frames, BATCH):
        stop = min(start + BATCH, dataset.num_frames)
        for image in dataset.gather(np.arange(start, stop)).images_BHWC:
            crop = Image.fromarray(image[MARGIN:-MARGIN, MARGIN:-MARGIN]).convert(mode)
            small = crop.resize((side, side), Image.Resampling.BOX)
            rows.append(np.asarray(small, np.float32).ravel() / 255.0)
    return np.stack(rows)


def graded(dataset: PreparedDataset, subjects: Sequence[str]) -> np.ndarray:
    rows = dataset.indices_of(subjects)
    return rows[dataset.frames.grade[rows] >= 0]


def candidates(pixels: str) -> Iterator[Candidate]:
    for strength in STRENGTHS:
        yield Candidate(
            f"{pixels}, standardised, C = {strength:g}",
            lambda c=strength: make_pipeline(
                StandardScaler(), LogisticRegression(C=c, max_iter=300, class_weight="balanced")
            ),
        )
    for components in COMPONENTS:
        yield Candidate(
            f"{pixels}, {components} components, C = 0.1",
            lambda n=components: make_pipeline(
                PCA(n, random_state=0),
                StandardScaler(),
                LogisticRegression(C=0.1, max_iter=300, class_weight="balanced"),
            ),
        )


def evaluate(
    candidate: Candidate, pixels: np.ndarray, *, truth: np.ndarray, splits: Sequence[Split]
) -> Outcome:
    scores = []
    predicted = np.full(len(truth), -1)
    for split in splits:
        model = candidate.build().fit(pixels[split.train], truth[split.train])
        predicted[split.test] = model.predict(pixels[split.test])
        scores.append(f1_score(truth[split.test], predicted[split.test], average="macro"))
    return Outcome(candidate.name, tuple(scores), predicted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--home", type=Path, help="data home; default as for algr")
    parser.add_argument("--seed", type=int, default=0, help="seed of the folds")
    parser.add_argument("--against", type=Path, help="output of algr cv --json")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)

    dataset = open_dataset(DataHome.locate(options.home), options.dataset)
    plan = plan_folds(dataset, cv=CvConfig(), seed=options.seed)
    truth = dataset.frames.grade.astype(np.int64)
    splits = [
        Split(
            train=graded(dataset, (*fold.train, *fold.validation)), test=graded(dataset, fold.test)
        )
        for fold in plan.folds
    ]
    kind = "simulated" if dataset.simulated else "real"
    print(f"{dataset.name}: {kind}, {len(dataset.subjects)} subjects, {dataset.num_frames} frames")
    print(f"folds {plan.folds_hash[:12]}, macro F1 per frame on unseen subjects, mean of folds\n")

    outcomes = []
    for side, mode in ((32, "L"), (32, "RGB"), (64, "L")):
        pixels = reduce_frames(dataset, side=side, mode=mode)
        for candidate in candidates(f"{side} x {side} {'grey' if mode == 'L' else 'RGB'}"):
            outcome = evaluate(candidate, pixels, truth=truth, splits=splits)
            outcomes.append(outcome)
            folds = "  ".join(f"{score:.3f}" for score in outcome.by_fold)
            print(f"{outcome.mean:.3f}   {outcome.name:<42} {folds}", flush=True)

    best = max(outcomes, key=lambda outcome: outcome.mean)
    report(best, dataset=dataset, truth=truth, splits=splits, against=options.against)


def report(
    best: Outcome,
    *,
    dataset: PreparedDataset,
    truth: np.ndarray,
    splits: Sequence[Split],
    against: Path | None,
) -> None:
    majority = []
    for split in splits:
        commonest = np.bincount(truth[split.train], minlength=len(GRADES)).argmax()
        guessed = np.full(len(split.test), commonest)
        majority.append(f1_score(truth[split.test], guessed, average="macro"))
    interval = permutation_interval(
        truth_N=truth,
        predicted_N=best.predicted,
        subject_N=dataset.frames.subject_index,
        num_grades=len(GRADES),
        seed=0,
    )
    print(f"\nbest linear model   {best.mean:.3f}   {best.name}")
    print(f"majority grade      {np.mean(majority):.3f}")
    if interval is not None:
        print(
            f"shuffled grades     {interval.low:.3f} to {interval.high:.3f} (95 %, pooled frames)"
        )
    if against is not None:
        scores = json.loads(against.read_text())
        network = float(scores["mean"]["f1_macro"])
        print(f"network             {network:.3f}   {network - best.mean:+.3f} to the linear model")


if __name__ == "__main__":
    main()
