"""Macro F1 of linear models on aligned pixels, over the folds that `algr cv` uses.

    python benchmarks/linear_baseline.py DATASET --data-home HOME

Prints one line per variant: the mean of the test folds and each fold. The regularisation is chosen
on the folds' own validation subjects, as `algr cv` chooses epochs.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from algr.config import CvConfig, DataHome
from algr.data import Fold, PreparedDataset, open_dataset, plan_folds

VARIANTS = (("grey 32 x 32", 32, "L"), ("grey 64 x 64", 64, "L"), ("colour 32 x 32", 32, "RGB"))
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)


def pixels(dataset: PreparedDataset, *, side: int, mode: str) -> NDArray[np.float32]:
    """All frames as rows of centre-cropped, shrunk pixels."""
    rows = []
    for start in range(0, dataset.num_frames, 256):
        stop = min(start + 256, dataset.num_frames)
        for image in dataset.gather(np.arange(start, stop)).images_BHWC:
            crop = Image.fromarray(image[12:188, 12:188]).convert(mode)
            small = crop.resize((side, side), Image.Resampling.BOX)
            rows.append(np.asarray(small, np.float32).ravel())
    return np.stack(rows)


def fold_score(
    x: NDArray[np.float32], grade: NDArray[np.int8], dataset: PreparedDataset, fold: Fold
) -> float:
    """Test macro F1 of the strength that is best on the validation subjects."""
    train, choose, test = (
        dataset.indices_of(part) for part in (fold.train, fold.validation, fold.test)
    )
    scored = []
    for strength in STRENGTHS:
        model = make_pipeline(
            StandardScaler(),
            PCA(min(200, len(train) - 1), random_state=0),
            LogisticRegression(C=strength, max_iter=2000, class_weight="balanced"),
        ).fit(x[train], grade[train])
        chosen = f1_score(grade[choose], model.predict(x[choose]), average="macro")
        scored.append((chosen, f1_score(grade[test], model.predict(x[test]), average="macro")))
    return float(max(scored)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--data-home", type=Path)
    words = parser.parse_args()
    dataset = open_dataset(DataHome.locate(words.data_home), words.dataset)
    plan = plan_folds(dataset, cv=CvConfig(), seed=0)
    grade = dataset.frames.grade
    for title, side, mode in VARIANTS:
        x = pixels(dataset, side=side, mode=mode)
        per_fold = [fold_score(x, grade, dataset, fold) for fold in plan.folds]
        folds = " ".join(f"{100 * value:.1f}" for value in per_fold)
        print(f"{title:<15} macro F1 {100 * np.mean(per_fold):5.1f} %  (folds {folds})")


if __name__ == "__main__":
    main()
