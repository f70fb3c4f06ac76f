"""The model registry: registering bundles, the alias `champion`, and fetching models again."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algr.bundle import (
    DRAWS_FILE,
    Bundle,
    note_version,
    read_bundle,
    refuse_foreign_folder,
    replace_folder,
)
from algr.config import DataHome
from algr.errors import IntegrityError, TrackingError
from algr.tracking.draws import RegisteredDraws
from algr.tracking.environment import as_default_store
from algr.tracking.gate import Decision, Gate
from algr.tracking.packaging import BUNDLE_FOLDER, log_bundle
from algr.tracking.promotion import promote
from algr.tracking.reference import PREFIX, Reference, parse_reference
from algr.tracking.store import Store, database_file, first_line, locate_store, open_store
from algr.tracking.tracker import ensure_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What registering a bundle did."""

    name: str
    version: int
    decision: Decision

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"name": self.name, "version": self.version, **self.decision.to_dict()}


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version in the registry."""

    name: str
    version: int
    aliases: tuple[str, ...]
    metric: str
    score: float | None
    fingerprint: str
    protocol: str
    simulated: bool
    sha256: str
    created_ms: int

    def to_dict(self) -> dict[str, Any]:
        """The entry of `algr models list --json`."""
        return {
            "name": self.name,
            "version": self.version,
            "aliases": list(self.aliases),
            "metric": self.metric,
            "score": self.score,
            "fingerprint": self.fingerprint,
            "protocol": self.protocol,
            "simulated": self.simulated,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, kw_only=True)
class PulledModel:
    """A bundle that was fetched and verified."""

    bundle: Bundle
    name: str
    version: int

    @property
    def directory(self) -> Path:
        """Where it lies."""
        return self.bundle.directory

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "version": self.version,
            "directory": str(self.directory),
            "sha256": self.bundle.sha256,
        }


class Registry:
    """The registry of one store.

    Args:
        store: That answered.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._client: MlflowClient = store.client()

    @classmethod
    def connect(cls, home: DataHome, *, uri: str | None = None) -> "Registry":
        """Open the registry of a data home or of a server.

        Raises:
            TrackingError: It does not answer.
        """
        return cls(open_store(home, uri=uri))

    def register_bundle(
        self, bundle: Bundle, *, run_id: str | None = None, gate: Gate = "mean"
    ) -> Registration:
        """Register a bundle, and make it champion if the gate lets it.

        A bundle that is registered already keeps its version, so a repeated call is harmless.

        Args:
            bundle: Read, hence verified.
            run_id: Of the run that trained it.
            gate: `mean`: a better mean score on the same dataset, protocol and folds. `interval`:
                and an interval of the gain, by bootstrap over test subjects, that excludes 0.

        Raises:
            TrackingError: The registry refuses or does not answer.
        """
        with _as_tracking_error(self.store), as_default_store(self.store.uri):
            version = self._find_by_sha256(bundle) or self._create_version(
                bundle, run_id=run_id, gate=gate
            )
            draws_of = RegisteredDraws(self.store, bundle.name)
            decision = promote(self._client, bundle.name, version=version, draws_of=draws_of)
        return Registration(name=bundle.name, version=version, decision=decision)

    def list_models(self) -> tuple[RegisteredVersion, ...]:
        """All versions that algr registered, by name, newest first.

        Raises:
            TrackingError: The registry does not answer.
        """
        with _as_tracking_error(self.store):
            names = [
                model.name
                for model in self._client.search_registered_models(max_results=1000)
                if model.name.startswith(PREFIX)
            ]
            return tuple(version for name in sorted(names) for version in self._versions(name))

    def resolve(self, reference: str) -> RegisteredVersion:
        """The version that a reference such as `fpara@champion` or `fpara/3` names.

        Raises:
            UsageError: It is no reference.
            TrackingError: There is no such version; the message says what there is.
        """
        parsed = parse_reference(reference)
        with _as_tracking_error(self.store):
            for name in parsed.names:
                for version in self._versions(name) if self._exists(name) else ():
                    if parsed.matches(version.version, version.aliases):
                        return version
            raise self._unknown(parsed)

    def pull(self, reference: str, *, out: Path) -> PulledModel:
        """Fetch a version's bundle, verify every file of it, and put it in its place.

        The folder appears whole or not at all; a bundle that is already there is replaced.

        Raises:
            UsageError: The reference is none, or the folder holds something else.
            TrackingError: There is no such version, or the registry does not answer.
            IntegrityError: A file is not what was registered.
        """
        version = self.resolve(reference)
        refuse_foreign_folder(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
        try:
            self._download(version, partial)
            folder = partial / "model"
            read_bundle(folder, expected_sha256=version.sha256)
            note_version(folder, version=version.version, sha256=version.sha256)
            replace_folder(folder, out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        bundle = read_bundle(out, expected_sha256=version.sha256)
        return PulledModel(bundle=bundle, name=version.name, version=version.version)

    def _download(self, version: RegisteredVersion, folder: Path) -> None:
        from mlflow.artifacts import download_artifacts

        with _as_tracking_error(self.store):
            source = self._client.get_model_version_download_uri(version.name, str(version.version))
            found = Path(
                download_artifacts(
                    artifact_uri=f"{source.rstrip('/')}/{BUNDLE_FOLDER}",
                    dst_path=str(folder / "download"),
                    tracking_uri=self.store.uri,
                    registry_uri=self.store.uri,
                )
            )
        # MLflow answers with an empty folder where a model's files were deleted.
        if not (found / "bundle.json").is_file():
            raise IntegrityError(
                f"{version.name} version {version.version} has no files any more",
                expected="the bundle that was registered",
                advice="pull another version; `algr models list` names them",
            )
        found.rename(folder / "model")

    def _create_version(self, bundle: Bundle, *, run_id: str | None, gate: Gate) -> int:
        from mlflow.exceptions import MlflowException

        experiment_id = ensure_experiment(self.store, bundle.dataset)
        tags = version_tags(bundle, gate=gate)
        model_id = log_bundle(
            self._client, bundle, experiment_id=experiment_id, run_id=run_id, tags=tags
        )
        try:
            self._client.create_registered_model(bundle.name, tags={"algr.dataset": bundle.dataset})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = self._client.create_model_version(
            bundle.name,
            source=f"models:/{model_id}",
            run_id=run_id,
            tags=tags,
            description=(bundle.directory / "card.md").read_text(encoding="utf-8"),
            model_id=model_id,
        )
        return int(version.version)

    def _find_by_sha256(self, bundle: Bundle) -> int | None:
        if not self._exists(bundle.name):
            return None
        for version in self._versions(bundle.name):
            if version.sha256 == bundle.sha256:
                return version.version
        return None

    def _versions(self, name: str) -> list[RegisteredVersion]:
        model = self._client.get_registered_model(name)
        aliases: dict[int, list[str]] = {}
        for alias, number in model.aliases.items():
            aliases.setdefault(int(number), []).append(alias)
        found = self._client.search_model_versions(f"name='{name}'", max_results=1000)
        versions = [_registered(v, tuple(sorted(aliases.get(int(v.version), [])))) for v in found]
        return sorted(versions, key=lambda version: -version.version)

    def _exists(self, name: str) -> bool:
        return bool(self._client.search_registered_models(f"name='{name}'"))

    def _unknown(self, reference: Reference) -> TrackingError:
        versions = sorted(self.list_models(), key=lambda v: v.name not in reference.names)
        known = [
            f"{version.name.removeprefix(PREFIX)}/{version.version}"
            + "".join(f" @{alias}" for alias in version.aliases)
            for version in versions
        ]
        return TrackingError(
            f"no registered model answers to {reference.text!r}",
            problems=[f"registered: {text}" for text in known[:20]] or ["nothing is registered"],
            expected="NAME@champion or NAME/VERSION",
            advice="train and register one with `algr tune --dataset NAME`"
            if not known
            else "choose one of these, or another store with --tracking-uri or --data-home",
        )


def version_tags(bundle: Bundle, *, gate: Gate) -> dict[str, str]:
    """What a registered version says about its bundle."""
    score = bundle.scores[bundle.metric]
    by_fold = ("none" if value is None else repr(float(value)) for value in score.by_fold)
    return {
        "algr.sha256": bundle.sha256,
        "algr.dataset": bundle.dataset,
        "algr.kind": bundle.kind,
        "algr.fingerprint": bundle.fingerprint,
        "algr.protocol": bundle.protocol,
        "algr.folds": bundle.folds_hash,
        "algr.metric": bundle.metric,
        "algr.score": "none" if score.mean is None else repr(float(score.mean)),
        "algr.scores_by_fold": " ".join(by_fold),
        "algr.simulated": str(bundle.simulated).lower(),
        "algr.version": bundle.versions["algr"],
        "algr.gate": gate,
        **({"algr.draws_sha256": bundle.files[DRAWS_FILE]} if DRAWS_FILE in bundle.files else {}),
    }


def list_models(home: DataHome, *, uri: str | None = None) -> tuple[RegisteredVersion, ...]:
    """All versions in the registry of a data home or server; none in a home without a store.

    Raises:
        TrackingError: The registry does not answer.
    """
    store = locate_store(home, uri=uri)
    if store.is_embedded and not database_file(store).exists():
        return ()
    return Registry.connect(home, uri=uri).list_models()


def pull(
    reference: str, *, home: DataHome, out: Path | None = None, uri: str | None = None
) -> PulledModel:
    """Fetch a registered model; see `Registry.pull`.

    Args:
        reference: `fpara@champion`, `fpara/3`, `algr-fpara@champion`.
        home: Of the embedded registry.
        out: Folder to write; by default below the data home.
        uri: Of a server; else `MLFLOW_TRACKING_URI`, else the embedded store.
    """
    parsed = parse_reference(reference)
    store = locate_store(home, uri=uri)
    if store.is_embedded and not database_file(store).exists():
        raise TrackingError(
            f"no registered model answers to {reference!r}: {home.root} has no tracking store",
            expected="a model that was registered from this data home",
            advice="train one with `algr tune --dataset NAME`, or name another data home or server "
            "with --data-home or --tracking-uri",
        )
    target = out or home.models / parsed.folder_name
    return Registry.connect(home, uri=uri).pull(reference, out=target)


def _registered(version: "ModelVersion", aliases: tuple[str, ...]) -> RegisteredVersion:
    tags: Mapping[str, str] = version.tags
    score = tags.get("algr.score", "none")
    return RegisteredVersion(
        name=version.name,
        version=int(version.version),
        aliases=aliases,
        metric=tags.get("algr.metric", ""),
        score=None if score == "none" else float(score),
        fingerprint=tags.get("algr.fingerprint", ""),
        protocol=tags.get("algr.protocol", ""),
        simulated=tags.get("algr.simulated") == "true",
        sha256=tags.get("algr.sha256", ""),
        created_ms=int(version.creation_timestamp),
    )


@contextmanager
def _as_tracking_error(store: Store) -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise TrackingError(
            f"the model registry of {store.label} failed: {first_line(error)}",
            expected="a registry that answers and takes files",
            advice="mend it and run the command again; nothing is registered twice",
        ) from error
