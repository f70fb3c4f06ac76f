"""`algr data push` and `algr data pull`: datasets at places that several machines see."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from algr.cli.data import NameArgument
from algr.cli.options import HomeOption, JsonOption, home_words, locate, print_json, stops_cleanly
from algr.cli.progress import progress

if TYPE_CHECKING:
    from algr.data.remote import Transfer

UriArgument = Annotated[
    str, typer.Argument(help="Folder of the dataset: s3://…, gs://…, file://… or a path.")
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Replace another dataset there.")]


@stops_cleanly("run the same command again: files that are there stay")
def push(
    name: NameArgument,
    uri: UriArgument,
    replace: ReplaceOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a prepared dataset to an object store or a shared folder.

    Example: algr data push bp4d s3://lab/datasets/bp4d
    """
    from algr.data.remote import push_dataset

    with progress("copying bytes") as report:
        done = push_dataset(locate(home), name, uri, replace=replace, progress=report)
    _print(done, as_json=as_json)
    typer.echo(f"next, elsewhere: algr cv --dataset {done.place}", err=True)


@stops_cleanly("run the same command again: files that are here stay")
def pull(
    uri: UriArgument,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Of the copy.", show_default="that of the folder"),
    ] = None,
    replace: ReplaceOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a prepared dataset from an object store or a shared folder, verified.

    Example: algr data pull s3://lab/datasets/bp4d
    """
    from algr.data.remote import pull_dataset

    with progress("copying bytes") as report:
        done = pull_dataset(locate(home), uri, name=name, replace=replace, progress=report)
    _print(done, as_json=as_json)
    typer.echo(f"next: algr cv --dataset {done.name}{home_words(home)}", err=True)


def _print(done: "Transfer", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(
        f"{done.name}: {done.files_copied} files copied ({done.bytes_copied / 1e6:.1f} MB), "
        f"{done.files_there} were there"
    )
    typer.echo(f"fingerprint: {done.fingerprint}")
