"""A Streamlit server of our own, on a free port of this machine, that ends with the block that asked for it."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


@dataclass
class Server:
    """A server that runs, and when (perf_counter) its process was started."""

    address: str
    process: subprocess.Popen[bytes]
    started: float
    log: Path

    def resident(self) -> int:
        """Bytes of memory that its process has now."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def worked(self) -> float:
        """Seconds of one core that its process has worked."""
        user, system, *_ = psutil.Process(self.process.pid).cpu_times()
        return float(user + system)

    def wait(self, seconds: float = 90) -> None:
        """Until it answers. Raises RuntimeError where it does not."""
        while time.perf_counter() - self.started < seconds and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=5):
                return
            time.sleep(0.005)
        raise RuntimeError(f"the server did not start:\n{self.log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def serving(script: str, *options: str, **variables: str) -> Iterator[Server]:
    """Serve a page of this project, with its settings; all sides are started with the same command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        script,
        f"--server.port={port}",
        "--server.address=127.0.0.1",
        "--server.headless=true",
        *options,
    ]
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log.txt"
        with log.open("w") as output:
            environment = os.environ | variables
            started = time.perf_counter()
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            yield Server(f"http://127.0.0.1:{port}", process, started, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
