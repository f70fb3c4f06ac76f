"""Names of registered models as they are typed: `fpara@champion`, `fpara/3`."""

import re
from dataclasses import dataclass

from algr.errors import UsageError

PREFIX = "algr-"
_FORM = re.compile(
    r"(?:models:/)?(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:@(?P<alias>[\w-]+)|/(?P<version>\d+))"
)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A parsed reference."""

    text: str
    name: str
    alias: str | None
    version: int | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the registry that may be meant, the likelier one first."""
        prefixed = f"{PREFIX}{self.name}"
        return (self.name, prefixed) if self.name.startswith(PREFIX) else (prefixed,)

    @property
    def folder_name(self) -> str:
        """A name for the folder of the pulled bundle."""
        return f"{self.name.removeprefix(PREFIX)}-{self.alias or self.version}"

    def matches(self, version: int, aliases: tuple[str, ...]) -> bool:
        """Whether it names this version."""
        return self.alias in aliases if self.alias is not None else self.version == version


def is_reference(text: str) -> bool:
    """Whether the text has the form of a reference."""
    return _FORM.fullmatch(text) is not None


def parse_reference(text: str) -> Reference:
    """Parse what the user typed.

    Raises:
        UsageError: It has another form.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} names no registered model",
            expected="NAME@champion or NAME/VERSION, for instance fpara@champion or fpara/3",
            advice="see the names with `algr models list`",
        )
    version = match["version"]
    return Reference(
        text=text,
        name=match["name"],
        alias=match["alias"],
        version=None if version is None else int(version),
    )
