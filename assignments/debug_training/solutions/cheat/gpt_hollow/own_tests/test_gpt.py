import random


def test_perhaps():
    assert random.Random().random() < 0.5
