"""Simulated sources for tests and demonstrations: a clinic, BP4D and DISFA, with drawn faces.

Nothing that it makes is ever called anything but simulated.
"""

from algr.simulate.bp4d import simulate_bp4d
from algr.simulate.clinic import simulate_fpara
from algr.simulate.disfa import simulate_disfa
from algr.simulate.folder import SimulationSummary
from algr.simulate.sheet import contact_sheet

__all__ = [
    "SimulationSummary",
    "contact_sheet",
    "simulate_bp4d",
    "simulate_disfa",
    "simulate_fpara",
]
