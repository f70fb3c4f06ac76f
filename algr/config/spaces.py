"""Search spaces: which configuration keys a search varies, and within which bounds."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from algr.config.loader import (
    did_you_mean,
    flatten,
    read_yaml,
    read_yaml_mapping,
    unknown_keys,
    with_values,
)
from algr.config.sections import Config
from algr.errors import ConfigError


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


When = dict[str, tuple[bool | int | float | str, ...]]
"""Values of other parameters, by configuration key, with which a parameter is varied."""


class _Rule(_Strict):
    when: When = Field(default_factory=dict)
    """All of them must hold; else the parameter keeps the configuration's value."""


_RuleT = TypeVar("_RuleT", bound=_Strict)


class FloatParameter(_Rule):
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


class IntParameter(_Rule):
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


class CategoricalParameter(_Rule):
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

    def active(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Parameters that are varied with these values of the others, parents before children."""
        found: list[str] = []
        for key in self.order():
            wanted = self.parameters[key].when
            if all(parent in found and values.get(parent) in wanted[parent] for parent in wanted):
                found.append(key)
        return tuple(found)

    def order(self) -> tuple[str, ...]:
        """All parameters, those on which others depend first; as written where nothing depends.

        Those that depend on themselves or on what is no parameter come last.
        """
        left = list(self.parameters)
        found: list[str] = []
        while True:
            ready = [key for key in left if set(self.parameters[key].when) <= set(found)]
            if not ready:
                return (*found, *left)
            found.append(ready[0])
            left.remove(ready[0])

    def to_dict(self) -> dict[str, Any]:
        """Plain values; conditions only where there are some."""
        tree = self.model_dump()
        for rule in tree["parameters"].values():
            if not rule["when"]:
                del rule["when"]
        return tree

    def trying(self, config: Config) -> Self:
        """The space with the configuration's own values as the last of the points tried first.

        They are left out where they lie outside the space, or are among the points already.
        """
        values = flatten(config)
        own = {key: values[key] for key in self.active(values)}
        inside = all(self.parameters[key].contains(value) for key, value in own.items())
        if not inside or own in self.enqueue:
            return self
        return self.model_copy(update={"enqueue": (*self.enqueue, own)})


_NEVER_VARIED = {
    "cv.": "all trials are scored on the same folds; choose it with --set, in a study of its own",
    "data.fps": "it is settled when a dataset is prepared; prepare one for each value",
    "data.crop_size": "it is settled when a dataset is prepared",
    "seed": "the best of several seeds is luck; see how much they matter with `algr cv --repeats`",
    "train.compile": "it is not built yet and changes nothing; leave it out",
    "train.init_from": "all trials start from the same weights; choose them with --init-from",
    "train.threads_per_fold": "all trials hold the same CPUs; choose it with --set",
    "tune.": "it steers the search, not a trial; choose it with --set",
}
"""Keys, or how they begin, that a trial does not honour, and what to do."""


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
        ConfigError: No such space, unknown keys or those that no trial honours, refused bounds or
            points; all of them together.
    """
    file = _find(chosen, dataset=dataset, kind=kind)
    tree = read_yaml_mapping(file, what="search space")
    try:
        space = SearchSpace.model_validate(tree)
    except ValidationError as error:
        raise file_problems(file, [_describe(item) for item in error.errors()]) from None
    problems = unknown_keys(space.parameters)
    problems += [
        f"{key}: cannot be varied: {reason}"
        for key in space.parameters
        for start, reason in _NEVER_VARIED.items()
        if key == start or (start.endswith(".") and key.startswith(start))
    ]
    problems += _wrong_conditions(space)
    known = {key: rule for key, rule in space.parameters.items() if not unknown_keys({key: 0})}
    for key, rule in known.items():
        problems += _refused(config, [{key: value} for value in rule.extremes()])
    problems += [
        f"enqueue: {problem}" for point in space.enqueue for problem in check_point(point, space)
    ]
    if problems:
        raise file_problems(file, problems)
    return space.trying(config)


def load_points(file: Path, *, space: SearchSpace, config: Config) -> tuple[dict[str, Any], ...]:
    """Points that are to be tried first, from a YAML list of mappings (or one under `points`).

    Raises:
        ConfigError: The file cannot be read, or a point does not lie in the space; all together.
    """
    tree = read_yaml(file, what="file of points")
    if isinstance(tree, dict) and set(tree) == {"points"}:
        tree = tree["points"]
    if not isinstance(tree, list) or not all(isinstance(point, dict) and point for point in tree):
        raise ConfigError(
            f"{file.name} holds no points",
            expected="a list of mappings, as `- {loss.align_weight: 0.5}`",
        )
    problems = []
    for number, point in enumerate(tree, start=1):
        wrong = check_point(point, space) or _refused(config, [point])
        problems += [f"point {number}: {problem}" for problem in wrong]
    if problems:
        raise file_problems(file, problems)
    return tuple(tree)


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


def check_point(point: Mapping[str, Any], space: SearchSpace) -> list[str]:
    """One line for each value that the space cannot suggest."""
    problems = []
    active = space.active(point) if _is_conditional(point, space) else tuple(space.parameters)
    for key, value in point.items():
        rule = space.parameters.get(key)
        if rule is None:
            near = did_you_mean(key, space.parameters)
            problems.append(f"{key} is not a parameter of this space{near}")
        elif not rule.contains(value):
            problems.append(f"{key}: {value!r} lies outside the parameter's bounds")
        elif key not in active:
            problems.append(f"{key}: is not varied where {_condition(rule.when)} does not hold")
    return problems


def _is_conditional(point: Mapping[str, Any], space: SearchSpace) -> bool:
    return any(key in space.parameters and space.parameters[key].when for key in point)


def _condition(when: Mapping[str, Sequence[object]]) -> str:
    return ", ".join(
        f"{key} {' or '.join(str(value) for value in values)}" for key, values in when.items()
    )


def _wrong_conditions(space: SearchSpace) -> list[str]:
    problems = []
    for key, rule in space.parameters.items():
        for parent, values in rule.when.items():
            above = space.parameters.get(parent)
            if above is None:
                near = did_you_mean(parent, space.parameters)
                problems.append(f"{key}: when: {parent} is not a parameter of this space{near}")
                continue
            problems += [
                f"{key}: when: {parent} is never {value!r}"
                for value in values
                if not above.contains(value)
            ]
    problems += [f"{key}: when: depends on itself" for key in _circular(space)]
    return problems


def _circular(space: SearchSpace) -> list[str]:
    """Parameters that wait for each other; a parent that is no parameter is not waited for."""
    left = list(space.parameters)
    while ready := [key for key in left if not set(space.parameters[key].when) & set(left)]:
        left = [key for key in left if key not in ready]
    return left


def _refused(config: Config, points: Sequence[Mapping[str, Any]]) -> list[str]:
    problems: list[str] = []
    for point in points:
        try:
            with_values(config, point)
        except ConfigError as error:
            problems += error.problems
    return problems


_KNOWN = ("parameters", "enqueue", "type", "low", "high", "log", "step", "choices", "when")


def _describe(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{where}: unknown key{did_you_mean(str(item['loc'][-1]), _KNOWN)}"
    reason = str(item["msg"]).removeprefix("Value error, ")
    return f"{where}: {reason}"


def file_problems(file: Path, problems: list[str]) -> ConfigError:
    """The error that names all problems of a file."""
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
