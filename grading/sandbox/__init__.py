"""Run a submission apart from everything else: the only room that starts processes and calls the kernel."""
