"""Your tests: each passes on a right solution and fails on a wrong one. Import from `solution`, as this one does."""

import solution


def test_rows_are_true_classes():
    assert solution.confusion_matrix([5, 7, 7], [7, 7, 7]).tolist() == [[0, 1], [0, 2]]
