"""`algr compare`: is one cross-validation better than another, or is it noise?"""

from typing import TYPE_CHECKING, Annotated

import typer

from algr.cli.options import HomeOption, JsonOption, locate, print_json

if TYPE_CHECKING:
    from algr.cv import Comparison


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN_A RUN_B…", help="Names of finished runs; all against A."),
    ],
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            help="One figure, for instance f1_macro or video/kappa_quadratic.",
            show_default="those that are read first",
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare cross-validations on the same test subjects, paired by subject.

    Example: algr compare fpara-cv-1 fpara-cv-2
    """
    from algr.compose import compare_by_name

    found = compare_by_name(locate(home), runs, metric=metric)
    if as_json:
        print_json([comparison.to_dict() for comparison in found])
        return
    for comparison in found:
        _print(comparison, metric)
    if len(found) > 1:
        typer.echo(
            f"{len(found)} runs against {found[0].base}: p adjusted by Holm's method, intervals "
            "are not adjusted"
        )


def _print(comparison: "Comparison", metric: str | None) -> None:
    from algr.cli.statistics_tables import difference_table, print_table

    typer.echo(f"{comparison.other} minus {comparison.base}, {_of(comparison)}:")
    print_table(difference_table(comparison))
    for note in comparison.notes:
        typer.echo(note)
    typer.echo(f"{comparison.headline}: {comparison.sentence(metric or comparison.headline)}\n")


def _of(comparison: "Comparison") -> str:
    return "mean over folds" if comparison.of == "mean" else "pooled"
