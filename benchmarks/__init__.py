"""Measurements: ratios in one run against a peer or the floor."""
