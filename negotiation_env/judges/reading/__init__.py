"""The reading judge: a language model tuned a little on labels reads, small heads judge."""
