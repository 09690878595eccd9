"""The PettingZoo environment around the game."""
