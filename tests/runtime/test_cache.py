"""Keys and values grow in place, and no view of them ever changes."""

from threading import Thread

import numpy as np

from labkit.runtime.cache import STEP, Buffers, Cache


def read(tokens):
    """Return a cache that has read tokens: one head of size 1, each value the token itself."""
    buffers = Cache(plain([]), 0).with_room(len(tokens))
    buffers.arrays[0][0, 0, : len(tokens), 0] = tokens
    return Cache(buffers.tensors, len(tokens), 1, buffers)


def plain(tokens):
    from onnxruntime import OrtValue

    return (OrtValue.ortvalue_from_numpy(np.array(tokens, np.float32).reshape(1, 1, -1, 1)),)


def extended(cache, token):
    buffers = cache.with_room(cache.length + 1)
    buffers.arrays[0][0, 0, cache.length, 0] = token
    return Cache(buffers.tensors, cache.length + 1, 1, buffers)


def tokens_of(cache):
    return next(cache.arrays()).ravel().tolist()


def test_the_newest_view_grows_without_a_copy():
    first = read([3, 1, 4])
    second = extended(first, 1)
    assert second.buffers is first.buffers
    assert (tokens_of(first), tokens_of(second)) == ([3, 1, 4], [3, 1, 4, 1])


def test_an_older_view_grows_into_a_copy():
    first = read([3, 1, 4])
    one, other = extended(first, 5), extended(first, 9)
    assert other.buffers is not first.buffers
    assert (tokens_of(one), tokens_of(other)) == ([3, 1, 4, 5], [3, 1, 4, 9])


def test_full_buffers_are_copied_to_larger_ones():
    full = read(list(range(STEP)))
    assert full.buffers.arrays[0].shape[2] == STEP
    longer = extended(full, 7)
    assert longer.buffers.arrays[0].shape[2] == 2 * STEP
    assert tokens_of(longer) == [*range(STEP), 7]


def test_of_many_threads_only_one_writes_behind_a_view():
    buffers = Buffers([np.zeros((1, 1, STEP, 1), np.float32)], 5)
    won = []
    threads = [Thread(target=lambda: won.append(buffers.claim(5, 6))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 15 + [True]


def test_the_values_of_a_view_are_as_long_as_what_it_read():
    assert read([1, 2]).values()[0].numpy().ravel().tolist() == [1, 2]


def test_a_repeated_cache_has_its_own_memory():
    first = read([3, 1])
    pair = first.repeat(2)
    extended(first, 8)
    assert [value.numpy().shape for value in pair.tensors] == [(2, 1, 2, 1)]
    assert pair.tensors[0].numpy().ravel().tolist() == [3, 1, 3, 1]
