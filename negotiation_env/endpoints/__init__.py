"""OpenAI-compatible endpoints: calls, wire format, limits, secrets, recordings."""
