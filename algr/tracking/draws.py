"""The draws of registered versions, fetched for the gate: one small file of each bundle."""

import logging
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.bundle import DRAWS_FILE, read_draws
from algr.durable import sha256_of
from algr.errors import IntegrityError
from algr.tracking.gate import Candidate
from algr.tracking.packaging import BUNDLE_FOLDER
from algr.tracking.store import Store

logger = logging.getLogger(__name__)


class RegisteredDraws:
    """Fetches the draws of a model's versions, each once.

    Args:
        store: That answered.
        name: Of the registered model.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._client = store.client()
        self._known: dict[int, NDArray[np.float64] | None] = {}

    def __call__(self, candidate: Candidate) -> NDArray[np.float64] | None:
        """The score in every draw; None for a version without, or whose files are gone.

        Raises:
            IntegrityError: The file is not the one that was registered.
        """
        if candidate.version not in self._known:
            has_draws = bool(candidate.draws_sha256)
            self._known[candidate.version] = self._fetch(candidate) if has_draws else None
        return self._known[candidate.version]

    def _fetch(self, candidate: Candidate) -> NDArray[np.float64] | None:
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        with tempfile.TemporaryDirectory(prefix="algr-draws-") as folder:
            try:
                source = self._client.get_model_version_download_uri(
                    self._name, str(candidate.version)
                )
                file = Path(
                    download_artifacts(
                        artifact_uri=f"{source.rstrip('/')}/{BUNDLE_FOLDER}/{DRAWS_FILE}",
                        dst_path=folder,
                        tracking_uri=self._store.uri,
                        registry_uri=self._store.uri,
                    )
                )
            except (MlflowException, OSError) as error:
                logger.warning(
                    "%s of %s version %d cannot be fetched: %s",
                    *(DRAWS_FILE, self._name, candidate.version, error),
                )
                return None
            if sha256_of(file) != candidate.draws_sha256:
                raise IntegrityError(
                    f"{DRAWS_FILE} of {self._name} version {candidate.version} was altered",
                    expected=f"sha256 {candidate.draws_sha256[:12]}…, which was registered",
                    advice="delete that version, and register the model again",
                )
            return read_draws(file)
