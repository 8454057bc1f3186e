#!/usr/bin/env python3
"""Are the clusters of the example week the stories that its authors had in mind?

usage: check_stories.py EVIDENCE.json WEEK.jsonl
       check_stories.py --run RECAP WEEK.jsonl     # uses RECAP_TEST_MODELS/multilingual-e5-small

A line of the week has a field `story` that the program ignores. A story counts as found if some
cluster has at least half of its sentences (of the language that told it most) and it has more
sentences in that cluster than any other story. Exit 77: no model here.
"""
import collections
import json
import os
import subprocess
import sys
import tempfile

NEEDED = 0.8  # of the stories


def members(evidence, truth):
    """(genre, story or None, language, cluster) of every kept sentence."""
    for genre in evidence["genres"]:
        for sentence in genre["sentences"]:
            if "cluster_id" in sentence:
                article = evidence["articles"][sentence["article"]]["id"]
                yield genre["genre"], truth[article], sentence["lang"], sentence["cluster_id"]


def found_stories(evidence, truth):
    by_cluster = collections.defaultdict(collections.Counter)
    by_story = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    for genre, story, language, cluster in members(evidence, truth):
        by_cluster[genre, cluster][story] += 1
        if story:
            by_story[genre, story][language][cluster] += 1
    for (genre, story), languages in sorted(by_story.items()):
        clusters = max(languages.values(), key=lambda counts: sum(counts.values()))
        cluster, count = clusters.most_common(1)[0]
        others = [n for other, n in by_cluster[genre, cluster].items() if other not in (story, None)]
        good = cluster >= 0 and 2 * count >= sum(clusters.values()) and count > max(others, default=0)
        yield story, good, f"{genre}/{story}: {dict(clusters)}, its cluster {dict(by_cluster[genre, cluster])}"


def check(evidence_path, week_path):
    with open(evidence_path, encoding="utf-8") as file:
        evidence = json.load(file)
    with open(week_path, encoding="utf-8") as file:
        truth = {line["id"]: line["story"] for line in map(json.loads, file)}
    results = list(found_stories(evidence, truth))
    for _, good, text in results:
        if not good:
            print("not found:", text)
    found = sum(good for _, good, _ in results)
    print(f"check_stories: {found} of {len(results)} stories")
    return bool(results) and found >= NEEDED * len(results)


def main():
    if sys.argv[1] != "--run":
        sys.exit(0 if check(sys.argv[1], sys.argv[2]) else 1)
    model = os.path.join(os.environ.get("RECAP_TEST_MODELS", ""), "multilingual-e5-small")
    if not os.path.isabs(model) or not os.path.isdir(model):
        print("check_stories: no multilingual-e5-small in RECAP_TEST_MODELS, skipped")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[2], "run", sys.argv[3], "--model", model, "-o", folder, "--quiet"], check=True)
        sys.exit(0 if check(os.path.join(folder, "evidence.json"), sys.argv[3]) else 1)


main()
