"""Times the peer of bench/bench_umap.c on the same rows, exact neighbours given: prints
"umap-learn SECONDS TRUSTWORTHINESS", or nothing without it. One run after a small one to compile.

peer_umap.py N D K COMPONENTS X.f32
"""

import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
try:
    import umap
    from sklearn.manifold import trustworthiness
except ImportError:
    sys.exit(0)

n, d, k, width = (int(word) for word in sys.argv[1:5])
x = np.fromfile(sys.argv[5], "<f4").reshape(n, d)


def lay(rows):
    distances = np.clip(1 - rows.astype(np.float64) @ rows.T.astype(np.float64), 0, 2)
    np.fill_diagonal(distances, -1)
    indices = np.argsort(distances, axis=1, kind="stable")[:, :k]
    nearest = np.take_along_axis(distances, indices, 1).clip(0).astype(np.float32)
    model = umap.UMAP(
        n_neighbors=k,
        n_components=width,
        min_dist=0,
        metric="cosine",
        random_state=42,
        precomputed_knn=(indices.astype(np.int32), nearest, None),
        force_approximation_algorithm=True,
    )
    start = time.perf_counter()
    layout = model.fit_transform(rows)
    return layout, time.perf_counter() - start


lay(x[:200])
layout, seconds = lay(x)
print("umap-learn", seconds, trustworthiness(x, layout, n_neighbors=15, metric="cosine"))
