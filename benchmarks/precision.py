"""Does training in bfloat16 reach what training in float32 reaches? Three seeds of each.

    python benchmarks/precision.py fpara-sim --home HOME --preset tiny --set train.num_epochs=5

Trains the same folds of a prepared dataset in both precisions with every seed, in this process, and
prints the test score of each run, the mean and spread over the seeds, and whether the means lie
within the spread of float32 of each other. The folds are those of the first seed throughout, so
that seeds change weights, order and augmentation only. Needs what `algr.engine` needs. Exits with 1
if bfloat16 falls short.
"""

import argparse
import statistics
import sys
import time

from algr.config import Config, DataHome, resolve_config, with_values
from algr.data import FoldPlan, PreparedDataset, open_dataset, plan_folds
from algr.engine import FoldTrainer, mean_defined, pick_device
from algr.metrics import headline

PRECISIONS = ("fp32", "bf16")


def score(config: Config, dataset: PreparedDataset, plan: FoldPlan, folds: list[int]) -> float:
    """Mean test score over the folds, each with the epoch that its validation subjects chose."""
    metric = headline(dataset.kind)
    values = []
    for index in folds:
        trainer = FoldTrainer(
            config=config,
            dataset=dataset,
            fold=plan.folds[index],
            protocol=plan.protocol,
            device=pick_device(),
        )
        for _ in range(config.train.num_epochs):
            trainer.run_epoch()
        values.append(trainer.score_test().test[metric])
    mean = mean_defined(values)
    assert mean is not None, "no fold has a score"
    return mean


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--home")
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--set", action="append", default=[], dest="sets", metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2])
    words = parser.parse_args()
    config = resolve_config(preset=words.preset, sets=words.sets).config
    dataset = open_dataset(DataHome.locate(words.home), words.dataset)
    plan = plan_folds(dataset, cv=config.cv, seed=words.seeds[0])
    print(f"{dataset.num_frames} frames, {len(dataset.subjects)} subjects, folds {words.folds}")
    print(f"| precision | {' | '.join(f'seed {seed}' for seed in words.seeds)} | mean | sd |")
    print("| --- " * (len(words.seeds) + 3) + "|")
    means, spreads = {}, {}
    for precision in PRECISIONS:
        scores, began = [], time.monotonic()
        for seed in words.seeds:
            changed = with_values(config, {"seed": seed, "train.precision": precision})
            scores.append(100 * score(changed, dataset, plan, words.folds))
        means[precision], spreads[precision] = statistics.mean(scores), statistics.stdev(scores)
        cells = [*scores, means[precision], spreads[precision]]
        print(f"| {precision} | {' | '.join(f'{cell:.1f}' for cell in cells)} |", flush=True)
        print(f"{precision}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    short = means["fp32"] - means["bf16"]
    is_within = short <= spreads["fp32"]
    print(
        f"bf16 is {-short:+.1f} points from fp32, whose spread is {spreads['fp32']:.1f}: ", end=""
    )
    print("within it" if is_within else "SHORT OF IT")
    return 0 if is_within else 1


if __name__ == "__main__":
    sys.exit(main())
