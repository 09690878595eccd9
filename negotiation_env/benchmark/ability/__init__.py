"""General ability, measured by lm-eval before and after training."""
