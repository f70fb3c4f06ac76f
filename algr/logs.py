"""Logging: talk goes to standard error, data to standard output, never the other way round."""

import logging
import sys


def set_up_logging(*, verbose: bool) -> None:
    """Send the records of `algr` to standard error, and silence chatty libraries.

    Args:
        verbose: Show DEBUG records of `algr`; otherwise INFO.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger("algr")
    root.handlers[:] = [handler]
    root.propagate = False
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in ("ray", "mlflow", "alembic", "optuna", "matplotlib", "torch.onnx", "onnxscript"):
        logging.getLogger(name).setLevel(logging.ERROR)
