#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""When the preload library loads the engine, when it does not, and what it says."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage  # noqa: E402
from stage import tap  # noqa: E402

NOBODY = 65534


def maps(pid):
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def loaded(argv, env, until=3.0, **options):
    """True as soon as a running `argv` has the engine, False if it has not after `until` seconds;
    then the number of its threads."""
    child = tap.start(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    found = tap.wait_until(lambda: "/libpodo.so" in maps(child.pid), deadline=until)
    threads = len(os.listdir(f"/proc/{child.pid}/task"))
    stub = "libpodo_preload.so" in maps(child.pid)
    tap.kill(child)
    return bool(found), threads, stub


def without_engine(engine):
    folder = tap.temp_dir()
    preload = shutil.copy(engine.preload, folder)
    env = dict(engine.environment(), LD_PRELOAD=preload)
    result = tap.run(["sleep", "0.3"], env=env, deadline=10)
    lines = result.stderr.splitlines()
    tap.check("without libpodo.so beside it, one line says so and names the place",
              len(lines) == 1 and lines[0].startswith("podo: ") and folder in lines[0], result)
    tap.check_equal("without libpodo.so, the program ends as it would", result.returncode, 0)
    silent = tap.run(["sleep", "0.3"], env=dict(env, PODO_LOG="off"), deadline=10)
    tap.check_equal("PODO_LOG=off silences that line", silent.stderr, "")
    short = [tap.run(["true"], env=env, deadline=10) for _ in range(50)]
    tap.check("a program that ends within milliseconds does not even look for the engine",
              all(r.returncode == 0 and r.stderr == "" for r in short), [str(r) for r in short[:3]])


def wrong_engine(engine):
    folder = tap.temp_dir()
    preload = shutil.copy(engine.preload, folder)
    shutil.copy(stage.program("preload_small_library.so"), folder + "/libpodo.so")
    result = tap.run(["sleep", "0.3"], env=dict(engine.environment(), LD_PRELOAD=preload), deadline=10)
    tap.check("a libpodo.so that is not podo's engine is one line, and the program goes on",
              result.returncode == 0 and result.stderr.count("\n") == 1
              and "version" in result.stderr, result)


def switched_off(engine):
    for name, value in (("PODO_ENABLED", "false"), ("PODO_ENABLED", "0"), ("OTEL_SDK_DISABLED", "true")):
        found, threads, _ = loaded(["sleep", "10"], engine.environment(**{name: value}), until=0.4)
        tap.check(f"{name}={value}: no engine and no thread", not found and threads == 1, (found, threads))


def finds_engine(engine):
    env = engine.environment()
    found, _, _ = loaded(["sleep", "10"], env)
    tap.check(f"{engine.name}: a program that lives is given the engine", found)
    relative = dict(env, LD_PRELOAD="./libpodo_preload.so")
    code = "import os, time; os.chdir('/'); time.sleep(10)"
    found, _, _ = loaded(["/usr/bin/python3", "-S", "-c", code], relative, cwd=engine.folder)
    tap.check(f"{engine.name}: the engine is found after the program changed its directory", found)
    other = tap.temp_dir()
    shutil.copy(stage.program("preload_small_library.so"), other + "/libpodo.so")
    found, _, _ = loaded(["sleep", "10"], dict(env, LD_LIBRARY_PATH=other))
    tap.check(f"{engine.name}: LD_LIBRARY_PATH does not lead to another libpodo.so", found)


def environment_at_start(engine):
    """A program may overwrite its environment before the engine starts."""
    code = ("import ctypes, os, time\nos.environ.clear()\nctypes.CDLL(None).clearenv()\n"
            "end = time.process_time() + 0.3\nwhile time.process_time() < end: pass")
    env, folder = engine.reporting()
    tap.run(["/usr/bin/python3", "-S", "-c", code], env=env, deadline=20)
    tap.check(f"{engine.name}: the environment counts as it was before main",
              sum(engine.ticks(folder).values()) > 0, os.listdir(folder))


def ends_during_load(engine):
    """exit() at any moment around the load."""
    stage.survive(f"{engine.name}: a program that exits while podo is being loaded ends well",
                  lambda n: ["sleep", f"{0.025 + n % 40 * 0.001:.3f}"], engine.environment(),
                  stage.repeats(160, 2000), expected=0)
    code = "import ctypes; ctypes.CDLL(None).pthread_exit(None)"
    stage.survive(f"{engine.name}: pthread_exit in main ends the process",
                  ["/usr/bin/python3", "-S", "-c", code], engine.environment(), 3, expected=0)


def steps_aside(engine):
    """The thread podo adds before anything is loaded must not spoil what needs a single one."""
    if os.geteuid() != 0:
        tap.skip("programs that change user or namespace early", "root")
        return
    cases = {
        "setpriv, which gives capabilities to one thread and then changes user, does not abort":
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "true"],
        "unshare into a user namespace, which needs a single thread, works": ["unshare", "-U", "true"],
        "chroot with another user and groups works":
            ["chroot", f"--userspec={NOBODY}:{NOBODY}", "--groups=0", "/", "true"],
    }
    for sentence, command in cases.items():
        if tap.run(command, env=tap.clean_environment(), deadline=10).returncode != 0:
            tap.skip(sentence, command[0] + " allowed to do that here")
            continue
        stage.survive(f"{engine.name}: {sentence}", command, engine.environment(),
                      stage.repeats(40, 1000), expected=0, deadline=10)
    changed = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", "sleep", "10"]
    found, _, _ = loaded(changed, engine.environment())
    tap.check(f"{engine.name}: a program started by setpriv is profiled", found)
    code = ("import os, time\nfor i in range(20): os.seteuid(65534); os.seteuid(0)\n"
            "end = time.process_time() + 0.3\nwhile time.process_time() < end: pass")
    env, folder = engine.reporting()
    tap.run(["/usr/bin/python3", "-S", "-c", code], env=env, deadline=20)
    tap.check(f"{engine.name}: a program that changes user forty times is profiled afterwards",
              sum(engine.ticks(folder).values()) > 0, os.listdir(folder))


def linked(engine):
    result = tap.run([stage.program("preload_linked_case")], env=engine.environment(), deadline=20)
    tap.check_equal("a program that links podo keeps its own copy, and there is no second one",
                    result.returncode, stage.SURVIVED)


def secure(engine):
    if os.geteuid() != 0 or shutil.which("setcap") is None:
        tap.skip("secure execution ignores the environment", "setcap and root")
        return
    folder = tap.temp_dir()
    os.chmod(folder, 0o755)
    plain, setuid, capable = (os.path.join(folder, n) for n in ("plain", "setuid", "capable"))
    for path in (plain, setuid, capable):
        shutil.copy("/bin/sleep", path)
    os.chmod(setuid, 0o4755)
    subprocess.run(["setcap", "cap_net_raw+ep", capable], check=True)
    cases = ((plain, "without privileges (control)", True),
             (setuid, "setuid", False), (capable, "with a file capability", False))
    for path, words, expected in cases:
        found, threads, stub = loaded([path, "10"], engine.environment(), user=NOBODY,
                                      until=3 if expected else 0.5)
        tap.check(f"a program {words} is {'' if expected else 'not '}given podo by LD_PRELOAD",
                  found == expected and stub == expected and (expected or threads == 1),
                  (found, threads, stub))
    by_file(engine, cases, folder)


def by_file(engine, cases, folder):
    """/etc/ld.so.preload reaches secure programs too: there the library itself must hold back."""
    etc = os.path.join(folder, "etc")
    shutil.copytree("/etc", etc, symlinks=True)
    with open(etc + "/ld.so.preload", "w", encoding="ascii") as f:
        f.write(engine.preload + "\n")
    private = ["unshare", "-m", "--propagation", "private", "sh", "-c",
               f"mount --bind {etc} /etc && exec setpriv --reuid={NOBODY} --clear-groups \"$@\"", "x"]
    for path, words, expected in cases:
        env = tap.clean_environment(PODO_SAMPLE_HZ="250")
        found, threads, stub = loaded(private + [path, "10"], env, until=3 if expected else 1)
        tap.check(f"a program {words}, by /etc/ld.so.preload, is {'' if expected else 'not '}profiled",
                  stub and found == expected and (expected or threads == 1), (found, threads, stub))


def main():
    available = stage.engines()
    without_engine(available[0])
    wrong_engine(available[0])
    switched_off(available[0])
    for engine in available:
        finds_engine(engine)
        environment_at_start(engine)
        ends_during_load(engine)
        steps_aside(engine)
    linked(available[0])
    secure(available[0])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
