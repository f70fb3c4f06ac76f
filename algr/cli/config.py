"""`algr config`: show what a run would use, and where each value comes from."""

import typer

from algr.cli.options import (
    FileOption,
    JsonOption,
    Preset,
    PresetOption,
    SeedOption,
    SetOption,
    print_json,
    resolve,
)

app = typer.Typer(no_args_is_help=True, help="Show the configuration.")


@app.callback()
def _group() -> None:
    pass


@app.command()
def show(
    preset: PresetOption = Preset.PAPER,
    config: FileOption = None,
    sets: SetOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print every key of the resolved configuration, its source, and what it means.

    Example: algr config show --preset tiny --set train.num_epochs=1
    """
    from algr.config import flatten

    resolved = resolve(preset, config, sets, seed)
    values = flatten(resolved.config)
    if as_json:
        rows = {key: {"value": v, "source": resolved.sources[key]} for key, v in values.items()}
        print_json(rows)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("key", "value", "source"):
        table.add_column(heading, no_wrap=True)
    table.add_column("meaning")
    for key, value in values.items():
        table.add_row(key, _shown(value), resolved.sources[key], _meaning(key))
    Console().print(table)


def _shown(value: object) -> str:
    """The value as `--set` takes it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meaning(key: str) -> str:
    from algr.config import Config

    section, _, leaf = key.rpartition(".")
    owner = Config.model_fields[section].annotation if section else Config
    return (getattr(owner, "model_fields")[leaf].description or "").strip()  # noqa: B009
