"""What `--init-from` takes, keeps, and refuses."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from algr.bundle import Bundle, StartOrigin
from algr.compose import StartNotice, TrainingRequest
from algr.compose.requests import open_material
from algr.compose.sources import read_source
from algr.compose.start import check_start, refuse_leaks, remarks_with, settle_start
from algr.config import DataHome, start_sha256
from algr.cv import write_run_files
from algr.data.description import Description
from algr.durable import sha256_of
from algr.engine import read_start
from algr.errors import (
    ConfigError,
    DataError,
    IntegrityError,
    StudyError,
    UsageError,
)
from algr.tracking import Registry
from tests.compose.conftest import BEFORE, finish_run, write_dataset

MakeRequest = Callable[..., TrainingRequest]
WriteJaanet = Callable[..., Path]


def settle(
    request: TrainingRequest, directory: Path | None = None, *, refits: bool = False
) -> tuple[TrainingRequest, StartNotice]:
    return settle_start(
        request,
        open_material(request),
        directory=directory or request.home.run("new"),
        refits=refits,
    )


def chosen_weights(home: DataHome, name: str, fold: int) -> dict[str, torch.Tensor]:
    tree = torch.load(home.run(name) / "checkpoint.pt", weights_only=True)
    weights: dict[str, torch.Tensor] = tree["folds"][fold]["best_model"]
    return weights


def altered_bundle(bundle: Bundle, folder: Path, **changes: object) -> Path:
    """A copy whose `bundle.json` says something else."""
    shutil.copytree(bundle.directory, folder)
    index = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(index | changes))
    return folder


# The forms of a reference


@pytest.mark.parametrize("reference", ["run:base", "base"])
def test_a_run_gives_each_fold_the_weights_of_its_own_fold(
    make_request: MakeRequest, home: DataHome, reference: str
) -> None:
    settled, notice = settle(make_request("after", reference))

    file = read_start(home.start(settled.config.train.init_from))
    assert notice.start.origin == "run base, fold by fold"
    assert notice.start.is_by_fold
    torch.testing.assert_close(
        [dict(one) for one in file.sets],
        [chosen_weights(home, "base", fold) for fold in range(3)],
        rtol=0,
        atol=0,
    )


def test_a_fold_of_a_run_serves_all_folds(make_request: MakeRequest, home: DataHome) -> None:
    settled, notice = settle(make_request("after", "run:base:1"))

    file = read_start(home.start(settled.config.train.init_from))
    assert notice.start.origin == "run base, fold 1 for all"
    assert not notice.start.is_by_fold
    torch.testing.assert_close(
        dict(file.for_fold(2).tensors), chosen_weights(home, "base", 1), rtol=0, atol=0
    )


def test_an_imported_file_says_where_it_is_from_without_its_path(
    make_request: MakeRequest, write_jaanet: WriteJaanet
) -> None:
    _, notice = settle(make_request("after", str(write_jaanet())))

    assert notice.start.origin == "official JAA-Net v2, bp4d, epoch 5"
    assert str(write_jaanet("other.safetensors").parent) not in str(notice.start.to_dict())


def test_a_start_kept_in_the_data_home_can_be_named_by_its_checksum(
    make_request: MakeRequest,
) -> None:
    settled, first = settle(make_request("after", "run:base:0"))
    key = settled.config.train.init_from

    again, notice = settle(make_request("after", key))
    by_path, _ = settle(make_request("after", str(first.start.path)))

    assert by_path.config.train.init_from == key
    assert again.config.train.init_from == key
    assert notice.start.origin == "run base, fold 0 for all"


def test_a_look_ahead_names_the_weights_as_the_run_will_and_keeps_nothing(
    make_request: MakeRequest, home: DataHome
) -> None:
    request = make_request("after", "run:base:0")
    material = open_material(request)
    before = set(home.starts.glob("*"))

    looked, notice = check_start(request, material, directory=home.run("new"), refits=False)
    after = set(home.starts.glob("*"))
    settled, _ = settle(request)

    assert looked.config == settled.config
    assert notice.start is None
    assert after == before


def test_the_folder_of_a_pulled_model_is_verified_and_refused_once_altered(
    make_request: MakeRequest, grade_bundle: Bundle, tmp_path: Path
) -> None:
    folder = shutil.copytree(grade_bundle.directory, tmp_path / "model")
    with (folder / "weights.safetensors").open("ab") as file:
        file.write(b"x")

    with pytest.raises(IntegrityError, match="not what was written"):
        settle(make_request("after", str(folder)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
def test_registered_models_and_pulled_ones_are_the_same_weights(
    make_request: MakeRequest, home: DataHome, grade_bundle: Bundle
) -> None:
    Registry.connect(home).register_bundle(grade_bundle)

    by_alias, by_number, by_folder = (
        read_source(reference, home=home, tracking_uri=None)
        for reference in ("clinic@champion", "clinic/1", str(grade_bundle.directory))
    )

    assert by_alias.origin == f"model algr-clinic, bundle {grade_bundle.sha256[:12]}"
    assert by_alias.origin == by_number.origin == by_folder.origin
    assert by_alias.trained_on == by_folder.trained_on
    assert by_alias.trained_on[0].fingerprint == grade_bundle.fingerprint
    assert [path.name for path in home.models.iterdir() if path.name.startswith(".start-")] == []


@pytest.mark.parametrize("reference", ["nothing.safetensors", "run", "models:/x", "bp4d champion"])
def test_anything_else_is_answered_with_the_forms(
    make_request: MakeRequest, reference: str
) -> None:
    with pytest.raises(UsageError, match=f"--init-from {reference} names no weights") as caught:
        settle(make_request("after", reference))

    assert [text.split(", for instance")[0] for text in caught.value.problems] == [
        "can be a file that `algr models import-jaanet` wrote",
        "can be the folder of a pulled model",
        "can be a registered model: NAME@champion or NAME/VERSION",
        "can be run:NAME, a finished cross-validation of the data home: fold k starts from its "
        "fold k",
        "can be run:NAME:K, fold K of one for all folds",
    ]


def test_a_run_that_does_not_exist_is_answered_with_those_that_do(
    make_request: MakeRequest,
) -> None:
    with pytest.raises(UsageError, match="no cross-validation run:bas ") as caught:
        settle(make_request("after", "run:bas"))

    assert "base" in caught.value.expected


@pytest.mark.parametrize("fold", ["3", "-1", "x", "01"])
def test_a_fold_that_a_run_does_not_have_is_refused(make_request: MakeRequest, fold: str) -> None:
    with pytest.raises(UsageError, match=f"run:base:{fold} names no fold") as caught:
        settle(make_request("after", f"run:base:{fold}"))

    assert "0, 1, 2" in caught.value.expected


def test_a_word_that_names_a_run_and_a_path_is_refused(
    make_request: MakeRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match="names a run and a path") as caught:
        settle(make_request("after", "base"))

    assert caught.value.advice == "write run:base or ./base"


def test_a_file_without_weights_is_a_data_error(make_request: MakeRequest, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")

    with pytest.raises(DataError, match="cannot be used as weights"):
        settle(make_request("after", str(tmp_path / "notes.txt")))


def test_an_unfinished_run_is_refused(make_request: MakeRequest, home: DataHome) -> None:
    request = make_request("before", None)
    write_run_files(home.run("begun"), config=request.config, plan=open_material(request).plan)

    with pytest.raises(UsageError, match="run:begun is not finished") as caught:
        settle(make_request("after", "run:begun"))

    assert "--resume --name begun" in caught.value.advice


def test_a_run_whose_plan_is_not_that_of_its_checkpoint_is_refused(
    make_request: MakeRequest, home: DataHome
) -> None:
    shutil.copytree(home.run("base"), home.run("altered"))
    plan = home.run("altered") / "plan.json"
    plan.write_text(plan.read_text().replace('"honest"', '"paper"'))

    with pytest.raises(StudyError, match="does not belong to its plan"):
        settle(make_request("after", "run:altered"))


# Leaks


def test_the_same_folds_of_the_same_dataset_may_start_fold_by_fold(
    make_request: MakeRequest,
) -> None:
    _, notice = settle(make_request("before", "run:base"))

    assert notice.start.is_by_fold


def test_one_fold_for_all_of_the_same_dataset_is_a_leak(make_request: MakeRequest) -> None:
    with pytest.raises(ConfigError, match="was trained on this dataset") as caught:
        settle(make_request("before", "run:base:0"))

    assert caught.value.expected.startswith("weights that have not seen the test subjects")
    assert "run:NAME" in caught.value.advice


@pytest.mark.parametrize(
    ("values", "difference"),
    [({"seed": 7}, "folds "), ({"cv__protocol": "paper"}, "protocol honest there, paper here")],
)
def test_other_folds_of_the_same_dataset_are_a_leak(
    make_request: MakeRequest, values: dict[str, object], difference: str
) -> None:
    with pytest.raises(ConfigError, match="with other folds") as caught:
        settle(make_request("before", "run:base", **values))

    assert any(problem.startswith(difference) for problem in caught.value.problems)


def test_people_who_stand_in_both_datasets_are_a_leak(make_request: MakeRequest) -> None:
    with pytest.raises(ConfigError, match="has seen test or validation subjects") as caught:
        settle(make_request("grown", "run:base:0"))

    parts = {problem.split()[-2] for problem in caught.value.problems}
    assert parts == {"test", "validation"}


def test_a_refitted_model_of_the_same_dataset_is_a_leak(
    make_request: MakeRequest, home: DataHome, grade_bundle: Bundle
) -> None:
    file = read_source(str(grade_bundle.directory), home=home, tracking_uri=None)
    plan = open_material(make_request("before", None)).plan

    refuse_leaks(file, plan)
    with pytest.raises(ConfigError, match="model algr-clinic.*was trained on this dataset"):
        refuse_leaks(file, replace(plan, fingerprint=grade_bundle.fingerprint))


def test_what_a_refitted_model_started_from_counts(
    make_request: MakeRequest, grade_bundle: Bundle, home: DataHome, tmp_path: Path
) -> None:
    plan = open_material(make_request("before", None)).plan
    folder = shutil.copytree(grade_bundle.directory, tmp_path / "model")
    origin = StartOrigin(origin="model x", sha256="0" * 64, fingerprints=(plan.fingerprint,))
    index = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(index | {"start": origin.to_dict()}))

    file = read_source(str(folder), home=home, tracking_uri=None)

    with pytest.raises(ConfigError, match="algr-clinic.*comes from weights that were trained on"):
        refuse_leaks(file, plan)


def test_what_the_weights_themselves_started_from_counts(
    make_request: MakeRequest, home: DataHome
) -> None:
    settled, notice = settle(make_request("after", "run:base:0"))
    finish_run(settled, "second", start_file=notice.start.path)

    with pytest.raises(ConfigError, match="run second, fold by fold, comes from weights that were"):
        settle(make_request("before", "run:second"))


def test_a_chain_fold_by_fold_may_go_on_fold_by_fold(
    make_request: MakeRequest, home: DataHome
) -> None:
    settled, notice = settle(make_request("before", "run:base"))
    finish_run(settled, "third", start_file=notice.start.path)

    _, again = settle(make_request("before", "run:third"))

    file = read_start(again.start.path)
    assert [one.is_by_fold for one in file.trained_on] == [True, True]


def test_another_number_of_folds_is_refused(make_request: MakeRequest) -> None:
    with pytest.raises(ConfigError, match="has 3 folds, this run has 2"):
        settle(make_request("after", "run:base", cv__num_folds=2))


def test_a_search_takes_no_weights_fold_by_fold(make_request: MakeRequest) -> None:
    with pytest.raises(ConfigError, match="no weights for the refit on all subjects") as caught:
        settle(make_request("after", "run:base"), refits=True)

    assert "run:NAME:K" in caught.value.advice
    settle(make_request("after", "run:base:0"), refits=True)


def test_refused_weights_are_not_kept(make_request: MakeRequest, home: DataHome) -> None:
    before = set(home.starts.glob("*"))

    with pytest.raises(ConfigError):
        settle(make_request("before", "run:base:2"))

    assert set(home.starts.glob("*")) == before


def test_outside_weights_with_the_labels_of_the_dataset_are_remarked(
    make_request: MakeRequest, write_jaanet: WriteJaanet
) -> None:
    _, same = settle(make_request("before", str(write_jaanet())))
    _, other = settle(make_request("after", str(write_jaanet("again.safetensors"))))

    assert "not those of unseen people" in same.remarks[0]
    assert other.remarks == ()


@pytest.fixture(scope="module")
def corrected(home: DataHome) -> str:
    """The people of `before` with other labels, under another name."""
    write_dataset(home, "corrected", BEFORE, people=range(6), corrected=True)
    return "corrected"


@pytest.mark.parametrize("reference", ["run:base:0", "run:base"])
def test_people_whose_labels_were_corrected_are_a_leak(
    make_request: MakeRequest, corrected: str, reference: str
) -> None:
    with pytest.raises(ConfigError, match="subjects of dataset 'corrected'") as caught:
        settle(make_request(corrected, reference))

    assert "dataset 'before' holds the same pictures" in str(caught.value)


def test_people_behind_a_model_are_found_with_other_labels(
    make_request: MakeRequest, corrected: str, home: DataHome, tmp_path: Path, grade_bundle: Bundle
) -> None:
    before = open_material(make_request("before", None)).plan
    plan = open_material(make_request(corrected, None)).plan
    pictures = before.pictures_of(before.pictures)
    folder = altered_bundle(grade_bundle, tmp_path / "model", dataset="before", pictures=pictures)
    file = read_source(str(folder), home=home, tracking_uri=None)

    with pytest.raises(ConfigError, match="dataset 'before' holds the same pictures") as caught:
        refuse_leaks(file, plan)

    assert caught.value.problems[0] == "fold 0: 2 of 2 test subjects"


def test_people_from_whom_a_model_started_are_found_with_other_labels(
    make_request: MakeRequest, corrected: str, home: DataHome, tmp_path: Path, grade_bundle: Bundle
) -> None:
    _, notice = settle(make_request("after", "run:base:0"))
    origin = notice.start.as_origin().to_dict()
    folder = altered_bundle(grade_bundle, tmp_path / "model", start=json.loads(json.dumps(origin)))
    file = read_source(str(folder), home=home, tracking_uri=None)

    with pytest.raises(ConfigError, match="dataset 'before' holds the same pictures"):
        refuse_leaks(file, open_material(make_request(corrected, None)).plan)


def test_other_people_pass_and_what_cannot_be_seen_is_remarked(
    make_request: MakeRequest, home: DataHome
) -> None:
    write_dataset(home, "strangers", BEFORE, people=range(10, 16))

    _, strangers = settle(make_request("strangers", "run:base:0"))
    _, own = settle(make_request("before", "run:base"))
    _, others = settle(make_request("after", "run:base:0"))

    assert len(strangers.remarks) == 1
    assert "in other pictures, or prepared in another way" in strangers.remarks[0]
    assert own.remarks == others.remarks == ()


def test_a_model_of_an_older_version_is_compared_as_it_was_and_remarked(
    make_request: MakeRequest, home: DataHome, grade_bundle: Bundle, tmp_path: Path
) -> None:
    folder = shutil.copytree(grade_bundle.directory, tmp_path / "model")
    index = json.loads((folder / "bundle.json").read_text())
    del index["pictures"]
    (folder / "bundle.json").write_text(json.dumps(index))
    file = read_source(str(folder), home=home, tracking_uri=None)
    material = open_material(make_request("after", None))

    refuse_leaks(file, material.plan)

    assert "notes no digests of pictures" in remarks_with(file, material)[0]


def test_a_run_of_an_older_version_is_compared_as_it_was_and_remarked(
    make_request: MakeRequest, corrected: str, home: DataHome
) -> None:
    folder = shutil.copytree(home.run("base"), home.run("older"))
    plan = json.loads((folder / "plan.json").read_text())
    del plan["pictures"]
    (folder / "plan.json").write_text(json.dumps(plan))

    _, notice = settle(make_request(corrected, "run:older:0"))

    assert "the weights come from a file that notes no digests" in notice.remarks[0]
    with pytest.raises(ConfigError, match="has seen test or validation subjects"):
        settle(make_request("grown", "run:older:0"))


def test_a_dataset_of_an_older_version_is_compared_as_it_was_and_remarked(
    make_request: MakeRequest, home: DataHome
) -> None:
    write_dataset(home, "aged", BEFORE, people=range(6), corrected=True)
    description = Description.read(home.dataset("aged"))
    subjects = tuple(one.model_copy(update={"pictures": ()}) for one in description.subjects)
    description.model_copy(update={"subjects": subjects}).write(home.dataset("aged"))

    _, notice = settle(make_request("aged", "run:base:0"))

    assert "dataset 'aged' notes no digests of pictures" in notice.remarks[0]


def test_disfa_from_scratch_is_remarked(make_request: MakeRequest) -> None:
    settled, notice = settle(make_request("disfa", None))
    _, other = settle(make_request("after", None))

    assert "published figures on DISFA start from a BP4D model" in notice.remarks[0]
    assert notice.start is None
    assert settled.config.train.init_from is None
    assert other.remarks == ()


# What is kept


def test_the_configuration_names_the_content(
    make_request: MakeRequest, home: DataHome, write_jaanet: WriteJaanet
) -> None:
    settled, notice = settle(make_request("after", str(write_jaanet())))

    key = settled.config.train.init_from
    assert key == f"models/start/{notice.start.sha256}.safetensors"
    assert sha256_of(home.root / key) == start_sha256(key) == notice.start.sha256


def test_other_content_under_the_same_name_is_another_configuration(
    make_request: MakeRequest, write_jaanet: WriteJaanet
) -> None:
    path = write_jaanet()
    first, _ = settle(make_request("after", str(path)))
    path.unlink()
    write_jaanet(seed=1)

    second, _ = settle(make_request("after", str(path)))

    assert first.config.train.init_from != second.config.train.init_from


@pytest.fixture
def begun(
    make_request: MakeRequest, write_jaanet: WriteJaanet, tmp_path: Path
) -> tuple[Path, Path, str]:
    """A run that was begun from a file: the file, the run's folder, the content."""
    path, directory = write_jaanet(), tmp_path / "run"
    settled, notice = settle(make_request("after", str(path)), directory)
    notice.start.record(directory)
    return path, directory, settled.config.train.init_from


def test_a_resumed_run_goes_on_with_its_weights_though_the_file_has_gone(
    make_request: MakeRequest, begun: tuple[Path, Path, str]
) -> None:
    path, directory, content = begun
    path.unlink()

    settled, _ = settle(make_request("after", str(path), resume=True), directory)

    assert settled.config.train.init_from == content


def test_a_resumed_run_goes_on_with_its_weights_though_the_file_has_changed(
    make_request: MakeRequest, begun: tuple[Path, Path, str], write_jaanet: WriteJaanet
) -> None:
    path, directory, content = begun
    path.unlink()
    write_jaanet(seed=1)

    settled, _ = settle(make_request("after", str(path), resume=True), directory)

    assert settled.config.train.init_from == content


def test_a_resumed_run_told_to_start_from_something_else_does_not_pass_for_the_same(
    make_request: MakeRequest, begun: tuple[Path, Path, str]
) -> None:
    _, directory, content = begun

    settled, _ = settle(make_request("after", "run:base", resume=True), directory)

    assert settled.config.train.init_from != content


def test_the_folder_of_a_run_holds_no_path(begun: tuple[Path, Path, str]) -> None:
    path, directory, _ = begun

    assert path.name not in (directory / "start.json").read_text()


def test_a_kept_file_that_was_altered_is_refused(
    make_request: MakeRequest, home: DataHome, begun: tuple[Path, Path, str]
) -> None:
    path, directory, content = begun
    kept = home.root / content
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    with pytest.raises(IntegrityError, match="as its name says"):
        settle(make_request("after", str(path), resume=True), directory)
    kept.write_bytes(whole)


# End to end, without Ray


def test_algrnet_trains_from_a_jaanet_file(
    make_request: MakeRequest, home: DataHome, write_jaanet: WriteJaanet
) -> None:
    request = make_request("after", str(write_jaanet()), model__kind="algrnet")

    settled, notice = settle(request)
    finish_run(settled, "from-jaanet", start_file=notice.start.path)

    assert notice.start.to_dict()["regions"] == {"AU9": None, "AU12": "AU12", "AU26": "AU17"}
    assert notice.start.report.module("relation").fresh
    trained = chosen_weights(home, "from-jaanet", 0)["stem.layer_1.conv.weight"]
    began = read_start(notice.start.path).sets[0]["stem.layer_1.conv.weight"]
    assert 0 < float((trained - began).abs().max()) < 0.1


def test_the_tags_say_where_the_weights_are_from(make_request: MakeRequest) -> None:
    _, notice = settle(make_request("after", "run:base:2"))

    assert notice.start.tags == {
        "algr.init": "run base, fold 2 for all",
        "algr.init_sha256": notice.start.sha256,
    }
