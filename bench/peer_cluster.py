"""Times the peers of bench/bench_cluster.c on the same rows; prints "what peer seconds" lines.

peer_cluster.py layout|search N D X.f32 LABELS.i32 MIN_CLUSTER_SIZE MIN_SAMPLES

A peer that is not installed is left out. Medians of 5 after one to warm up; the search, which takes
minutes, once after a small one.
"""

import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def measure(run, runs=5):
    run()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[runs // 2]


def report(what, peer, prepare, runs=5):
    """prepare imports the peer and returns the function to time."""
    try:
        run = prepare()
    except ImportError:
        return
    print(what, peer, measure(run, runs), flush=True)


def time_layout(x, labels, size, samples):
    def package():
        import hdbscan

        return lambda: hdbscan.HDBSCAN(min_cluster_size=size, min_samples=samples).fit(x)

    def fast():
        import fast_hdbscan

        x32 = x.astype(np.float32)
        return lambda: fast_hdbscan.HDBSCAN(min_cluster_size=size, min_samples=samples).fit(x32)

    def sklearn():
        from sklearn.cluster import HDBSCAN

        return lambda: HDBSCAN(min_cluster_size=size, min_samples=samples + 1, copy=True).fit(x)

    report("hdbscan", "hdbscan", package)
    report("hdbscan", "fast_hdbscan", fast)
    report("hdbscan", "scikit-learn", sklearn)

    rows, kept = x[labels >= 0], labels[labels >= 0]

    def silhouette():
        from sklearn.metrics import silhouette_score

        return lambda: silhouette_score(rows, kept)

    def validity():
        from hdbscan.validity import validity_index

        return lambda: validity_index(rows, kept)

    report("silhouette", "scikit-learn", silhouette)
    report("dbcv", "hdbscan", validity)


def search(x):
    """The recipe with everything cached that Python lets one cache."""
    import hdbscan
    import umap
    from hdbscan.validity import validity_index
    from sklearn.metrics import silhouette_score

    best = (-2.0, None)
    for neighbors in (30, 50):
        layout = umap.UMAP(
            n_neighbors=min(neighbors, len(x) // 3), n_components=8, min_dist=0.0,
            metric="cosine", random_state=42,
        ).fit_transform(x).astype(float)
        for size in (10, 15, 20):
            for samples in (size, 5):
                labels = hdbscan.HDBSCAN(
                    min_cluster_size=size, min_samples=samples, cluster_selection_epsilon=0.5
                ).fit_predict(layout)
                rows, kept = layout[labels >= 0], labels[labels >= 0]
                if len(set(kept)) < 2:
                    continue
                score = 0.6 * silhouette_score(rows, kept) + 0.4 * validity_index(rows, kept)
                best = max(best, (score, labels), key=lambda pair: pair[0])
    return best


def time_search(x):
    try:
        search(x[:200])
    except ImportError:
        return
    start = time.perf_counter()
    search(x)
    print("search umap-learn+hdbscan", time.perf_counter() - start, flush=True)


def main():
    what, n, d = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    x = np.fromfile(sys.argv[4], "<f4").reshape(n, d)
    labels = np.fromfile(sys.argv[5], "<i4").astype(int)
    if what == "layout":
        time_layout(x.astype(float), labels, int(sys.argv[6]), int(sys.argv[7]))
    else:
        time_search(x)


if __name__ == "__main__":
    main()
