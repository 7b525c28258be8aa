"""A provider that is not there: for demonstrations, for tests, and for virtual time."""

from headgate.providers.simulated.books import KeyReport, Report, Visit
from headgate.providers.simulated.faults import FAULTS, Effect, Fault, of_model, parse
from headgate.providers.simulated.settings import Limits, Scheduled, Settings
from headgate.providers.simulated.simulation import ANONYMOUS, Simulation
from headgate.providers.simulated.stage import Act, Cut, Head, Request, perform
from headgate.providers.simulated.transport import FAULT_HEADER, SimulatedResponse, SimulatedTransport

__all__ = [
    "ANONYMOUS",
    "FAULTS",
    "FAULT_HEADER",
    "Act",
    "Cut",
    "Effect",
    "Fault",
    "Head",
    "KeyReport",
    "Limits",
    "Report",
    "Request",
    "Scheduled",
    "Settings",
    "SimulatedResponse",
    "SimulatedTransport",
    "Simulation",
    "Visit",
    "of_model",
    "parse",
    "perform",
]
