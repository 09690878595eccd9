"""Guards: constraints on the course of a negotiation, in past-time temporal logic, watched turn by turn."""
