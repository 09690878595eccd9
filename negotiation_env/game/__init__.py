"""The game: one negotiation as a pure state machine, and what its parties are shown; standard library only."""
