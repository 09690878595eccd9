"""GRPO self-play on TRL, its baseline, and the warm start of the embedded negotiator."""
