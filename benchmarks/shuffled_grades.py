"""Does a score come from the faces? Compare it with grades that have nothing to do with them.

python benchmarks/shuffled_grades.py copy CLINIC OUT --seed 1
    a copy of a clinic folder in which the patients have exchanged their grades;
    prepare and cross-validate it like any other
python benchmarks/shuffled_grades.py score RUN/predictions.parquet
    macro F1 of a run's predictions, and its 95 % interval under 200 permutations of the
    grades over the subjects
"""

import argparse
import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from algr.faces import GRADES
from algr.metrics import grade_f1, permutation_interval


def copy_shuffled(source: Path, out: Path, *, seed: int) -> None:
    """Link everything but the manifest; rewrite that with the patients' grades permuted."""
    out.mkdir(parents=True)
    for path in source.iterdir():
        if path.name != "manifest.csv":
            try:
                os.link(path, out / path.name)
            except OSError:
                shutil.copy2(path, out / path.name)
    with (source / "manifest.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        header, rows = list(reader.fieldnames or ()), list(reader)
    patients = sorted({row["patient_id"] for row in rows})
    grades = {row["patient_id"]: row["grade_hb"] for row in rows}
    order = np.random.default_rng(seed).permutation(len(patients))
    drawn = {patients[i]: grades[patients[j]] for i, j in enumerate(order)}
    with (out / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows({**row, "grade_hb": drawn[row["patient_id"]]} for row in rows)
    kept = sum(drawn[name] == grades[name] for name in patients)
    print(f"{out}: {len(patients)} patients, {kept} of them drew their own grade")


def score(predictions: Path, *, seed: int) -> None:
    """Print the pooled macro F1 and where shuffled grades would put it."""
    table = pq.read_table(predictions)
    truth_N = table["grade"].to_numpy().astype(np.int64)
    predicted_N = table["predicted"].to_numpy().astype(np.int64)
    _, subject_N = np.unique(table["subject"].to_numpy(zero_copy_only=False), return_inverse=True)
    known_N = truth_N >= 0
    confusion_KK = np.zeros((len(GRADES), len(GRADES)), np.int64)
    np.add.at(confusion_KK, (truth_N[known_N], predicted_N[known_N]), 1)
    macro = float(np.nanmean(grade_f1(confusion_KK)))
    chance = permutation_interval(
        truth_N=truth_N,
        predicted_N=predicted_N,
        subject_N=subject_N,
        num_grades=len(GRADES),
        seed=seed,
    )
    assert chance is not None, "no frame has a grade"
    inside = chance.low <= macro <= chance.high
    print(f"pooled macro F1            {100 * macro:5.1f} %")
    print(f"grades shuffled, mean      {100 * chance.mean:5.1f} %")
    print(f"grades shuffled, 95 %      {100 * chance.low:5.1f} to {100 * chance.high:.1f} %")
    print(f"inside the interval        {'yes' if inside else 'no'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    seeded = argparse.ArgumentParser(add_help=False)
    seeded.add_argument("--seed", type=int, default=1)
    commands = parser.add_subparsers(dest="command", required=True)
    copy = commands.add_parser("copy", parents=[seeded])
    copy.add_argument("source", type=Path)
    copy.add_argument("out", type=Path)
    commands.add_parser("score", parents=[seeded]).add_argument("predictions", type=Path)
    words = parser.parse_args()
    if words.command == "copy":
        copy_shuffled(words.source, words.out, seed=words.seed)
    else:
        score(words.predictions, seed=words.seed)


if __name__ == "__main__":
    main()
