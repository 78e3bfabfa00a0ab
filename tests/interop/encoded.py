# SPDX-License-Identifier: Apache-2.0
"""Profiles through podo's encoders, for other programs' readers."""

import collections
import glob
import os

import pprof_file
import tap

BUILT = os.path.join(tap.build_dir(), "tests", "unit", "encode")
TEMP = tap.temp_dir()


def known(form):
    """The pprof file of the profile in known_profile.h; `form` is before or after."""
    path = os.path.join(TEMP, form + ".pb.gz")
    tap.run([os.path.join(BUILT, "podo_write_known_profile"), form, path])
    return path


def encode(form, file, *limits):
    """The requests (`form` is otlp or pyroscope) that together hold a pprof file."""
    prefix = os.path.join(TEMP, "request-")
    for old in glob.glob(prefix + "*"):
        os.unlink(old)
    result = tap.run([os.path.join(BUILT, "podo_encode_file"), form, file, prefix, *map(str, limits)])
    if result.returncode != 0:
        tap.check("the file is encoded", False, result)
        return []
    requests = []
    for i in range(int(result.stdout)):
        with open(prefix + str(i), "rb") as f:
            requests.append(f.read())
    return requests


def samples(profile):
    """Of a pprof_file.Profile, as otlp_request.Request.samples has them."""
    found = collections.Counter()
    for frames, labels, values in profile.samples:
        found[frames, labels] += values[0]
    return found


def read(file):
    return pprof_file.Profile(file)
