"""The game in other people's tools: an adapter a module, each with an extra of its own."""
