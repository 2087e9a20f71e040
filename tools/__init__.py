"""What the make targets run that is not part of the grader."""
