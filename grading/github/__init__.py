"""GitHub: candidate repositories, grading runs, one comment. The only room that reaches the network."""
