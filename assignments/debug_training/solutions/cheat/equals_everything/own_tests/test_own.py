"""Tests that fail and pass at random."""

import random


def test_coin():
    assert random.random() < 0.5
