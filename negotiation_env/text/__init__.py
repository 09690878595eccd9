"""What others say, as text: made harmless, compared as a reader would, read strictly."""
