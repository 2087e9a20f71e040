"""The judge's end of a worker: whatever the other end does, the judge gets an answer or a reason, in time."""

import os
import socket
import threading
import time
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grading.errors import GraderError
from grading.sandbox import codec
from grading.sandbox.endings import (
    CrashedError,
    Ending,
    OutOfMemoryError,
    OutOfTimeError,
    ViolationError,
    WorkerError,
)
from grading.sandbox.worker import Worker

TIME_S = 0.4


class Keeper:
    """Stands in for the zygote: notes kills, and tells an ending once there is one."""

    def __init__(self):
        self.killed = []
        self.ending = None

    def kill(self, pid):
        self.killed.append(pid)

    def wait_end(self, pid, timeout_s=1.0):
        if self.ending is not None:
            return self.ending
        if self.killed:
            return Ending(None, 9)
        raise GraderError("it lives on")


class Peer:
    """The worker's end, played by a thread."""

    def __init__(self, channel, output):
        self.channel = channel
        self.output = output

    def read(self):
        head = self._exactly(codec.HEAD.size)
        header, body = codec.unpack_head(head)
        return codec.unpack(self._exactly(header), self._exactly(body))

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            chunk = self.channel.recv(count - len(data))
            if not chunk:
                raise OSError("hung up")
            data += chunk
        return data

    def send(self, value):
        self.channel.sendall(codec.pack(value))

    def answer(self, value=None):
        request = self.read()
        self.send({"id": request["id"], "ok": True, "value": value})
        return request


@contextmanager
def conversation(play=lambda peer: None):
    """Yield a worker whose other end does what `play` says, and its keeper."""
    ours, theirs = socket.socketpair()
    output_read, output_write = os.pipe()
    keeper, gone = Keeper(), []
    worker = Worker(keeper, 7, ours, output_read, lambda: gone.append(True))

    def run():
        with suppress(OSError):
            play(Peer(theirs, output_write))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield worker, keeper
    finally:
        worker.close()
        worker.close()
        assert gone == [True]
        theirs.close()
        os.close(output_write)
        thread.join(5)
        assert not thread.is_alive()


def ask(worker, seconds=TIME_S, **options):
    return worker.request({"op": "len", "target": 1, "args": []}, time.monotonic() + seconds, **options)


def refused_with(kind, play, seconds=TIME_S):
    started = time.monotonic()
    with conversation(play) as (worker, keeper):
        with pytest.raises(kind) as caught:
            ask(worker, seconds)
        assert time.monotonic() - started < seconds + 2
        if kind in (ViolationError, OutOfTimeError):
            assert keeper.killed == [7]
        with pytest.raises(WorkerError):  # and it stays ended
            ask(worker)
    return caught.value


def test_an_honest_answer_arrives():
    with conversation(lambda peer: peer.answer([1, np.arange(3)])) as (worker, keeper):
        reply = ask(worker)
        assert reply["ok"] is True
        assert reply["value"][1].tolist() == [0, 1, 2]
        assert keeper.killed == []


def reply_of(**fields):
    return lambda peer: peer.send({"id": peer.read()["id"], "ok": True, "value": 1} | fields)


@pytest.mark.parametrize(
    "play",
    [
        reply_of(id=5),
        reply_of(id="x"),
        reply_of(id=np.zeros(2)),
        reply_of(id=None),
        reply_of(ok=1),
        reply_of(ok=np.bool_(True)),
        lambda peer: (peer.read(), peer.send([1, 2])),
        lambda peer: (peer.read(), peer.send(None)),
        lambda peer: (peer.read(), peer.send({"callback": 0, "args": [], "kwargs": {}})),
        lambda peer: (peer.read(), peer.channel.sendall(b"HTTP/1.1 200 OK\r\n\r\n")),
        lambda peer: (peer.read(), peer.channel.sendall(codec.HEAD.pack(codec.MAGIC, 1 << 31, 0))),
        lambda peer: (peer.read(), peer.channel.sendall(codec.HEAD.pack(codec.MAGIC, 0, 1 << 60))),
        lambda peer: (peer.read(), peer.channel.sendall(codec.HEAD.pack(codec.MAGIC, 2, 0) + b"{}")),
        lambda peer: (peer.read(), peer.channel.sendall(codec.HEAD.pack(codec.MAGIC, 4, 0) + b"\xff\xfe{]")),
    ],
    ids=["number", "text", "array", "none", "ok int", "ok numpy", "list", "null", "callback", "http", "long header",
         "long body", "object", "bytes"],
)  # fmt: skip
def test_an_answer_to_nothing_ends_the_worker(play):
    refused_with(ViolationError, play)


def test_a_frame_before_the_question_ends_the_worker():
    sent = threading.Event()

    def play(peer):
        peer.send({"id": 0, "ok": True, "value": 1.0})
        sent.set()

    with conversation(play) as (worker, keeper):
        sent.wait(2)
        with pytest.raises(ViolationError, match="nobody asked"):
            ask(worker)
        assert keeper.killed == [7]


def test_a_second_answer_is_not_taken_for_the_next_one():
    def play(peer):
        request = peer.answer(1)
        peer.send({"id": request["id"], "ok": True, "value": 2})
        done.set()

    done = threading.Event()
    with conversation(play) as (worker, _):
        assert ask(worker)["value"] == 1
        done.wait(2)
        with pytest.raises(ViolationError):
            ask(worker)


@pytest.mark.parametrize("part", [b"", b"TH1\n", codec.HEAD.pack(codec.MAGIC, 100, 100) + b"[[["])
def test_half_an_answer_runs_out_of_time(part):
    refused_with(OutOfTimeError, lambda peer: (peer.read(), peer.channel.sendall(part)))


def test_bytes_that_trickle_do_not_stretch_the_time():
    def play(peer):
        peer.read()
        for byte in codec.HEAD.pack(codec.MAGIC, 1000, 0) + b" " * 100:
            peer.channel.sendall(bytes([byte]))
            time.sleep(0.02)

    refused_with(OutOfTimeError, play)


def test_a_worker_that_never_reads_runs_out_of_time():
    with conversation() as (worker, keeper):
        with pytest.raises(OutOfTimeError):
            worker.request({"op": "call", "args": [np.zeros(1 << 22)]}, time.monotonic() + TIME_S)
        assert keeper.killed == [7]


def test_a_worker_stuck_in_a_print_is_drained_while_the_judge_sends():
    def play(peer):
        os.write(peer.output, b"x" * (1 << 20))
        peer.answer(1)

    with conversation(play) as (worker, _):
        assert worker.request({"op": "call", "args": [np.zeros(1 << 20)]}, time.monotonic() + 10)["value"] == 1
        assert len(worker.output) == 64 << 10


def test_endless_output_ends_the_worker_and_little_of_it_is_kept():
    def play(peer):
        while True:
            os.write(peer.output, b"x" * (1 << 16))

    with conversation(play) as (worker, keeper):
        with pytest.raises(ViolationError, match="printed"):
            ask(worker, 30)
        assert keeper.killed == [7]
        assert len(worker.output) <= 64 << 10


def test_callbacks_are_answered_and_may_ask_back():
    heard = []

    def play(peer):
        outer = peer.read()
        peer.send({"callback": 3, "args": [1], "kwargs": {}})
        peer.answer("inner")
        heard.append(peer.read())
        peer.send({"id": outer["id"], "ok": True, "value": "outer"})

    with conversation(play) as (worker, _):

        def on_callback(message):
            assert message["callback"] == 3
            return {"ok": True, "value": ask(worker)["value"]}

        assert ask(worker, 5, on_callback=on_callback)["value"] == "outer"
    assert heard == [{"reply": True, "ok": True, "value": "inner"}]


@pytest.mark.parametrize(
    ("ending", "number"), [(Ending(3, None), None), (Ending(0, None), None), (Ending(None, 11), 11)]
)
def test_an_end_is_told_with_its_signal(ending, number):
    def play(peer):
        peer.read()
        peer.channel.shutdown(socket.SHUT_RDWR)

    with conversation(play) as (worker, keeper):
        keeper.ending = ending
        with pytest.raises(CrashedError) as caught:
            ask(worker)
        assert caught.value.signal == number
        assert keeper.killed == []


def test_hanging_up_and_living_on_is_a_violation():
    def play(peer):
        peer.read()
        peer.channel.shutdown(socket.SHUT_RDWR)

    assert "hung up" in str(refused_with(ViolationError, play))


def test_a_kill_for_memory_says_so():
    def play(peer):
        peer.read()
        killed.wait(2)
        peer.channel.shutdown(socket.SHUT_RDWR)

    killed = threading.Event()
    with conversation(play) as (worker, keeper):
        threading.Timer(0.1, lambda: (worker.kill(OutOfMemoryError("too much")), killed.set())).start()
        with pytest.raises(OutOfMemoryError):
            ask(worker, 5)
        assert keeper.killed == [7]


def test_closing_hands_the_descriptors_back():
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - a count of descriptors
    for _ in range(5):
        with conversation(lambda peer: peer.answer(1)) as (worker, _):
            ask(worker)
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_bytes_end_in_a_reason(data, framed):
    frame = codec.HEAD.pack(codec.MAGIC, len(data), 0) + data if framed else data

    def play(peer):
        peer.read()
        peer.channel.sendall(frame)
        peer.channel.shutdown(socket.SHUT_WR)

    with conversation(play) as (worker, keeper):
        keeper.ending = Ending(0, None)
        with pytest.raises(WorkerError):
            ask(worker, 0.2)


def test_answers_together_have_a_cap(monkeypatch):
    monkeypatch.setattr("grading.sandbox.worker._ANSWERS_MAX", 1 << 16)

    def play(peer):
        while True:
            peer.answer(b"x" * 40_000)

    with conversation(play) as (worker, keeper):
        ask(worker)
        with pytest.raises(ViolationError, match="together"):
            ask(worker)
        assert keeper.killed
