"""What a person at the terminal sees and presses: output, bars, Ctrl-C, threads that can be left."""
