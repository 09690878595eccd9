"""Episodes: played, recorded, kept in a run's folder, judged again, summed up."""
