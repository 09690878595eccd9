"""Judges: who decides agreement and scores completions."""
