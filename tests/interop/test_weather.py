#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 1500
"""A service under podo, two real OpenTelemetry Collectors, and bad weather between them: nothing is
lost, a retry is the same bytes and comes only where no yes was read, and the service notices
nothing."""

import collections
import gzip
import email.utils
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "export"))
import collector  # noqa: E402
import otlp_request  # noqa: E402
import pypi  # noqa: E402
import receiver  # noqa: E402
import tap  # noqa: E402
import weather  # noqa: E402
from linked_service import TIMEOUT_MS, Service, host_ticks, spooled  # noqa: E402

SENTENCE = "no weather between a service and its OpenTelemetry Collector loses a sample"
MEMORY_QUEUE_BYTES = 1 << 20  # DeliverySettings::queue_bytes


class Arrivals:
    """What the last gateway has written, by profile id."""

    def __init__(self, path):
        self.by_id = collections.defaultdict(list)
        for request in otlp_request.read_json_lines(path):
            for profile in request.profiles:
                self.by_id[profile.profile_id].append(request.samples(profile))
        self.requests = otlp_request.read_json_lines(path)

    def once(self):
        """Samples, each profile counted once."""
        found = collections.Counter()
        for copies in self.by_id.values():
            found.update(copies[0])
        return found


def plain(exchange):
    is_gzip = exchange.headers.get("Content-Encoding") == "gzip"
    return gzip.decompress(exchange.body) if is_gzip else exchange.body


def ids(exchange):
    return tuple(p.profile_id for p in otlp_request.Request(plain(exchange)).profiles)


def is_yes(exchange):
    return exchange.answered is not None and 200 <= exchange.answered < 300


def check_retries(front, arrivals, disturbed=()):
    """What podo sent, attempt by attempt; `disturbed` are ids that a killed gateway held."""
    attempts = collections.defaultdict(list)
    for exchange in sorted(list(front.exchanges), key=lambda e: e.at):
        for profile_id in ids(exchange):
            attempts[profile_id].append(exchange)
    retried = {i: a for i, a in attempts.items() if len(a) > 1}
    unequal = [i.hex() for i, a in retried.items() if len({e.sha256 for e in a}) > 1]
    tap.check("a retry is byte-identical and has the same profile id", retried and not unequal, unequal)
    after_yes = [(i.hex(), [(e.weather, e.answered) for e in a]) for i, a in retried.items()
                 if any(map(is_yes, a[:-1]))]
    tap.check("a retry comes only where no yes was read", not after_yes, after_yes)
    unexplained = {}
    for i, a in attempts.items():
        passed = sum(e.passed == 200 for e in a)
        if i not in disturbed and passed != len(arrivals.by_id.get(i, [])):
            unexplained[i.hex()] = (passed, len(arrivals.by_id.get(i, [])))
    tap.check("each profile is behind the gateways as often as they said yes to it", not unexplained,
              f"id: (passed, arrived) {unexplained}")
    twice = sum(len(copies) - 1 for copies in arrivals.by_id.values())
    by_podo = sum(max(sum(e.passed == 200 for e in a) - 1, 0) for a in attempts.values())
    print(f"| duplicates: {by_podo} of {len(attempts)} profiles, each after an answer nobody heard; "
          f"{twice - by_podo} made by the killed gateway")
    return attempts


def until_date():
    date = email.utils.formatdate(time.time() + 3, usegmt=True)
    return weather.answering(429, Retry_After=date)


# What makes the weather, and how many of its exchanges to wait for.
PHASES = [(lambda: weather.answering(429, b"slow down", Retry_After="2"), 2),
          (lambda: weather.answering(503), 3), (until_date, 2), (weather.black_hole, 2),
          (weather.dripping, 2), (lambda: weather.dripping(passes=True), 2), (weather.cut_off, 3),
          (weather.lost_answer, 3), (weather.garbage, 3), (weather.reset, 3)]


def run_phases(service, front, first, last):
    """Latency by weather, and the log lines of what went wrong."""
    latency = {}

    def settle(name):
        latency[name] = service.ask("latency")
        count = len(front.exchanges)
        front.turn(weather.clear())
        tap.check(f"{name}: sending goes on after it", tap.wait_until(
            lambda: any(map(is_yes, front.exchanges[count:])), 20), front.exchanges[count:])
        service.ask("latency")  # so that that of the next weather begins here

    tap.wait_until(lambda: len(front.during("clear")) >= 10, 20)
    latency["clear"] = service.ask("latency")
    for make, least in PHASES:
        state = make()
        front.turn(state)
        tap.check(f"{state.name}: podo tries", tap.wait_until(
            lambda: len(front.during(state.name)) >= least, 30), service.log())
        settle(state.name)
    errors = service.ask()["errors"]
    front.close_door()
    tap.check("connections refused: podo tries",
              tap.wait_until(lambda: service.ask()["errors"] >= errors + 3, 30), service.log())
    front.open_door()
    settle("connections refused")
    last.stop()  # so that the first one has said yes to what it holds when it is killed
    before = len(front.exchanges)
    tap.wait_until(lambda: sum(map(is_yes, front.exchanges[before:])) >= 5, 30)
    first.kill()
    killed = len(front.exchanges)
    tap.wait_until(lambda: sum(e.answered is None for e in front.exchanges[killed:]) >= 3, 30)
    tap.check("a killed gateway starts again", first.start(), first.log())
    tap.check("and the one behind it", last.start(), last.log())
    settle("gateway killed")
    # What it held, or was just sending, its own queue may send on twice.
    disturbed = {i for e in front.exchanges[max(before - 5, 0):killed + 1] for i in ids(e)}
    return latency, disturbed


def check_waits(front):
    """After the first 429 of each kind nothing comes before its time."""
    for name, least_s in (("429 {'Retry-After': '2'}", 2.0), ("429 {'Retry-After': '", 1.0)):
        found = [e for e in front.exchanges if e.weather.startswith(name)]
        if name.endswith(": '"):
            found = [e for e in found if "GMT" in e.weather]
        later = [e.at for e in front.exchanges if found and e.at > found[0].at]
        gap = min(later) - found[0].at if later else 0
        kind = "an HTTP date" if least_s == 1.0 else "seconds"
        tap.check(f"Retry-After in {kind} is respected", gap >= least_s, f"{gap:.2f} s after it")


def check_latency(latency):
    clear = latency["clear"]
    print("| weather                                    requests  p50 us  p99 us  max us")
    for name, s in latency.items():
        print(f"| {name[:42]:42} {s['requests']:8} {s['p50_us']:7} {s['p99_us']:7} {s['max_us']:7}")
    worse = sorted(s["p50_us"] for n, s in latency.items() if n != "clear")
    tap.check("the service's requests take as long as in clear weather",
              worse[len(worse) // 2] <= 1.5 * clear["p50_us"], f"{worse} against {clear['p50_us']}")
    tap.check("no request waits as long as one of podo's",
              all(s["max_us"] < TIMEOUT_MS * 1000 for s in latency.values()), latency)


def check_content(arrivals):
    by_label, links = collections.Counter(), 0
    for (stack, labels), value in arrivals.once().items():
        names = {line[0].split("(")[0] for location in stack for line in location[2]}
        found = dict((k, v) for k, v, _ in labels)
        links += value if found.get("trace_id", "").startswith("ab0102") else 0
        for name in names & {"ChargeCard", "RenderCart"}:
            by_label[name, found.get("endpoint")] += value
    tap.check("functions arrive under the labels they ran under",
              set(by_label) == {("ChargeCard", "/pay"), ("RenderCart", "/cart")}, by_label)
    tap.check("links to the trace arrive", links > 0, arrivals.once())
    faulty = sorted({f for r in arrivals.requests for f in otlp_request.faults(r, inline=False)})
    tap.check_equal("no rule of the proto is broken behind the gateways", faulty, [])
    resources = [r.resource_attributes() for r in arrivals.requests]
    tap.check("resource attributes arrive, with what the gateway added",
              all((r.get("service.name"), r.get("team"), r.get("gateway.zone"))
                  == ("checkout", "shop", "eu-1") and "service.instance.id" in r for r in resources),
              resources[:3])


def lost_by_gateways(front, arrivals):
    """Samples of profiles that a gateway has said yes to and that are not behind it."""
    lost = {}
    for exchange in filter(is_yes, list(front.exchanges)):
        request = otlp_request.Request(plain(exchange))
        for profile in request.profiles:
            if profile.profile_id not in arrivals.by_id:
                lost[profile.profile_id] = sum(request.samples(profile).values())
    return lost


def arrived(last, service_stats, deadline=30):
    """The arrivals, once as many samples are there as the service has counted, or at the deadline."""
    path = last.arrivals
    wanted = host_ticks(service_stats)
    tap.wait_until(lambda: sum(Arrivals(path).once().values()) >= wanted, deadline, 0.5)
    return Arrivals(path)


def check_all_weather(program):
    last = collector.Gateway(program, tap.temp_dir())
    first = collector.Gateway(program, tap.temp_dir(), to=last.url, attributes={"gateway.zone": "eu-1"})
    if not tap.check("both gateways start", last.start() and first.start(), last.log() + first.log()):
        return
    front = weather.Front(first.port)
    spool = tap.temp_dir()
    service = Service(front.port, PODO_SPOOL_DIR=spool)
    latency, disturbed = run_phases(service, front, first, last)
    stats = service.end(spool)
    arrivals = arrived(last, stats)
    tap.check("nothing is lost", stats["lost"] == 0, f"{stats}\n{service.log()}")
    lost = lost_by_gateways(front, arrivals)
    print(f"| lost by the killed gateway after its yes: {len(lost)} profiles, {sum(lost.values())} samples")
    tap.check_equal("every sample that podo counted is behind the gateways, duplicates left out, "
                    "or a gateway's own loss", sum(arrivals.once().values()) + sum(lost.values()),
                    host_ticks(stats))
    attempts = check_retries(front, arrivals, disturbed)
    tap.check_equal("podo counts a profile as sent for each yes it read", stats["written"],
                    sum(any(map(is_yes, a)) for a in attempts.values()))
    check_waits(front)
    check_content(arrivals)
    check_latency(latency)
    for gateway in (first, last):
        gateway.stop()
    front.close_door()


def check_long_outage(program):
    """An outage longer than the memory queue, in which the service dies too."""
    last = collector.Gateway(program, tap.temp_dir())
    tap.check("the gateway starts", last.start(), last.log())
    front, spool = weather.Front(last.port), tap.temp_dir()
    padding = ",".join(f"pad{i}={'x' * 1000}" for i in range(8))  # so that the queue is full soon
    settings = {"PODO_SPOOL_DIR": spool, "PODO_COMPRESSION": "none", "PODO_INTERVAL": "100ms",
                "PODO_LABELS": "team=shop," + padding}
    service = Service(front.port, **settings)
    tap.wait_until(lambda: len(front.during("clear")) >= 10, 20)
    last.stop()
    mean = sum(len(e.body) for e in front.exchanges) / len(front.exchanges)
    tap.check("an outage is longer than the memory queue", tap.wait_until(
        lambda: service.ask()["spooled"] * mean > 1.2 * MEMORY_QUEUE_BYTES, 120, 0.2), service.log())
    counted = service.ask()
    tap.wait_until(lambda: (s := service.ask())["windows"] >= counted["windows"] + 10, 30)
    stats = service.ask()
    tap.kill(service.child)
    waiting = len(spooled(spool))
    print(f"| outage: {stats['spooled']} profiles of {mean:.0f} bytes spooled; {waiting} files when the "
          "service was killed")
    tap.check("nothing was lost meanwhile", stats["lost"] == 0, stats)
    tap.check("the gateway starts again", last.start(), last.log())
    heir = Service(front.port, **settings)
    final = heir.end(spool)
    last.stop()  # its file is whole then
    arrivals = Arrivals(last.arrivals)
    before = {p.profile_id for r in arrivals.requests for p in r.profiles
              if r.resource_attributes()["process.pid"] == service.child.pid}
    total = sum(sum(arrivals.by_id[i][0].values()) for i in before)
    tap.check("what a killed service had spooled is sent by the one after it, nothing missing",
              total >= host_ticks(counted) and final["lost"] == 0,
              f"{total} of {host_ticks(counted)} to {host_ticks(stats)} samples in {len(before)} profiles, "
              f"{stats['written']} + {waiting} files\n{final}\n{heir.log()}")
    tap.check_equal("and its own samples arrive all",
                    sum(sum(copies[0].values()) for i, copies in arrivals.by_id.items()
                        if i not in before), host_ticks(final))
    tap.check("nothing arrives twice", all(len(c) == 1 for c in arrivals.by_id.values()))
    front.close_door()


def check_expired(program):
    last = collector.Gateway(program, tap.temp_dir())
    tap.check("the gateway starts", last.start(), last.log())
    authority = receiver.Authority(tap.temp_dir())
    expired = authority.issue("collector", "IP:127.0.0.1", "20210101000000Z")
    good = authority.issue("collector", "IP:127.0.0.1")
    front = weather.Front(last.port, receiver.server_context(*expired))
    spool = tap.temp_dir()
    service = Service(front.port, "otlp+https", PODO_CERTIFICATE=authority.path, PODO_SPOOL_DIR=spool)
    stats = tap.wait_until(lambda: (s := service.ask())["errors"] >= 3 and s, 30) or service.ask()
    tap.check("an expired certificate is refused, and podo says why", stats["written"] == 0
              and "expired" in stats["last_error"] and not front.exchanges, f"{stats}\n{service.log()}")
    front.close_door()
    front.tls = receiver.server_context(*good)
    front.open_door()
    stats = service.end(spool)
    arrivals = arrived(last, stats)
    tap.check_equal("nothing is lost when a certificate has expired and is renewed",
                    (stats["lost"], sum(arrivals.once().values())), (0, host_ticks(stats)))
    last.stop()
    front.close_door()


def main():
    if not pypi.use(os.path.join(tap.source_dir(), "tests", "interop", "requirements.txt")):
        tap.skip(SENTENCE, "opentelemetry-proto, from PyPI")
        return tap.done()
    program = collector.program_for(SENTENCE)
    if program is None:
        return tap.done()
    check_all_weather(program)
    check_long_outage(program)
    check_expired(program)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
