"""Grade many submissions again: here in processes, or on a Dask cluster; stop at any time and start again.

    sources   the list of sources that the caller gives
    task      one piece of work, and the key that says what makes its result
    work      a task → rendered files; runs in the processes that grade
    backends  where tasks run: processes of this machine, or a cluster
    store     the folder of results, each there as a whole or not at all
    loop      reads, grades and writes at the same time, and keeps count

Nothing is graded twice: the folder of results is the memory of a run, and the cluster has none that matters.
"""

from grading.regrade.loop import Request, Summary, regrade
from grading.regrade.sources import Source, read_sources
from grading.regrade.store import Row

__all__ = ["Request", "Row", "Source", "Summary", "read_sources", "regrade"]
