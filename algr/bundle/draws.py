"""The headline score of a bundle in every draw of its test subjects: a few kilobytes of numbers.

Draws depend on the test subjects alone. Two models that were tested on the same people have the
same draws, and the differences of these numbers give the interval of their difference.

Shape suffixes: R = draws.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.errors import IntegrityError

DRAWS_FILE = "draws.safetensors"
_NAME = "mean"
"""Over the folds, of each draw."""


def write_draws(path: Path, values: Sequence[float]) -> None:
    """Write the file; NaN where the score is undefined."""
    from safetensors.numpy import save_file

    save_file({_NAME: np.asarray(values, dtype=np.float64)}, path)


def read_draws(path: Path) -> NDArray[np.float64]:
    """What `write_draws` wrote, (R,).

    Raises:
        IntegrityError: The file is none of these.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        value_R: NDArray[np.float64] = load_file(path)[_NAME]
    except (OSError, SafetensorError, KeyError) as error:
        raise IntegrityError(
            f"{path.name} cannot be read: {error}",
            expected="the file that algr wrote beside bundle.json",
            advice="register the model again",
        ) from error
    return value_R
