"""How often do the intervals under leave-one-subject-out hold the truth?

    python benchmarks/interval_coverage.py --subjects 6 12 24 41 --simulations 500

Draws test frames of people of whom the truth is known: a grade each, and a share of frames that is
one grade off, which differs from person to person. Each person is a fold. Prints for each number of
people how often the 95 % interval of the pooled figure holds the truth, how wide it is, and how
often two networks that are equally good are called better or worse. Needs what `algr.cv` needs.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.cv import ComparedRun, compare_runs, statistics_of
from algr.data import FoldPlan
from algr.data.folds import Fold
from algr.faces import GRADES
from algr.metrics import Evidence, TestedFrames, gather_evidence

FRAMES = 30
"""Of each person."""
HARD, EASY = 2.0, 5.0
"""Parameters of the beta distribution of a person's share of wrong frames."""
TRUTH = EASY / (HARD + EASY)
"""Pooled accuracy, and F1 of every grade: grades are as common, and wrong frames go round."""
METRICS = ("f1_macro", "accuracy")


@dataclass(frozen=True)
class Coverage:
    """Shares of the simulations."""

    held: dict[str, float]
    width: dict[str, float]
    """Mean width of the intervals."""
    wrong_verdicts: float


def tested_by(wrong_S: NDArray[np.float64], grade_S: NDArray[np.int64], seed: int) -> Evidence:
    """What a network's test frames say that errs in such shares of them; a fold per person."""
    random = np.random.default_rng(seed)
    num_subjects = len(grade_S)
    subject_N = np.repeat(np.arange(num_subjects), FRAMES)
    truth_N = grade_S[subject_N]
    is_wrong_N = random.random(len(subject_N)) < wrong_S[subject_N]
    return gather_evidence(
        TestedFrames(
            kind="grade",
            label_names=GRADES,
            subjects=_names(num_subjects, seed=seed // 2),
            fold_S=np.arange(num_subjects),
            subject_N=subject_N,
            video_N=subject_N,
            truth=truth_N.astype(np.int8),
            probability={"averaged": np.eye(4)[(truth_N + is_wrong_N) % 4]},
            landmark_error_N=np.full(len(subject_N), 0.05),
        )
    )


def _names(count: int, *, seed: int) -> tuple[str, ...]:
    """Other people in every simulation, so that the draws are others too."""
    return tuple(f"{seed:012x}{index:012x}" for index in range(count))


def _plan(evidence: Evidence) -> FoldPlan:
    names = evidence.subjects
    folds = tuple(
        Fold(index=index, train=names[:index] + names[index + 1 :], validation=(), test=(name,))
        for index, name in enumerate(names)
    )
    return FoldPlan(
        dataset="drawn",
        kind="grade",
        fingerprint="0" * 64,
        protocol="paper",
        seed=0,
        folds=folds,
    )


def coverage(num_subjects: int, *, balanced: bool, simulations: int, draws: int) -> Coverage:
    """Over people drawn anew in every simulation.

    The second network is as good as the first; what is hard for one is half as hard for both.
    """
    held: dict[str, list[bool]] = {metric: [] for metric in METRICS}
    width: dict[str, list[float]] = {metric: [] for metric in METRICS}
    verdicts = []
    for simulation in range(simulations):
        random = np.random.default_rng((num_subjects, simulation))
        by_chance_S = random.integers(0, 4, num_subjects)
        grade_S = np.arange(num_subjects) % 4 if balanced else by_chance_S
        own_S, other_S = random.beta(HARD, EASY, (2, num_subjects))
        shared_S = np.where(random.random(num_subjects) < 0.5, own_S, other_S)
        one = tested_by(own_S, grade_S, 2 * simulation)
        two = tested_by(shared_S, grade_S, 2 * simulation + 1)
        spread = statistics_of(one, draws=draws).interval.pooled
        for metric in METRICS:
            interval = spread[metric]
            assert interval is not None, "people enough for every draw"
            held[metric].append(interval.low <= TRUTH <= interval.high)
            width[metric].append(interval.high - interval.low)
        runs = [ComparedRun(name, _plan(one), item) for name, item in (("a", one), ("b", two))]
        (found,) = compare_runs(runs[0], runs[1:], draws=draws)
        verdicts.append(found.differences["f1_macro"].verdict in ("better", "worse"))
    return Coverage(
        held={metric: float(np.mean(values)) for metric, values in held.items()},
        width={metric: float(np.mean(values)) for metric, values in width.items()},
        wrong_verdicts=float(np.mean(verdicts)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, nargs="+", default=[6, 12, 24, 41])
    parser.add_argument("--simulations", type=int, default=500)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument(
        "--balanced", action="store_true", help="as many people of each grade; else by chance"
    )
    words = parser.parse_args()
    print(
        "| people | "
        + " | ".join(f"{name} held | width" for name in METRICS)
        + " | wrong verdicts |"
    )
    print("| --- " * (2 + 2 * len(METRICS)) + "|")
    for num_subjects in words.subjects:
        found = coverage(
            num_subjects,
            balanced=words.balanced,
            simulations=words.simulations,
            draws=words.draws,
        )
        cells = [f"{100 * found.held[name]:.1f} % | {found.width[name]:.3f}" for name in METRICS]
        print(
            f"| {num_subjects} | {' | '.join(cells)} | {100 * found.wrong_verdicts:.1f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
