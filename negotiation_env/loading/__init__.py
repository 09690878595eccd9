"""Heavy packages and fetched models, made ready at first use."""
