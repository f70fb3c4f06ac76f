"""Search spaces: what is shipped is valid, what is wrong is said in full."""

from pathlib import Path

import pytest

from algr.config import Config, SearchSpace, load_search_space, resolve_config
from algr.errors import ConfigError


@pytest.mark.parametrize("name", ["fpara", "bp4d", "disfa"])
def test_every_shipped_space_is_accepted_and_tries_the_papers_values_first(name: str) -> None:
    space = load_search_space(name, dataset="any", kind="au", config=Config())
    assert space.enqueue[0] == {
        "loss.align_weight": 0.5,
        "train.learning_rate": 0.01,
        "model.region_scale": 0.14,
    }


def test_the_configurations_own_values_are_tried_next() -> None:
    config = resolve_config(preset="tiny", sets=["loss.align_weight=0.7"]).config

    space = load_search_space("fpara", dataset="any", kind="grade", config=config)

    assert len(space.enqueue) == 2
    assert space.enqueue[1] == {
        "loss.align_weight": 0.7,
        "train.learning_rate": 0.002,
        "model.region_scale": 0.14,
    }


def test_own_values_outside_the_space_or_given_already_are_not_tried() -> None:
    outside = resolve_config(preset="paper", sets=["train.learning_rate=0.5"]).config

    for config in (outside, Config()):
        space = load_search_space("fpara", dataset="any", kind="grade", config=config)
        assert len(space.enqueue) == 1


def _load(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    load_search_space(str(file), dataset="any", kind="grade", config=Config())


def test_all_problems_of_a_space_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(
            tmp_path,
            """
parameters:
  train.batch_size: {type: int, low: 0, high: 8}
  train.learning_rat: {type: float, low: 0.1, high: 0.2}
enqueue:
  - {train.batch_size: 9}
  - {model.width: 1.0}
""",
        )
    assert caught.value.found == "mine.yaml: 4 problems"
    assert caught.value.problems == (
        "train.learning_rat: unknown key; did you mean 'train.learning_rate'?",
        "train.batch_size: 0 is refused: Input should be greater than or equal to 2",
        "enqueue: train.batch_size: 9 lies outside the parameter's bounds",
        "enqueue: model.width is not a parameter of this space",
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{type: float, low: 2, high: 1}", "low .2.0. is larger than high"),
        ("{type: float, low: 0, high: 1, log: true}", "must be above 0"),
        ("{type: foat, low: 0, high: 1}", "float"),
        ("{type: categorical, choices: []}", "at least 1 item"),
    ],
)
def test_a_bad_rule_is_explained(tmp_path: Path, rule: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _load(tmp_path, f"parameters:\n  train.learning_rate: {rule}\n")


@pytest.mark.parametrize(
    ("key", "rule", "reason"),
    [
        ("cv.protocol", "{type: categorical, choices: [honest, paper]}", "the same folds"),
        ("tune.grace_epochs", "{type: int, low: 1, high: 3}", "it steers the search"),
        ("data.fps", "{type: float, low: 1, high: 6}", "prepare one for each value"),
        ("data.crop_size", "{type: categorical, choices: [176]}", "settled when a dataset"),
        ("seed", "{type: int, low: 0, high: 99}", "the best of several seeds is luck"),
        ("train.threads_per_fold", "{type: int, low: 1, high: 8}", "hold the same CPUs"),
        ("train.init_from", "{type: categorical, choices: [a]}", "choose them with --init-from"),
        ("train.compile", "{type: categorical, choices: [auto, off]}", "changes nothing"),
    ],
)
def test_a_key_that_no_trial_honours_is_refused(
    tmp_path: Path, key: str, rule: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=f"{key}: cannot be varied: .*{reason}"):
        _load(tmp_path, f"parameters:\n  {key}: {rule}\n")


def test_whether_frames_are_augmented_can_be_varied(tmp_path: Path) -> None:
    text = "parameters:\n  data.augment: {type: categorical, choices: [true, false]}\n"

    assert _load_text(tmp_path, text).enqueue == ({"data.augment": True},)


def test_an_unknown_name_suggests_a_shipped_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'fpara'"):
        load_search_space("fparra", dataset="any", kind="grade", config=Config())


def test_the_kind_decides_where_the_dataset_has_no_space() -> None:
    by_kind = load_search_space(None, dataset="my-clinic", kind="grade", config=Config())
    assert by_kind == load_search_space("fpara", dataset="x", kind="grade", config=Config())


CONDITIONAL = """
parameters:
  model.peepholes: {type: categorical, choices: [true, false], when: {model.bilstm: [skip, plain]}}
  model.bilstm: {type: categorical, choices: [skip, plain, none]}
"""


def _load_text(tmp_path: Path, text: str) -> SearchSpace:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    return load_search_space(str(file), dataset="any", kind="grade", config=Config())


def test_a_parameter_is_varied_only_where_its_condition_holds(tmp_path: Path) -> None:
    space = _load_text(tmp_path, CONDITIONAL)

    assert space.order() == ("model.bilstm", "model.peepholes")
    assert space.active({"model.bilstm": "none"}) == ("model.bilstm",)
    assert space.active({"model.bilstm": "skip"}) == ("model.bilstm", "model.peepholes")
    assert space.enqueue == ({"model.bilstm": "skip", "model.peepholes": False},)


def test_a_point_with_a_value_that_is_not_varied_is_refused(tmp_path: Path) -> None:
    text = CONDITIONAL + "enqueue:\n  - {model.bilstm: none, model.peepholes: true}\n"

    with pytest.raises(ConfigError, match=r"is not varied where model.bilstm skip or plain does"):
        _load_text(tmp_path, text)


def test_wrong_conditions_are_named_with_a_suggestion(tmp_path: Path) -> None:
    text = """
parameters:
  model.bilstm: {type: categorical, choices: [skip, none]}
  model.peepholes: {type: categorical, choices: [true, false], when: {model.bilstn: [skip]}}
  model.width: {type: float, low: 0.5, high: 1, when: {model.bilstm: [plain]}}
  loss.align_weight: {type: float, low: 0.5, high: 1, when: {model.region_scale: [0.1]}}
  model.region_scale: {type: float, low: 0.1, high: 0.2, when: {loss.align_weight: [0.5]}}
"""
    with pytest.raises(ConfigError) as caught:
        _load_text(tmp_path, text)

    assert caught.value.problems == (
        "model.peepholes: when: model.bilstn is not a parameter of this space; did you mean "
        "'model.bilstm'?",
        "model.width: when: model.bilstm is never 'plain'",
        "loss.align_weight: when: depends on itself",
        "model.region_scale: when: depends on itself",
    )


def test_an_unknown_word_in_a_rule_is_answered_with_the_nearest(tmp_path: Path) -> None:
    text = "parameters:\n  model.width: {type: float, low: 0.5, hihg: 1, high: 1}\n"

    with pytest.raises(ConfigError, match="unknown key; did you mean 'high'"):
        _load_text(tmp_path, text)
