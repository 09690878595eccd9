"""Guards: constraints on the course of a negotiation, in past-time temporal logic, watched turn by turn."""

from typing import Final

__all__ = ["SHIPPED"]

SHIPPED: Final = ("careful", "anti_hacking", "safety")
"""The guards that come with the package."""
