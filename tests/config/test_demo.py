from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.embedded import free_port, port_is_free, process_is_running
from config.fingerprint import ROOT
from tests.product import Product, surroundings
from tests.waiting import eventually


def demo(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--no-fsync", *arguments],
        cwd=ROOT,
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refusal(*arguments: str) -> str:
    process = demo(*arguments)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert told.count("\n") == 1, told
    return told


def pids(card: Path) -> list[int]:
    named = json.loads(card.read_text())["pids"].values()
    return [pid for each in named for pid in (each if isinstance(each, list) else [each])]


@pytest.fixture
def address() -> tuple[str, ...]:
    return ("--port", str(free_port()), "--sandbox-port", str(free_port()))


def test_the_card_holds_what_others_need_and_only_its_owner_reads_it(product: Product):
    card = product.card
    assert {"web", "worker", "beat", "sandbox"} <= card["pids"].keys()
    assert len(card["pids"]["web"]) == 2
    assert card["base_url"] in card["env"]["FRONTEND_URLS"]
    assert card["stripe_webhook_secret"].startswith("whsec_")
    assert Path(card["log_dir"], "web-1.log").exists()
    for name in ("demo.json", "secrets.json"):
        assert stat.S_IMODE((product.folder / name).stat().st_mode) == 0o600
    assert product.manage("showmigrations", "billing")


@pytest.mark.parametrize("role", ["web", "worker", "beat", "sandbox", "redis", "postgresql"])
def test_a_program_that_dies_is_started_again(product: Product, role: str):
    dead = product.pids(role)[:1]
    os.kill(dead[0], signal.SIGKILL)
    product.wait_until_replaced(role, dead)
    product.wait_until_ready()
    eventually(lambda: not port_is_free(urlsplit(product.stripe.url).port or 0))
    assert not any(process_is_running(pid) for pid in dead)


def test_clients_wait_while_the_web_processes_are_replaced(product: Product):
    product.kill("web")
    assert product.http.get("/healthz").status_code == 200


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_keeps_the_data(tmp_path, address):
    options = ("--data-dir", str(tmp_path), "--no-seed", *address)
    first = demo(*options)
    assert first.stdout
    assert first.stdout.readline().startswith("ready: http://127.0.0.1:")
    card = tmp_path / "demo.json"
    left, keys = pids(card), json.loads(card.read_text())["env"]
    first.kill()
    first.communicate()
    eventually(lambda: not any(process_is_running(pid) for pid in left))

    second = demo(*options)
    assert second.stdout
    assert second.stdout.readline().startswith("ready:")
    assert json.loads(card.read_text())["env"]["SECRET_KEY"] == keys["SECRET_KEY"]
    left = pids(card)
    second.send_signal(signal.SIGINT)
    _, told = second.communicate(timeout=15)
    assert second.returncode == 0
    assert "tables" not in told
    assert not any(process_is_running(pid) for pid in left)
    assert not card.exists()


def test_a_used_port_is_told_in_one_sentence(tmp_path, address):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        told = refusal("--data-dir", str(tmp_path), *address, "--port", port)
    assert f"Port {port} cannot be used" in told


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(tmp_path, address):
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal("--data-dir", str(tmp_path / "file" / "data"), *address)


def test_a_second_demo_in_the_same_folder_is_refused(product: Product, address):
    told = refusal("--data-dir", str(product.folder), *address)
    assert f"already (process {product.process.pid})" in told


def test_an_unknown_catalogue_is_told_in_one_sentence(product: Product, tmp_path, address):
    card = product.card
    process = subprocess.run(
        [sys.executable, "-m", "config.demo.furnish", "nonsense"],
        cwd=ROOT,
        env=surroundings() | card["env"],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert process.stderr.startswith("There is no catalogue 'nonsense'")


def test_readiness_tells_which_part_is_down(product: Product):
    product.signal("redis", signal.SIGSTOP)
    try:
        eventually(lambda: product.http.get("/readyz").json()["redis"] == "down", within=20)
        assert product.http.get("/readyz").status_code == 503
        assert product.http.get("/healthz").status_code == 200
    finally:
        product.signal("redis", signal.SIGCONT)
    product.wait_until_ready()
