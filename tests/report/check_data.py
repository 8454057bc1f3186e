#!/usr/bin/env python3
"""Checks the data that ships with the program: the example week and the labelled genres.

usage: check_data.py EXAMPLES/week.jsonl DATA/genres.jsonl
"""
import collections
import datetime
import json
import sys

GENRES = """ai_data software_dev cybersecurity consumer_tech internet_platforms space_astronomy climate_environment
energy_transition health_medicine life_science economics_macro markets_finance startups_innovation industry_logistics
politics_government diplomacy_security law_crime education labor_workplace society_demographics culture_arts film_tv
music_audio sports food_cuisine travel_places home_living games_esports mobility_automotive
consumer_products""".split()
faults = []


def expect(good, text):
    if not good:
        faults.append(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def check_week(articles):
    expect(len(articles) >= 160, f"week: {len(articles)} articles")
    expect(len({a["id"] for a in articles}) == len(articles), "week: an id repeats")
    languages = collections.Counter(a["lang"] for a in articles)
    expect(set(languages) == {"ja", "en"} and min(languages.values()) >= 0.45 * len(articles), f"week: {languages}")
    stories = collections.Counter(a["story"] for a in articles if a["story"])
    expect(20 <= len(stories) <= 25 and 3 <= min(stories.values()) <= max(stories.values()) <= 8, f"week: {stories}")
    tongues = collections.defaultdict(set)
    days = set()
    for article in articles:
        name = article["id"]
        expect(set(article) == {"id", "title", "text", "lang", "published_at", "url", "genre", "story"}, f"{name}: fields")
        expect(article["url"].startswith("https://example.com/"), f"{name}: {article['url']}")
        expect(article["genre"] in GENRES, f"{name}: {article['genre']}")
        expect(60 <= len(article["text"]) <= 600, f"{name}: {len(article['text'])} characters")
        time = datetime.datetime.fromisoformat(article["published_at"].replace("Z", "+00:00"))
        expect(time.tzinfo is not None, f"{name}: no offset")
        days.add(time.date())
        tongues[article["story"]].add(article["lang"])
    expect(len(days) == 7 and (max(days) - min(days)).days == 6, f"week: {sorted(days)}")
    expect(sum(len(t) == 2 for story, t in tongues.items() if story) >= 8, "week: few stories in both languages")
    texts = collections.Counter(a["text"] for a in articles)
    expect(max(texts.values()) == 2, "week: no text under two ids")
    expect(sum("続きを読むには会員登録が必要です。" in a["text"] for a in articles) >= 3, "week: no paywall stub")


def check_genres(rows):
    counts = collections.Counter((row["label"], row["lang"]) for row in rows)
    expect({label for label, _ in counts} == set(GENRES), "genres: not the taxonomy")
    expect(all(counts[genre, lang] >= 12 for genre in GENRES for lang in ("ja", "en")), f"genres: {counts}")
    expect(len({row["text"] for row in rows}) == len(rows), "genres: a text repeats")
    for number, row in enumerate(rows, 1):
        expect(60 <= len(row["text"]) <= 250, f"genres: line {number}: {len(row['text'])} characters")


def main():
    check_week(read(sys.argv[1]))
    check_genres(read(sys.argv[2]))
    for fault in faults[:20]:
        print("check_data:", fault)
    print(f"check_data: {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
