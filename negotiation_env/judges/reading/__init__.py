"""The reading judge: a frozen language model reads, small heads trained on labels judge."""
