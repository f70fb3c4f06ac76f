"""A simulated clinic for tests and demonstrations: drawn faces with a palsy of one side.

Nothing that it makes is ever called anything but simulated.
"""

from algr.simulate.clinic import simulate_fpara
from algr.simulate.folder import SimulationSummary
from algr.simulate.sheet import contact_sheet

__all__ = ["SimulationSummary", "contact_sheet", "simulate_fpara"]
