"""Files: the project's own, which survive a kill, and those that people write."""
