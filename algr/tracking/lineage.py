"""Which runs and registered models were trained on a dataset, by its fingerprint."""

from collections.abc import Collection
from dataclasses import dataclass

from algr.config import DataHome
from algr.tracking.registry import list_models
from algr.tracking.store import database_file, locate_store, open_store, unreachable

_PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class TrackedUse:
    """A run or a registered version."""

    what: str
    """`run` or `model`."""
    name: str
    kind: str
    """Of a run: study, trial, cv, fold, refit. Of a model: its aliases."""
    fingerprint: str


def trained_on(
    home: DataHome, *, fingerprints: Collection[str], uri: str | None = None
) -> tuple[TrackedUse, ...]:
    """Everything in the tracking store and registry that names one of the fingerprints.

    An embedded store that was never made holds nothing, and is not made now.

    Raises:
        TrackingError: The store does not answer.
    """
    store = locate_store(home, uri=uri)
    if store.is_embedded and not database_file(store).exists():
        return ()
    store = open_store(home, uri=uri)
    from mlflow.exceptions import MlflowException

    client = store.client()
    uses = []
    try:
        experiments = [item.experiment_id for item in client.search_experiments()]
        for fingerprint in fingerprints:
            token: str | None = None
            while experiments:
                page = client.search_runs(
                    experiments,
                    filter_string=f"tags.`algr.fingerprint` = '{fingerprint}'",
                    max_results=_PAGE,
                    page_token=token,
                )
                uses += [
                    TrackedUse(
                        what="run",
                        name=run.info.run_name or run.info.run_id,
                        kind=run.data.tags.get("algr.kind", ""),
                        fingerprint=fingerprint,
                    )
                    for run in page
                ]
                token = page.token
                if not token:
                    break
    except (MlflowException, OSError) as error:
        raise unreachable(store, error) from error
    models = [
        TrackedUse(
            what="model",
            name=f"{version.name} version {version.version}",
            kind=", ".join(version.aliases),
            fingerprint=version.fingerprint,
        )
        for version in list_models(home, uri=uri)
        if version.fingerprint in fingerprints
    ]
    return (*uses, *models)
