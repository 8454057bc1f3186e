"""Times the peer of bench/bench_knn.c on the same rows: prints "faiss SECONDS", or nothing without faiss.

peer_knn.py N D K THREADS X.f32
"""

import sys
import time

import numpy as np

try:
    import faiss
except ImportError:
    sys.exit(0)

n, d, k, threads = (int(word) for word in sys.argv[1:5])
x = np.fromfile(sys.argv[5], "<f4").reshape(n, d)
faiss.omp_set_num_threads(threads)
seconds = []
for _ in range(6):
    start = time.perf_counter()
    index = faiss.IndexFlatIP(d)
    index.add(x)
    index.search(x, k)
    seconds.append(time.perf_counter() - start)
print("faiss", sorted(seconds[1:])[2])
