"""Grade take-home assignments: a candidate's branch becomes a scored comment."""
