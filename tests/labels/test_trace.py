#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The example service: samples of a request link to the span that its traceparent header names."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import truth  # noqa: E402
from truth import pprof_file, tap  # noqa: E402

SERVICE = os.path.join(tap.build_dir(), "examples", "traceparent_service")
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def main():
    directory = tap.temp_dir()
    result = tap.run([SERVICE], env=tap.clean_environment(
        PODO_EXPORT=f"file://{directory}/", PODO_SYMBOLIZE="none", PODO_EXIT_TIMEOUT="20s"))
    tap.check("the service answers its own requests and ends",
              result.returncode == 0 and result.stdout.count("/pay: ") == 5, result)
    samples = pprof_file.read_directory(directory, pprof_file.Symbols(SERVICE))
    work = [s for s in samples if "Work" in s.stack]
    tap.check(f"there are samples of the work ({len(work)})", work, samples[:5])
    lost = [s for s in work if (s.labels.get("trace_id"), s.labels.get("span_id")) != (TRACE, SPAN)]
    tap.check("each of them has the caller's trace and span", not lost, lost[:3])
    names = {s.labels.get("span_name") for s in work}
    tap.check("the span's name is the path", "/pay" in names and names <= {"/pay", "/search"}, names)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
