"""Search spaces: which configuration keys a search varies, and within which bounds."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from algr.config.loader import did_you_mean, flatten, read_yaml_mapping, unknown_keys, with_values
from algr.config.sections import Config
from algr.errors import ConfigError


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_RuleT = TypeVar("_RuleT", bound=_Strict)


class FloatParameter(_Strict):
    """A real number in [low, high], drawn evenly or on a logarithmic scale."""

    type: Literal["float"]
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        return _check_bounds(self, self.low, self.high, log=self.log)

    def contains(self, value: object) -> bool:
        """Whether a search may suggest the value."""
        return _is_number(value) and self.low <= float(value) <= self.high  # type: ignore[arg-type]

    def extremes(self) -> tuple[object, ...]:
        """Values that the configuration must accept."""
        return (self.low, self.high)


class IntParameter(_Strict):
    """An integer in [low, high], every `step`."""

    type: Literal["int"]
    low: int
    high: int
    step: Annotated[int, Field(gt=0)] = 1
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        return _check_bounds(self, self.low, self.high, log=self.log)

    def contains(self, value: object) -> bool:
        """Whether a search may suggest the value."""
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0

    def extremes(self) -> tuple[object, ...]:
        """Values that the configuration must accept."""
        return (self.low, self.high)


class CategoricalParameter(_Strict):
    """One of some values."""

    type: Literal["categorical"]
    choices: Annotated[tuple[bool | int | float | str, ...], Field(min_length=1)]

    def contains(self, value: object) -> bool:
        """Whether a search may suggest the value."""
        return value in self.choices

    def extremes(self) -> tuple[object, ...]:
        """Values that the configuration must accept."""
        return self.choices


Parameter = Annotated[
    FloatParameter | IntParameter | CategoricalParameter, Field(discriminator="type")
]


class SearchSpace(_Strict):
    """Parameters by configuration key, and points that are tried first."""

    parameters: Annotated[dict[str, Parameter], Field(min_length=1)]
    enqueue: tuple[dict[str, Any], ...] = ()

    def trying(self, config: Config) -> Self:
        """The space with the configuration's own values as the last of the points tried first.

        They are left out where they lie outside the space, or are among the points already.
        """
        values = flatten(config)
        own = {key: values[key] for key in self.parameters}
        inside = all(self.parameters[key].contains(value) for key, value in own.items())
        if not inside or own in self.enqueue:
            return self
        return self.model_copy(update={"enqueue": (*self.enqueue, own)})


def load_search_space(
    chosen: str | None, *, dataset: str, kind: Literal["au", "grade"], config: Config
) -> SearchSpace:
    """The space by name or file, else of the dataset, else of the dataset's kind.

    The points of the file are tried first, then the values of the configuration.

    Args:
        chosen: A shipped name, a YAML file, or None.
        dataset: Name of the dataset.
        kind: What the dataset is labelled with.
        config: The configuration that the space varies; bounds must be acceptable to it.

    Raises:
        ConfigError: No such space, unknown keys, refused bounds or points; all of them together.
    """
    file = _find(chosen, dataset=dataset, kind=kind)
    tree = read_yaml_mapping(file, what="search space")
    try:
        space = SearchSpace.model_validate(tree)
    except ValidationError as error:
        raise _problems(file, [_describe(item) for item in error.errors()]) from None
    problems = unknown_keys(space.parameters)
    known = {key: rule for key, rule in space.parameters.items() if not unknown_keys({key: 0})}
    for key, rule in known.items():
        problems += _refused(config, [{key: value} for value in rule.extremes()])
    problems += [problem for point in space.enqueue for problem in _check_point(point, space)]
    if problems:
        raise _problems(file, problems)
    return space.trying(config)


def _find(chosen: str | None, *, dataset: str, kind: str) -> Path:
    shipped = _shipped_folder()
    names = sorted(path.stem for path in shipped.glob("*.yaml"))
    if chosen is None:
        fallback = "bp4d" if kind == "au" else "fpara"
        name = dataset if dataset in names else fallback
        return shipped / f"{name}.yaml"
    if chosen in names:
        return shipped / f"{chosen}.yaml"
    if Path(chosen).is_file():
        return Path(chosen)
    raise ConfigError(
        f"search space {chosen!r} is neither a shipped name nor a file"
        f"{did_you_mean(chosen, names)}",
        expected=f"one of {', '.join(names)}, or the path of a YAML file",
    )


def _shipped_folder() -> Path:
    """`search_spaces` inside the installed package, or beside it in a source tree."""
    package = Path(str(resources.files("algr")))
    inside = package / "search_spaces"
    return inside if inside.is_dir() else package.parent / "search_spaces"


def _check_point(point: Mapping[str, Any], space: SearchSpace) -> list[str]:
    problems = []
    for key, value in point.items():
        rule = space.parameters.get(key)
        if rule is None:
            problems.append(f"enqueue: {key} is not a parameter of this space")
        elif not rule.contains(value):
            problems.append(f"enqueue: {key}: {value!r} lies outside the parameter's bounds")
    return problems


def _refused(config: Config, points: Sequence[Mapping[str, Any]]) -> list[str]:
    problems: list[str] = []
    for point in points:
        try:
            with_values(config, point)
        except ConfigError as error:
            problems += error.problems
    return problems


def _describe(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    reason = str(item["msg"]).removeprefix("Value error, ")
    return f"{where}: {reason}"


def _problems(file: Path, problems: list[str]) -> ConfigError:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return ConfigError(f"{file.name}: {count}", problems=problems)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_bounds(rule: _RuleT, low: float, high: float, *, log: bool) -> _RuleT:
    if low > high:
        raise ValueError(f"low ({low}) is larger than high ({high})")
    if log and low <= 0:
        raise ValueError(f"low ({low}) must be above 0 on a logarithmic scale")
    return rule
