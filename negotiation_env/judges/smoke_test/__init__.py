"""The smoke-test judge: a transparent rubric with MiniLM similarity, which runs anywhere. No evidence of quality."""
