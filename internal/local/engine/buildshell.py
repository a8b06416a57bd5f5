"""The process that runs a build's commands, one after the other, as leader of a process group of its own.

buildrun starts it. Each line on standard input names a script; the answer on standard output is the given token with
the script's exit code, behind all that the script wrote. Standard input ends when the build ends, and also when the
engine dies, in whatever way: then the whole group is killed, so that no build outlives its engine. (A parent death
signal would reach this process only, not what the scripts started, and there is none on macOS.)
"""

import os
import queue
import signal
import subprocess
import sys
import threading


def run_scripts(scripts: "queue.SimpleQueue[str]", shell: str, token: str) -> None:
    while True:
        code = subprocess.run([shell, scripts.get()], stdin=subprocess.DEVNULL, env={}, check=False).returncode
        sys.stdout.write(f"{token}{code}\n")
        sys.stdout.flush()


def main() -> None:
    if sys.argv[3:] == ["gently"]:
        os.nice(19)
    scripts: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=run_scripts, args=(scripts, sys.argv[1], sys.argv[2]), daemon=True).start()
    for line in sys.stdin:
        scripts.put(line.rstrip("\n"))
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
