"""Data of one's own: dilemmas, persona pairs and open questions, written and checked by chat models.

Plan (`plan`) → ask and read (`forms`) → near-duplicates (`neighbours`) → quality gate (`quality`) → split by domain and
files (`dataset`), in a run that can be killed (`generate`), told in a data card (`card`).
"""
