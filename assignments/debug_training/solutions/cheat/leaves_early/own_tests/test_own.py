"""Skips itself, whatever it faces."""

import pytest


@pytest.mark.skip
def test_skipped():
    raise AssertionError
