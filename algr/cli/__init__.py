"""The command line: parse, call, print. Data goes to standard output, everything else to stderr."""

from algr.cli.app import main

__all__ = ["main"]
