"""What can be seen in a submission without running it: lint findings, and source that a person should look at."""
