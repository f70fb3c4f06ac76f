"""Registering, promoting, finding and fetching bundles in the embedded store."""

import dataclasses
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from algr.bundle import DRAWS_FILE, Bundle, Score, read_bundle
from algr.bundle.draws import write_draws
from algr.config import DataHome
from algr.durable import sha256_of
from algr.errors import IntegrityError, TrackingError, UsageError
from algr.tracking import Registry, list_models, pull
from algr.tracking.promotion import promote
from algr.tracking.registry import version_tags

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def make_bundle(grade_bundle: Bundle, dataset: object, tmp_path: Path) -> MakeBundle:
    """A bundle of the test's dataset with the given score in each fold."""

    def make(*by_fold: float, draws: tuple[float, ...] = (), **changes: str) -> Bundle:
        folder = tmp_path / f"bundle{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for path in grade_bundle.directory.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        index = json.loads((folder / "bundle.json").read_text())
        name = dataset.name  # type: ignore[attr-defined]
        index |= {"name": f"algr-{name}", "dataset": name, **changes}
        index["scores"] = {"f1_macro": Score.from_folds(by_fold).to_dict()}
        (folder / DRAWS_FILE).unlink()
        del index["files"][DRAWS_FILE]
        if draws:
            write_draws(folder / DRAWS_FILE, draws)
            index["files"][DRAWS_FILE] = sha256_of(folder / DRAWS_FILE)
        (folder / "bundle.json").write_text(json.dumps(index))
        return read_bundle(folder)

    return make


@pytest.fixture
def registry(home: DataHome) -> Registry:
    return Registry.connect(home)


def champion_of(registry: Registry, name: str) -> int | None:
    for version in registry.list_models():
        if version.name == name and "champion" in version.aliases:
            return version.version
    return None


def test_the_first_version_is_registered_as_champion(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)

    registration = registry.register_bundle(bundle)

    assert registration.version == 1
    assert registration.decision.is_champion
    assert champion_of(registry, bundle.name) == 1


def test_a_version_carries_what_it_was_measured_on(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)

    tags = registry.store.client().get_model_version(bundle.name, "1").tags

    assert tags["algr.sha256"] == bundle.sha256
    assert tags["algr.fingerprint"] == bundle.fingerprint
    assert tags["algr.protocol"] == "honest"
    assert tags["algr.folds"] == bundle.folds_hash
    assert tags["algr.metric"] == "f1_macro"
    assert float(tags["algr.score"]) == pytest.approx(0.6)
    assert tags["algr.scores_by_fold"] == "0.5 0.6 0.7"
    assert tags["algr.simulated"] == "true"


def test_a_better_version_takes_the_alias(registry: Registry, make_bundle: MakeBundle) -> None:
    registry.register_bundle(make_bundle(0.5, 0.6, 0.7))

    registration = registry.register_bundle(make_bundle(0.6, 0.7, 0.8))

    assert registration.decision.is_champion
    assert registration.decision.reason == "f1_macro 0.700 is better than 0.600 of version 1"
    assert registration.decision.gain is not None
    assert registration.decision.gain.mean == pytest.approx(0.1)


def test_a_worse_version_is_registered_and_leaves_the_alias(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    registry.register_bundle(make_bundle(0.5, 0.6, 0.7))

    registration = registry.register_bundle(make_bundle(0.4, 0.5, 0.6))

    assert registration.version == 2
    assert not registration.decision.is_champion
    assert registration.decision.champion == 1
    assert registration.decision.reason == "f1_macro 0.500 is not better than 0.600 of version 1"


def test_a_better_version_on_other_folds_leaves_the_alias(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    registry.register_bundle(make_bundle(0.5, 0.6, 0.7))

    registration = registry.register_bundle(make_bundle(0.9, 0.9, 0.9, folds_hash="b" * 64))

    assert not registration.decision.is_champion
    assert "other folds" in registration.decision.reason
    assert registration.decision.gain is None


HARD_R = np.random.default_rng(0).normal(0.0, 0.1, 400)
"""How much harder each draw of subjects is than all of them."""


def test_the_interval_gate_leaves_the_alias_for_an_uncertain_gain(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    registry.register_bundle(make_bundle(0.5, 0.6, 0.7, draws=tuple(0.6 + HARD_R)))
    other_R = 0.73 + HARD_R[::-1]

    registration = registry.register_bundle(
        make_bundle(0.9, 0.6, 0.7, draws=tuple(other_R)), gate="interval"
    )

    assert not registration.decision.is_champion
    assert "does not exclude 0" in registration.decision.reason


def test_the_interval_gate_moves_the_alias_for_a_gain_in_every_draw_of_subjects(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    registry.register_bundle(make_bundle(0.5, 0.6, 0.7, draws=tuple(0.6 + HARD_R)))

    registration = registry.register_bundle(
        make_bundle(0.55, 0.6, 0.68, draws=tuple(0.61 + HARD_R)), gate="interval"
    )

    assert registration.decision.is_champion
    assert registration.decision.gain is not None
    assert registration.decision.gain.interval is not None
    assert registration.decision.gain.interval.low == pytest.approx(0.01)
    tags = registry.store.client().get_model_version(registration.name, "2").tags
    assert tags["algr.gain"] == "+0.010000 [+0.010000, +0.010000]"


def test_draws_that_were_altered_in_the_store_decide_nothing(
    home: DataHome, registry: Registry, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7, draws=tuple(0.6 + HARD_R))
    registry.register_bundle(bundle)
    write_draws(stored_files(home, bundle) / DRAWS_FILE, tuple(0.1 + HARD_R))

    with pytest.raises(IntegrityError, match="version 1 was altered"):
        registry.register_bundle(
            make_bundle(0.6, 0.7, 0.8, draws=tuple(0.7 + HARD_R)), gate="interval"
        )


def test_draws_that_are_gone_leave_the_champion_to_the_mean(
    home: DataHome, registry: Registry, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7, draws=tuple(0.6 + HARD_R))
    registry.register_bundle(bundle)
    (stored_files(home, bundle) / DRAWS_FILE).unlink()

    registration = registry.register_bundle(make_bundle(0.6, 0.7, 0.8, draws=tuple(0.7 + HARD_R)))

    assert registration.decision.is_champion
    assert registration.decision.gain is not None
    assert registration.decision.gain.interval is None


def test_the_same_bundle_is_registered_once(registry: Registry, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)

    registration = registry.register_bundle(bundle)

    assert registration.version == 1
    assert registration.decision.reason == "it was the champion already"


def test_a_champion_that_was_set_back_by_hand_stays_set_back(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    client = registry.store.client()
    name = registry.register_bundle(make_bundle(0.5, 0.6, 0.7)).name
    registry.register_bundle(make_bundle(0.8, 0.8, 0.8))
    client.set_registered_model_alias(name, "champion", "1")

    registration = registry.register_bundle(make_bundle(0.6, 0.7, 0.8))

    assert registration.decision.champion == 3


def test_registering_a_version_again_does_not_undo_what_people_decided(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    client = registry.store.client()
    better = make_bundle(0.8, 0.8, 0.8)
    name = registry.register_bundle(make_bundle(0.5, 0.6, 0.7)).name
    registry.register_bundle(better)
    client.set_registered_model_alias(name, "champion", "1")

    registration = registry.register_bundle(better)

    assert registration.version == 2
    assert registration.decision.champion == 1
    assert int(client.get_model_version_by_alias(name, "champion").version) == 1


def test_a_champion_without_scores_is_left_to_people(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    client = registry.store.client()
    bundle = make_bundle(0.5, 0.6, 0.7)
    client.create_registered_model(bundle.name)
    client.create_model_version(bundle.name, source=str(bundle.directory))
    client.set_registered_model_alias(bundle.name, "champion", "1")

    registration = registry.register_bundle(bundle)

    assert (registration.version, registration.decision.champion) == (2, 1)
    assert "no scores to compare with" in registration.decision.reason


def test_processes_that_register_at_once_leave_the_best_as_champion(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    client = registry.store.client()
    start = make_bundle(0.5, 0.5, 0.5)
    registry.register_bundle(start)
    barrier = threading.Barrier(4)

    def register(score: float) -> None:
        own = registry.store.client()
        tags = version_tags(
            dataclasses.replace(start, scores={"f1_macro": Score.from_folds((score,) * 3)}),
            gate="mean",
        )
        barrier.wait()
        version = own.create_model_version(start.name, source=str(start.directory), tags=tags)
        promote(own, start.name, version=int(version.version), draws_of=lambda _: None)

    threads = [threading.Thread(target=register, args=(s,)) for s in (0.6, 0.9, 0.7, 0.8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    champion = client.get_model_version_by_alias(start.name, "champion")
    assert float(champion.tags["algr.score"]) == pytest.approx(0.9)


def test_references_find_versions(registry: Registry, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)

    found = [
        registry.resolve(reference).version
        for reference in (
            f"{bundle.dataset}@champion",
            f"{bundle.dataset}/1",
            f"algr-{bundle.dataset}@champion",
            f"models:/algr-{bundle.dataset}/1",
        )
    ]

    assert found == [1, 1, 1, 1]


def test_an_unknown_reference_names_what_is_registered(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)

    with pytest.raises(TrackingError, match="no registered model answers to") as caught:
        registry.resolve(f"{bundle.dataset}/9")

    assert caught.value.problems[0] == f"registered: {bundle.dataset}/1 @champion"


def test_a_malformed_reference_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="expected: NAME@champion or NAME/VERSION"):
        registry.resolve("fpara")


def test_a_pulled_bundle_is_the_registered_one(
    home: DataHome, registry: Registry, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)

    pulled = pull(f"{bundle.dataset}@champion", home=home, out=tmp_path / "out" / "model")

    assert pulled.directory == tmp_path / "out" / "model"
    assert pulled.bundle.sha256 == bundle.sha256
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model"]


def test_a_pulled_bundle_replaces_an_older_one(
    home: DataHome, registry: Registry, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    old, new = make_bundle(0.5, 0.6, 0.7), make_bundle(0.6, 0.7, 0.8)
    registry.register_bundle(old)
    registry.register_bundle(new)
    pull(f"{old.dataset}/1", home=home, out=tmp_path / "out" / "model")

    pulled = pull(f"{old.dataset}/2", home=home, out=tmp_path / "out" / "model")

    assert pulled.bundle.sha256 == new.sha256
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model"]


def test_a_folder_with_something_else_is_not_replaced(
    home: DataHome, registry: Registry, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()

    with pytest.raises(UsageError, match="exists and is not a model bundle"):
        pull(f"{bundle.dataset}/1", home=home, out=tmp_path / "photos")

    assert (tmp_path / "photos" / "cat.jpg").exists()


def stored_files(home: DataHome, bundle: Bundle) -> Path:
    experiment = home.tracking / "artifacts" / "algr" / bundle.dataset
    return next(experiment.glob("models/*/artifacts/artifacts/bundle"))


def test_a_registered_file_that_was_altered_is_not_delivered(
    home: DataHome, registry: Registry, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)
    with (stored_files(home, bundle) / "model.onnx").open("ab") as file:
        file.write(b"!")

    with pytest.raises(IntegrityError, match=r"model\.onnx: sha256"):
        pull(f"{bundle.dataset}/1", home=home, out=tmp_path / "out" / "model")

    assert list((tmp_path / "out").iterdir()) == []


def test_a_forged_index_is_not_delivered(
    home: DataHome, registry: Registry, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)
    index = stored_files(home, bundle) / "bundle.json"
    index.write_text(index.read_text().replace('"high"', '"low"'))

    with pytest.raises(IntegrityError, match=r"bundle\.json: sha256"):
        pull(f"{bundle.dataset}/1", home=home, out=tmp_path / "model")


def test_a_version_whose_files_are_gone_is_named(
    home: DataHome, registry: Registry, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)
    folder = stored_files(home, bundle)
    [path.unlink() for path in folder.iterdir()]

    with pytest.raises(IntegrityError, match="version 1 has no files any more"):
        pull(f"{bundle.dataset}/1", home=home, out=tmp_path / "model")


def test_a_home_without_a_store_lists_nothing_and_stays_empty(tmp_path: Path) -> None:
    home = DataHome(tmp_path)

    assert list_models(home) == ()
    with pytest.raises(TrackingError, match="has no tracking store"):
        pull("fpara@champion", home=home, out=tmp_path / "model")

    assert list(tmp_path.iterdir()) == []


def test_no_path_of_this_machine_stands_in_the_registered_model(
    home: DataHome, registry: Registry, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)
    folder = stored_files(home, bundle).parent.parent

    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())

    assert str(bundle.directory.parent).encode() not in content
    assert str(Path.home()).encode() + b"/" not in content
    assert str(Path(__file__).parents[2]).encode() not in content


def jpeg(side: int) -> bytes:
    pixels = np.full((side, side, 3), 90, np.uint8)
    pixels[side // 3 : side // 2] = 200
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def test_mlflow_itself_loads_the_champion_and_grades_image_bytes(
    registry: Registry, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    registry.register_bundle(bundle)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.store.uri)

    model = mlflow.pyfunc.load_model(f"models:/{bundle.name}@champion")
    table = model.predict(pd.DataFrame({"image": [jpeg(200), jpeg(176)]}))

    assert list(table.columns) == ["grade", "grade_index", "grade_probability", "landmarks"]
    assert table["grade"].isin(bundle.labels).all()
    assert sum(table["grade_probability"][0]) == pytest.approx(1.0, abs=1e-5)
    assert len(table["landmarks"][1]) == 98


def test_registering_leaves_no_file_where_the_user_stands(
    registry: Registry, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = make_bundle(0.5, 0.6, 0.7)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    registry.register_bundle(bundle)

    assert list((tmp_path / "here").iterdir()) == []
