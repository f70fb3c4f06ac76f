"""A search in a process of its own: `search_driver.py FOLDER TRIALS SECONDS LOG`."""

import sys
from pathlib import Path

from search_fakes import Diary, FakeFactory, search_job

from algr.distributed import ray_session, run_search
from algr.errors import AlgrError


def main(folder: str, trials: str, seconds: str, log: str) -> int:
    job = search_job(Path(folder), trials=int(trials), resume=True)
    factory = FakeFactory(seconds=float(seconds), log=Path(log))
    try:
        with ray_session(address="local", num_cpus=2):
            run_search(job, listener=Diary.empty(), factory=factory)
    except AlgrError as error:
        sys.stderr.write(error.message)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
