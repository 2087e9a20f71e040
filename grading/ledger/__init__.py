"""The record: what happened to each candidate's work. Events are added and never changed; all else is a view of them.

events  the five kinds of event, and their JSON
fold    events → where each candidate stands; pure
store   branch `ledger` (events) and branch `people` (names, without history) of the grading repository
"""
