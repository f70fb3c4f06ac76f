"""Resolving the configuration: precedence, sources, and messages that name every problem."""

from pathlib import Path

import pytest

from algr.config import Config, config_hash, flatten, resolve_config, with_values
from algr.errors import ConfigError


def test_defaults_are_the_papers_values() -> None:
    config = resolve_config().config
    assert config.train.learning_rate == 0.01
    assert config.train.num_epochs == 20
    assert config.loss.align_weight == 0.5
    assert config.model.region_scale == 0.14


def test_tiny_differs_from_paper_exactly_in_these_keys() -> None:
    paper = flatten(resolve_config(preset="paper").config)
    tiny = flatten(resolve_config(preset="tiny").config)
    changed = {key: tiny[key] for key in paper if tiny[key] != paper[key]}
    assert changed == {
        "model.input_size": 96,
        "model.width": 0.25,
        "model.geometry": "aligned",
        "train.num_epochs": 6,
        "train.batch_size": 16,
        "train.optimizer": "adamw",
        "train.learning_rate": 0.002,
        "train.clip_norm": 5.0,
        "train.landmark_start": "mean",
        "train.warmup_steps": 50,
    }


def test_later_layers_hold_and_are_named_as_sources(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("train: {num_epochs: 3, batch_size: 16}\nseed: 5\n")
    resolved = resolve_config(
        preset="tiny", file=file, sets=["train.batch_size=4"], overrides={"seed": 9}
    )
    assert resolved.config.train.num_epochs == 3
    assert resolved.config.train.batch_size == 4
    assert resolved.config.seed == 9
    assert resolved.sources["model.width"] == "preset tiny"
    assert resolved.sources["train.num_epochs"] == str(file)
    assert resolved.sources["train.batch_size"] == "--set"
    assert resolved.sources["seed"] == "option"
    assert resolved.sources["train.momentum"] == "default (paper)"


def test_an_option_that_was_not_given_overrides_nothing() -> None:
    assert resolve_config(sets=["seed=3"], overrides={"seed": None}).config.seed == 3


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("train.learning_rate=1e-3", "train.learning_rate", 1e-3),
        ("train.clip_norm=none", "train.clip_norm", None),
        ("model.adaptive=false", "model.adaptive", False),
        ("model.bilstm=none", "model.bilstm", "none"),
    ],
)
def test_set_reads_values_as_they_are_written(text: str, key: str, value: object) -> None:
    assert flatten(resolve_config(sets=[text]).config)[key] == value


def test_all_problems_are_reported_together_with_their_source() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_config(sets=["train.learning_rat=1", "train.batch_size=0", "oops"])
    assert caught.value.exit_code == 3
    assert caught.value.problems == (
        "--set oops: expected KEY=VALUE, for instance train.num_epochs=1",
        "--set: train.learning_rat: unknown key; did you mean 'train.learning_rate'?",
        "--set: train.batch_size: 0 is refused: Input should be greater than or equal to 2",
    )


def test_a_key_without_its_section_is_suggested_whole() -> None:
    with pytest.raises(ConfigError, match="did you mean 'train.num_epochs'"):
        resolve_config(sets=["num_epochs=1"])


def test_grace_beyond_the_last_epoch_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tune.grace_epochs \(3\) is larger"):
        resolve_config(sets=["train.num_epochs=2", "tune.grace_epochs=3"])


@pytest.mark.parametrize(
    ("text", "message"),
    [("- 1\n", "holds a list"), ("a: [", "not valid YAML"), (None, "does not exist")],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "bad.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        resolve_config(file=file)


def test_with_values_validates() -> None:
    assert with_values(Config(), {"train.num_epochs": 2}).train.num_epochs == 2
    with pytest.raises(ConfigError, match="unknown configuration keys"):
        with_values(Config(), {"train.epochs": 2})
    with pytest.raises(ConfigError, match="learning_rate: -1 is refused"):
        with_values(Config(), {"train.learning_rate": -1})


def test_the_hash_follows_values() -> None:
    assert config_hash(Config()) == config_hash(Config())
    assert config_hash(Config()) != config_hash(with_values(Config(), {"seed": 1}))
