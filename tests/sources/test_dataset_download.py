"""Downloads against a server of our own: resumed, checked, kept whole or not at all."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from isthmus.core.errors import InputError
from isthmus.sources.download import download

CONTENT = bytes(range(256)) * 1024
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.content``; ``server.script`` says how the next requests go wrong."""

    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.requests.append((self.path, asked))
        how = server.script.pop(0) if server.script else {}
        if "wait" in how:
            server.release.wait(10)
            if how["wait"] == "for ever":
                return
        if "status" in how:
            self.send_error(how["status"])
            return
        content, start = server.content, 0
        if asked and not how.get("no_range"):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            start -= how.get("too_early", 0)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if not how.get("no_length"):
            self.send_header("Content-Length", str(how.get("claims", len(content) - start)))
        self.end_headers()
        self.wfile.write(content[start : how.get("cut", len(content))])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving.content, serving.script, serving.requests, serving.release = CONTENT, [], [], threading.Event()
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    serving.url = f"http://127.0.0.1:{serving.server_address[1]}/file.gz"
    yield serving
    serving.release.set()
    serving.shutdown()
    thread.join()
    serving.server_close()


def check(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != DIGEST:
        raise InputError(f"{path.name} has SHA-256 {digest}")


def get(server, path, urls=None, max_bytes=1 << 20, timeout=5.0):
    checked = []

    def counted(part):
        checked.append(part)
        check(part)

    download(
        urls or [server.url], path, counted, expected=f"SHA-256 {DIGEST}", max_bytes=max_bytes, timeout=timeout, pause=0
    )
    return len(checked)


def test_whole_file_in_a_new_folder(server, tmp_path):
    path = tmp_path / "cache" / "set" / "file.gz"
    get(server, path)
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == ["file.gz"]
    assert server.requests == [("/file.gz", None)]


def test_file_that_is_there_is_not_fetched(server, tmp_path):
    (tmp_path / "file.gz").write_bytes(b"mine")
    get(server, tmp_path / "file.gz")
    assert server.requests == []


def test_cut_connection_is_resumed_at_the_very_byte(server, tmp_path):
    server.script = [{"cut": 100_001}, {"cut": 200_002}]
    get(server, tmp_path / "file.gz")
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [None, "bytes=100001-", "bytes=200002-"]


def test_next_call_resumes_what_the_last_one_left(server, tmp_path):
    server.script = [{"cut": 1000}, {"status": 503}, {"status": 503}, {"status": 503}]
    with pytest.raises(ConnectionError, match="the server answered 503 Service Unavailable"):
        get(server, tmp_path / "file.gz")
    assert (tmp_path / "file.gz.part").read_bytes() == CONTENT[:1000]
    server.requests.clear()
    server.script = []
    get(server, tmp_path / "file.gz")
    assert server.requests == [("/file.gz", "bytes=1000-")]
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


def test_progress_earns_new_tries(server, tmp_path):
    server.script = [{"cut": 1000 * number} for number in range(1, 9)]
    get(server, tmp_path / "file.gz")
    assert len(server.requests) == 9


def test_server_without_range_sends_all_again(server, tmp_path):
    server.script = [{"cut": 5000}, {"no_range": True}]
    get(server, tmp_path / "file.gz")
    assert server.requests[1] == ("/file.gz", "bytes=5000-")
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


def test_server_that_sends_another_part_is_asked_for_all(server, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(CONTENT[:5000])
    server.script = [{"too_early": 10}]
    checks = get(server, tmp_path / "file.gz")
    assert checks == 1  # nothing was put together from two parts that do not fit
    assert [asked for _, asked in server.requests] == ["bytes=5000-", None]
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


def test_complete_part_needs_no_byte(server, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(CONTENT)
    get(server, tmp_path / "file.gz")
    assert [asked for _, asked in server.requests] == [f"bytes={len(CONTENT)}-"]
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


@pytest.mark.parametrize(("length", "looks"), [(5000, 2), (len(CONTENT), 2), (len(CONTENT) + 7, 1)])
def test_wrong_beginning_is_thrown_away_and_all_is_fetched(server, tmp_path, length, looks):
    (tmp_path / "file.gz.part").write_bytes(b"x" * length)
    checks = get(server, tmp_path / "file.gz")
    assert checks == looks
    assert server.requests[-1] == ("/file.gz", None)
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


def test_wrong_content_is_refused_and_deleted(server, tmp_path):
    server.content = CONTENT[:-1] + b"\0"
    wrong = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(InputError) as caught:
        get(server, tmp_path / "file.gz")
    for words in (
        server.url,
        f"file.gz.part has SHA-256 {wrong}",
        f"expected is SHA-256 {DIGEST}",
        "curl -L -o file.gz",
    ):
        assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert len(server.requests) == 1


def test_second_home_helps(server, tmp_path):
    server.script = [{"status": 404}]
    get(server, tmp_path / "file.gz", urls=[f"{server.url}?first", f"{server.url}?second"])
    assert [path for path, _ in server.requests] == ["/file.gz?first", "/file.gz?second"]
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


def test_missing_file_is_not_asked_for_again(server, tmp_path):
    server.script = [{"status": 404}]
    with pytest.raises(ConnectionError, match="the server answered 404 Not Found") as caught:
        get(server, tmp_path / "file.gz")
    assert f"put it at {tmp_path / 'file.gz'}" in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", [{}, {"no_length": True}, {"claims": 1 << 40}])
def test_longer_file_than_expected_is_refused(server, tmp_path, how):
    server.script = [how]
    with pytest.raises(InputError, match=r"the file (has|goes on beyond) .*97\.66 KiB"):
        get(server, tmp_path / "file.gz", max_bytes=100_000)
    assert list(tmp_path.iterdir()) == []


def test_silent_server_is_given_up(server, tmp_path):
    server.script = [{"wait": "for ever"}] * 3
    with pytest.raises(ConnectionError, match=f"{server.url}: the server did not answer in time"):
        get(server, tmp_path / "file.gz", timeout=0.05)
    assert len(server.requests) == 3


def test_no_server(server, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # a port on which nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file.gz"
        with pytest.raises(ConnectionError, match=f"{url}: Connection refused. If this machine has no network"):
            get(server, tmp_path / "file.gz", urls=[url])


def test_no_network(server, tmp_path, monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConnectionError) as caught:
        get(server, tmp_path / "file.gz", urls=["http://data.example/file.gz"])
    assert "the address of data.example could not be found (no network?)" in str(caught.value)


def test_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(OSError, match=r"Cannot save .*file\.gz") as caught:
        get(server, tmp_path / "cache" / "file.gz")
    assert not isinstance(caught.value, ConnectionError)


def test_callers_who_want_the_same_file_fetch_it_once(server, tmp_path):
    pytest.importorskip("fcntl")
    server.script = [{"wait": "until all callers are there"}]
    failures = []

    def one():
        try:
            get(server, tmp_path / "file.gz")
        except Exception as error:  # reported below, where the test can see it
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)  # enough for all to ask, if nothing held them
    server.release.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(server.requests) == 1
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


def test_nothing_is_shown_off_a_terminal(server, tmp_path, capsys):
    get(server, tmp_path / "file.gz")
    assert capsys.readouterr() == ("", "")
