"""Judges against labels, and against one another."""
