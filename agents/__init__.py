"""Policies that negotiate: chat models, scripted parties, people."""
