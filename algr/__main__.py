"""`python -m algr` is `algr`."""

from algr.cli import main

if __name__ == "__main__":
    main()
