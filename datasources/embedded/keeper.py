"""The keeper: starts one server, restarts it when it dies, stops it when nobody uses it.

Run as `python -m datasources.embedded.keeper NAME FOLDER`, by `borrow`.
"""

import ctypes
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from datasources.embedded.locks import Lock
from datasources.embedded.servers import SERVERS, CannotStart, Server

START_LIMIT = 60.0
"""Seconds a server may take to answer: recovery after a crash included."""
STOP_LIMIT = 20.0
PAUSE = 0.02
ATTEMPTS = 3
"""A chosen port may be taken before the server binds it, so a failed start is tried again with others."""
LOG_LIMIT = 10_000_000


def keep(name: str, home: Path) -> None:
    """Keep server `name` running from `home` until nobody holds its `in-use` lock. Raises CannotStart."""
    home = home.resolve()
    with Lock(home / "keeper") as keeper, Lock(home / "in-use") as users:
        if not keeper.try_exclusive():
            return  # another keeper was quicker
        ready = home / "ready"
        ready.unlink(missing_ok=True)
        end_leftover(home / "pid")
        server, process = start(name, home)
        try:
            while not users.try_exclusive():
                if not ready.exists():
                    publish(ready, {"keeper": os.getpid(), "server": process.pid, "settings": dict(server.settings)})
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
                    ready.unlink()
                    process = relaunch(server, home)
        finally:
            ready.unlink(missing_ok=True)
            stop(process)
            sweep(server)


def sweep(server: Server) -> None:
    for pattern in server.litter:
        for path in Path(pattern).parent.glob(Path(pattern).name):
            path.unlink(missing_ok=True)


def start(name: str, home: Path) -> tuple[Server, "subprocess.Popen[bytes]"]:
    """Prepare and start the server; on failure once more with other ports."""
    for attempt in range(1, ATTEMPTS + 1):
        server = SERVERS[name](home, secret(home / "secret"))
        try:
            return server, launch(server, home)
        except CannotStart:
            if attempt == ATTEMPTS:
                raise
            (home / "ports").unlink(missing_ok=True)
    raise AssertionError


def relaunch(server: Server, home: Path) -> "subprocess.Popen[bytes]":
    """Start a server that died. PostgreSQL refuses until the sessions of the dead one have ended their statements."""
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            return launch(server, home)
        except CannotStart:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.25)


def launch(server: Server, home: Path) -> "subprocess.Popen[bytes]":
    """Start the server and wait until it answers. Raises CannotStart with the end of its log."""
    log = home / "log"
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(home / "log.1")
    with log.open("ab") as output:
        process = subprocess.Popen(
            server.command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=home,
            env=os.environ | server.environment,
            start_new_session=True,
            preexec_fn=before_server,
        )
    assert process.stdin
    process.stdin.write(server.stdin)
    process.stdin.close()
    publish(home / "pid", {"pid": process.pid, "created": psutil.Process(process.pid).create_time()})
    deadline = time.monotonic() + START_LIMIT
    while not server.ready():
        if process.poll() is not None:
            raise CannotStart(f"{home.name} ended while starting. The end of {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            stop(process)
            raise CannotStart(f"{home.name} did not answer within {START_LIMIT:.0f} s. The end of {log}:\n{tail(log)}")
        time.sleep(PAUSE)
    return process


def before_server() -> None:
    """In the child: take the signals the keeper ignores, and on Linux ask to be ended should the keeper be killed.

    Elsewhere the next start ends what was left over.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGINT)


def end_leftover(pid_file: Path) -> None:
    """End a server whose keeper was killed. The creation time tells it from another process with its number."""
    with suppress(OSError, ValueError, psutil.NoSuchProcess):
        left = json.loads(pid_file.read_text())
        process = psutil.Process(left["pid"])
        if process.create_time() == left["created"]:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_LIMIT)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(STOP_LIMIT)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """SIGINT: PostgreSQL ends its sessions and checkpoints, Valkey and SeaweedFS flush and exit."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def secret(path: Path) -> str:
    """The server's password, made on first use and readable by its owner alone."""
    if not path.exists():
        publish(path, secrets.token_hex(24))
    return str(json.loads(path.read_text()))


def publish(path: Path, value: object) -> None:
    """Write JSON so that a reader sees all of it or none."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(value))
    draft.replace(path)


def tail(log: Path, lines: int = 12) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    try:
        keep(sys.argv[1], Path(sys.argv[2]))
    except (CannotStart, OSError) as error:
        sys.exit(str(error))
