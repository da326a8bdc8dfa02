"""Answers take turns; who waits, who is too many and who has gone is kept right."""

import asyncio
import threading

import pytest

from labkit.serve.answer import Answer, End
from labkit.serve.refusal import Refusal
from labkit.serve.worker import Worker


class Counting:
    """A text of `n` pieces that notes each in a common list; may wait before each."""

    n_prompt_tokens = 3
    ended = "length"
    is_read = True

    def __init__(self, name, n, noted, gate=None):
        self.name, self.left, self.noted, self.gate = name, n, noted, gate
        self.n_new_tokens = 0

    def __next__(self):
        if self.gate:
            assert self.gate.wait(5)
        if not self.left:
            raise StopIteration
        self.left -= 1
        self.n_new_tokens += 1
        self.noted.append(self.name)
        return self.name


class Reading(Counting):
    """As `Counting`, after a prompt of `parts` parts, each noted as a capital letter."""

    def __init__(self, name, parts, n, noted, gate=None):
        super().__init__(name, n, noted, gate)
        self.parts = parts

    @property
    def is_read(self):
        return not self.parts

    def read(self):
        self.parts -= 1
        self.noted.append(self.name.upper())


async def all_of(answer):
    return [item async for item in answer.read()]


def serve(work, *, parallel, queue):
    """Run `work(worker)` in a loop, and close the worker."""

    async def main():
        worker = Worker(parallel, queue)
        try:
            return await asyncio.wait_for(work(worker), 10)
        finally:
            await asyncio.to_thread(worker.close)

    return asyncio.run(main())


def test_answers_take_turns_and_each_is_whole():
    noted, gate = [], threading.Event()

    async def work(worker):
        first = Answer(Counting("x", 1, noted, gate))  # holds the worker until all are there
        answers = [Answer(Counting(name, 3, noted)) for name in "abc"]
        for answer in (first, *answers):
            worker.submit(answer)
        gate.set()
        return [await all_of(answer) for answer in answers]

    found = serve(work, parallel=4, queue=0)
    assert [items[:-1] for items in found] == [["a"] * 3, ["b"] * 3, ["c"] * 3]
    assert all(isinstance(items[-1], End) for items in found)
    assert "".join(noted) == "xabcabcabc"


def test_others_go_on_between_the_parts_of_long_prompts_which_are_read_one_after_another():
    noted, gate = [], threading.Event()

    async def work(worker):
        first = Answer(Counting("x", 1, noted, gate))
        long, other, short = (
            Answer(Reading(name, parts, 2, noted)) for name, parts in (("a", 3), ("b", 2), ("c", 0))
        )
        for answer in (first, long, other, short):
            worker.submit(answer)
        gate.set()
        return [await all_of(answer) for answer in (long, other, short)]

    found = serve(work, parallel=4, queue=0)
    assert [items[:-1] for items in found] == [["a", "a"], ["b", "b"], ["c", "c"]]
    assert "".join(noted) == "xAcAcAaBaBbb"


def test_a_request_beyond_the_queue_is_refused_and_one_that_leaves_makes_room():
    noted, gate = [], threading.Event()

    async def work(worker):
        first, second, third, fourth = (Answer(Counting(name, 1, noted, gate)) for name in "abcd")
        worker.submit(first)
        worker.submit(second)
        with pytest.raises(Refusal, match="works on 2 requests already") as caught:
            worker.submit(third)
        assert caught.value.status == 429
        worker.cancel(second)
        worker.submit(fourth)
        gate.set()
        assert (await all_of(fourth))[:-1] == ["d"]

    serve(work, parallel=1, queue=1)
    assert noted == ["a", "d"]


def test_an_answer_that_nobody_reads_any_more_is_not_written_on():
    noted, gate = [], threading.Event()

    async def work(worker):
        gone, next_one = (Answer(Counting(*one, noted, gate)) for one in (("a", 10**9), ("b", 2)))
        worker.submit(gone)
        worker.submit(next_one)
        gate.set()
        reading = gone.read()
        assert await anext(reading) == "a"
        worker.cancel(gone)
        assert (await all_of(next_one))[:-1] == ["b", "b"]
        assert worker.counts == (0, 0)

    serve(work, parallel=1, queue=1)


def test_a_server_that_stops_takes_no_new_request_and_cuts_what_is_left():
    async def work(worker):
        endless, waiting, late = (Answer(Counting(name, 10**9, [])) for name in "abc")
        worker.submit(endless)
        worker.submit(waiting)
        worker.drain()
        with pytest.raises(Refusal, match="The server is stopping") as caught:
            worker.submit(late)
        assert caught.value.status == 503
        await asyncio.to_thread(worker.close)
        for answer in (endless, waiting):
            with pytest.raises(Refusal, match="The server is stopping"):
                await all_of(answer)

    serve(work, parallel=1, queue=1)


class Broken(Counting):
    def __next__(self):
        raise RuntimeError("graph")


def test_a_fault_ends_its_answer_alone_and_is_not_told_to_the_asker(caplog):
    async def work(worker):
        broken, sound = Answer(Broken("a", 1, [])), Answer(Counting("b", 2, []))
        worker.submit(broken)
        worker.submit(sound)
        with pytest.raises(Refusal, match="The server failed to answer") as caught:
            await all_of(broken)
        assert caught.value.status == 500
        assert (await all_of(sound))[:-1] == ["b", "b"]

    serve(work, parallel=2, queue=0)
    assert "graph" in caplog.text
