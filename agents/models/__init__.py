"""Engines behind the `ChatModel` seam."""
