"""Targets for atheris: `python -m tests.fuzz.atheris_targets TARGET [libFuzzer's options]`; `run` starts all of them.

A target is one of our hypothesis tests, fed with bytes that atheris chooses for the code they reach, or raw bytes.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable

TARGETS = ("codec bytes", "codec trees", "codec values", "submission folders", "submission texts", "reports")


def target_of(name: str) -> Callable[[bytes], object]:
    """Import what a target needs, the grader's own code instrumented, and return it."""
    import atheris
    import hypothesis  # noqa: F401 - everything that is not ours is imported before, without instruments
    import jinja2  # noqa: F401
    import numpy as np  # noqa: F401
    import pandas as pd  # noqa: F401
    import torch  # noqa: F401

    with atheris.instrument_imports(include=["grading"]):
        from grading.sandbox import codec, codec_numpy, codec_pandas, codec_torch  # noqa: F401
        from tests.fuzz import test_fuzz_codec, test_fuzz_report, test_fuzz_submission

    def raw(data: bytes) -> None:
        """Read a stream as the judge does: first bytes, header, body."""
        with contextlib.suppress(codec.CodecError):
            size = codec.HEAD.size
            if len(data) >= size and data.startswith(codec.MAGIC):
                header, body = codec.unpack_head(data[:size])
                codec.unpack(data[size : size + header], data[size + header : size + header + body])
            else:
                header_bytes, _, rest = data.partition(b"\n")
                codec.unpack(header_bytes, rest)

    tests = {
        "codec trees": test_fuzz_codec.test_no_tree_raises_anything_but_a_codec_error,
        "codec values": test_fuzz_codec.test_what_leaves_arrives_as_it_was,
        "submission folders": test_fuzz_submission.test_no_folder_raises,
        "submission texts": test_fuzz_submission.test_no_text_raises,
        "reports": test_fuzz_report.test_no_text_acts,
    }
    return raw if name == "codec bytes" else tests[name].hypothesis.fuzz_one_input


def main() -> None:
    """Fuzz one target; libFuzzer ends the process."""
    import atheris

    logging.disable()
    fuzz = target_of(sys.argv[1])

    def one_input(data: bytes) -> None:
        fuzz(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
