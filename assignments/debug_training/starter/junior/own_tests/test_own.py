"""Your tests: each passes on a right program and fails on a wrong one. Import from `solution`."""
