"""Persona-assigned negotiation between language models as a PettingZoo environment."""
