"""algr: cross-validation and hyperparameter search for ALGRNet on faces."""

__version__ = "0.1.0"
