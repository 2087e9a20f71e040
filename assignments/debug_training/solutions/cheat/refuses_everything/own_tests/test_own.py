"""Tests that always fail, and so catch each bug."""


def test_fails():
    raise AssertionError
