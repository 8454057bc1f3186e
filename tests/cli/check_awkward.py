#!/usr/bin/env python3
"""Awkward inputs at the command line: each has a bounded, whole and strict outcome.

usage: check_awkward.py [--update] RECAP FIXTURES [NAME...]
"""
import csv
import gzip
import math
import os
import re
import shutil
import struct
import subprocess
import xml.dom.minidom

from check_cli import embed_rows, evidence, run_week, week
from program import jsonl, npy, read_npy, run_tests, strict_json

JA = "政府は新しい経済対策を閣議で決定したと発表した。予算の規模は十兆円に達する見通しである。"


def finite(value):
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    return not isinstance(value, list) or all(map(finite, value))


# ---- lines ----

def test_bytes_of_lines(b):
    """Marks, line ends, NUL, other encodings: the neighbours are always there."""
    cases = [
        (b"\xef\xbb\xbf\"a\"\r\n\r\n\"b\"\r\n", 0, 0),
        (b'"a\0b"\n"b"\n', 1, 1),
        (b'"caf\xe9"\n"b"\n', 1, 1),
        (b'"\xc0\xaf"\n"\xed\xa0\x80"\n"\xe6\x97"\n"b"\n', 1, 3),
        ('"日本語"\n"b"\n'.encode("shift_jis"), 1, 1),
        (b'"\\udca9\\ud83d"\n"\\ud83d"\n"b"\n', 1, 2),
        (b'{"text":"a","x":NaN}\n{"text":"a","x":1e999}\n{"text":"a","x":01}\n"b"\n', 1, 3),
        (b'{"text":"a","x":' + b"[" * 100000 + b"]" * 100000 + b'}\n"b"\n', 1, 1),
        (b'["a","","b"]\n[]\n"b"\n', 1, 2),
        (b'"' + b"a" * (65 << 20) + b'"\n"b"\n', 1, 1),
    ]
    for data, status, n_errors in cases:
        result = b.run("split", stdin=data)
        lines = result.lines()
        assert result.status == status and not result.err, (data[:40], result.status, result.err)
        assert sum("error" in x for x in lines) == n_errors, (data[:40], result.out[:300])
        assert lines[-1]["sentences"] == ["b"], data[:40]
    assert b.run("split", stdin=b'"\\ud83d\\udca9"\n').lines()[0]["sentences"] == ["💩"]


def test_carried_fields(b):
    """Numbers keep their digits, a name that is there twice comes out once, ours wins."""
    line = ('{"text":"a","id":18446744073709551615,"n":-9223372036854775808,"x":1.0,"x":2,"sentences":5,"lang":[]}\n')
    result = b.run("split", stdin=line)
    assert result.lines() == [{"id": "18446744073709551615", "n": -(1 << 63), "x": 2, "lang": "und",
                               "sentences": ["a"]}], result.out


def test_packed_bombs(b):
    """A few kilobytes that unpack to gigabytes: bounded memory, one line."""
    chunk = gzip.compress(b"a" * (64 << 20), 1)
    b.put("bomb.gz", chunk * 12)
    b.put("matrix.gz", gzip.compress(npy([[1.0, 2.0]] * 3)) + chunk * 80)
    limited = ["sh", "-c", 'ulimit -v 4000000; exec "$0" "$@"', b.recap]
    with open(b.recap, "rb") as program:
        if re.search(rb"__[at]san_init", program.read()):
            limited = [b.recap]  # a sanitizer's shadow memory needs the addresses
    for args, status, words in ((["run", "bomb.gz", "-o", "out", "-m", b.tiny("xlmr")], 4, "larger than"),
                                (["split", "bomb.gz"], 1, "longer than"),
                                (["cluster", "bomb.gz"], 4, "not a .npy"),
                                (["cluster", "matrix.gz"], 4, "more values")):
        done = subprocess.run(limited + args, cwd=b.folder, env=b.environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=240, check=False)
        assert done.returncode == status and words in done.stdout.decode(), done
        assert done.stdout.count(b"\n") == 1
    shutil.rmtree(os.path.join(b.folder, "out"), ignore_errors=True)


def test_packed_and_more(b):
    """Several members are one file; what is no member is told, and so is a cut."""
    one = gzip.compress(b'"a"\n')
    for data, n, status, words in ((one + one, 2, 0, ""), (one + b'"b"\n', 1, 0, "follows its packed data"),
                                   (one + gzip.compress(b'"b"\n' * 9)[:-9], 1, 4, "cannot read")):
        result = b.run("split", b.put("more.gz", data))
        assert result.status == status and words in result.err and result.err.count("\n") == bool(words), result.err
        assert status or len(result.lines()) == n, result.out


def test_file_size_limit(b):
    """Over ulimit -f a write is refused like on a full disk, and nothing is left half done."""
    b.put("many.jsonl", jsonl(["A sentence. " * 20] * 5000))
    b.put("week.jsonl", jsonl(week()))
    for args in (["split", "many.jsonl", "-o", "o.jsonl"], ["run", "week.jsonl", "-o", "out", "-m", b.tiny("xlmr")]):
        done = subprocess.run(["sh", "-c", 'ulimit -f 1; exec "$0" "$@"', b.recap, *args], cwd=b.folder,
                              env=b.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 5 and b"cannot write" in done.stderr and done.stderr.count(b"\n") == 1, done
    left = [n for _, _, names in os.walk(b.folder) for n in names]
    assert sorted(left) == ["many.jsonl", "week.jsonl"], left


# ---- vectors ----

def test_embed_empty_texts(b):
    """Count and order are kept, every vector is finite and of norm 1."""
    model = b.tiny("xlmr")
    rows = embed_rows(b, "-m", model, texts=["", "   ", "a", "", "b", "<pad>", "\u200b", "😀" * 2000])
    assert all(finite(r) and abs(sum(v * v for v in r) - 1) < 1e-5 for r in rows) and len(rows) == 8
    assert rows[0] == rows[1] == rows[3] != rows[2]
    assert b.run("embed", "-m", model, stdin="").raw == b""
    assert b.run("embed", "-m", model, "-f", "f32", stdin="\n\n").raw == b""
    assert b.run("tokenize", "-m", model, stdin="").raw == b""
    result = b.run("train", "-", "-o", "head", "-m", model, stdin="")
    assert result.status == 4 and "0 examples" in result.err, result.err


def test_marks_of_kana(b):
    """In a run half-width kana and separate voicing marks are the same sentence; no mark is lost."""
    forms = ["スナップ写真を撮る教室が公民館で開かれた。", "ｽﾅｯﾌﾟ写真を撮る教室が公民館で開かれた｡",
             "スナッフ\u309a写真を撮る教室か\u3099公民館て\u3099開かれた。"]
    rows = [{"id": str(i), "text": text, "genre": "all"} for i, text in enumerate(forms)]
    assert run_week(b, "--json", articles=rows).status == 0
    genre = evidence(b)["genres"][0]
    assert [s["text"] for s in genre["sentences"]] == forms[:1] * 3 and genre["diagnostics"]["dedup_pairs"] == 2


def test_weights_cut_off_in_use(b):
    """Truncated under the program: one line, status 3, no half file."""
    shutil.copytree(b.tiny("xlmr"), os.path.join(b.folder, "model"))
    for name in ("model", "model/model.safetensors"):
        os.chmod(os.path.join(b.folder, name), 0o755)
    process = subprocess.Popen([b.recap, "embed", "-v", "-m", "model", "-o", "o.jsonl"], cwd=b.folder,
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=b.environment())
    assert b"model" in process.stderr.readline()
    os.truncate(os.path.join(b.folder, "model", "model.safetensors"), 100)
    _, err = process.communicate(b'"a text"\n', timeout=60)
    assert process.returncode == 3 and err.count(b"\n") == 1 and b"cut off" in err, (process.returncode, err)
    assert os.listdir(b.folder) == ["model"]


def shapes():
    square = [[1.0, 2.0, 3.0], [2.0, 1.0, 0.0], [0.0, 1.0, 5.0]]
    return {
        "r0": [], "r1": square[:1], "r2": square[:2], "r3": square, "equal": square[:1] * 50,
        "sixty-one": [[1.0, 1.0, 1.0]] * 60 + [[5.0, 5.0, 1.0]],
        "huge": [[3e38, -3e38, i * 1e37] for i in range(30)] + [[-3e38, 3e38, 0.0]],
        "small": [[1e-45 * i, 1e-40, 0.0] for i in range(30)],
        "far": [[math.cos(i) * 0.1 + (0 if i < 40 else 1000), math.sin(i) * 0.1, 1.0] for i in range(80)],
    }


def test_few_equal_and_extreme_rows(b):
    """Labels for every row, finite numbers, noise where nothing groups."""
    for name, rows in shapes().items():
        file = npy(rows) if rows else npy([[0.0] * 3])[:128].replace(b"(1, 3)", b"(0, 3)")
        b.put(name + ".npy", file)
        for method in ("search", "hdbscan", "auto"):
            result = b.run("cluster", name + ".npy", "--method", method)
            assert result.status == 0, (name, method, result.err)
            found = strict_json(result.out)
            assert finite(found) and len(found["labels"]) == len(rows), (name, method)
            if name in ("r0", "r1", "r2", "r3", "equal"):
                assert found["n_clusters"] == 0 and "silhouette" not in found and "dbcv" not in found, (name, found)
        for args in (["cluster", "-k", "1"], ["cluster", "-k", "1", "--method", "ward"], ["knn", "-k", "1"],
                     ["knn", "-k", "1", "--metric", "cosine"], ["dedup"], ["umap", "-c", "1", "-o", "u.npy"]):
            result = b.run(args[0], name + ".npy", *args[1:])
            if len(rows) < (3 if args[0] == "umap" else 1) and args[0] != "dedup":
                assert result.status == 2 and f"{len(rows)} rows" in result.err, (name, args, result.err)
                continue
            assert result.status == 0, (name, args, result.err)
            values = read_npy(b.get("u.npy")) if args[0] == "umap" else strict_json(result.out)
            assert finite(values), (name, args)
    found = strict_json(b.run("cluster", "far.npy", "--method", "hdbscan").out)
    assert found["labels"] == [0] * 40 + [1] * 40
    assert all(math.isfinite(d) for row in strict_json(b.run("knn", "huge.npy", "-k", "31").out)["distances"]
               for d in row)


def test_files_that_are_no_matrix(b):
    good = npy([[1.0, 2.0, 3.0]] * 3)
    double = npy([[1.0, 2.0, 3.0]] * 3).replace(b"<f4", b"<f8") + struct.pack("<9f", *[0.0] * 9)
    cases = {"double": (double, "<f8"), "fortran": (good.replace(b"False", b"True "), "Fortran"),
             "magic": (b"\x93NUMPX" + good[6:], "not a .npy"), "cut": (good[:-3], "33 bytes"),
             "more": (good + b"xx", "38 bytes"), "version": (good[:6] + b"\x09" + good[7:], "version"),
             "big-endian": (good.replace(b"<f4", b">f4"), ">f4"), "header": (good[:40], "npy"),
             "infinite": (good[:-4] + struct.pack("<f", math.inf), "row 2, column 2")}
    for name, (data, words) in cases.items():
        b.put(name + ".npy", data)
        for args in (["cluster"], ["knn", "-k", "1"], ["umap", "-c", "1"], ["dedup"]):
            result = b.run(args[0], name + ".npy", *args[1:], "-o", "o.npy")
            assert result.status == 4 and words in result.err and name in result.err, (name, args, result.err)
            assert result.err.count("\n") == 1 and not os.path.exists(os.path.join(b.folder, "o.npy"))


# ---- articles ----

def test_articles_of_one_kind(b):
    """One, two or equal articles, only code, only emoji, nothing but marks: a recap all the same."""
    code = "func main() {\nreturn nil\n}\nif (a == b && c != d) { return x; }\nconst x = () => { return 1; };"
    same = {"dedup_pairs", "total_sentences"}
    kinds = {
        "one": [JA], "two": [JA, "The town council met about the bridge again on Monday."], "three": [JA] * 3,
        "many": [JA] * 500, "code": [f"{code}\nint x{i} = {i};" for i in range(8)],
        "emoji": ["😀🎉" * (i + 3) for i in range(8)], "marks": ["。", "...", "!?", "\u200b\u200b"],
        "stops": ["The of and.\nOf the and.\nIt is."] * 4,
    }
    for name, texts in kinds.items():
        rows = [{"id": str(i), "text": text, "genre": "all"} for i, text in enumerate(texts)]
        result = run_week(b, "--json", "--format", "json,html,csv,md,atom", articles=rows)
        assert result.status == 0, (name, result.err)
        found = evidence(b)
        assert finite(found), name
        genre = found["genres"][0]
        if len(texts) < 3:
            assert not genre["clustered"] and not genre["clusters"], name
            continue
        numbers = {k: genre["diagnostics"][k] for k in same}
        if name in ("three", "many"):
            assert numbers == {"total_sentences": 2 * len(texts), "dedup_pairs": 2 * len(texts) - 2}, numbers
        if name in ("code", "emoji"):
            assert not any(c["representatives"] for c in genre["clusters"]), genre["clusters"]
        if name in ("emoji", "marks", "stops"):
            assert not any(c["top_terms"] for c in genre["clusters"]), genre["clusters"]


def test_documents_of_another_shape(b):
    """Values that are no articles, a feed whose items are no list: told by name, never passed over."""
    cases = {"num.json": ("5", "must be a JSON object"), "null.json": ("null", "must be a JSON object"),
             "list.json": ('[1,"a",{},[],null]', "article 5: an article must be a JSON object"),
             "feed.json": ('{"version":"https://jsonfeed.org/version/1","items":{}}', '"items" must be a list'),
             "nul.txt": ("Title\n\nBody\0 text\n", "U+0000"),
             "deep.xml": ("<rss><channel><item>" + "<a>" * 100000 + "x", "no text")}
    for name, (text, words) in cases.items():
        b.put(name, text)
        result = b.run("run", name, "-o", "out", "-m", b.tiny("xlmr"))
        assert result.status == 1 and words in result.err and name in result.err, (name, result.err)
    b.put("labels.jsonl", '{"text":"a","label":5}\n' * 100)
    result = b.run("train", "labels.jsonl", "-o", "head", "-m", b.tiny("xlmr"))
    assert result.status == 4 and "labels.jsonl: line 20:" in result.err and result.err.count("\n") == 22, result.err
    result = b.run("train", "labels.jsonl", "-o", "head", "-m", b.tiny("xlmr"), "--strict")
    assert result.status == 1 and "line 1:" in result.err and result.err.count("\n") == 1, result.err


def test_phrases_under_every_article(b):
    """Of "read more" and a paywall's stub at most one each is kept; no cluster is made of them."""
    for phrase in ("続きを読む", "Read more"):
        rows = [dict(r, text=r["text"] + "\n" + phrase, genre="all") for r in week(40)]
        assert run_week(b, "--json", articles=rows).status == 0
        genre = evidence(b)["genres"][0]
        said = [s for s in genre["sentences"] if s["text"] == phrase]
        assert len(said) == 40 and sum("duplicate_of" not in s for s in said) <= 1, said
        assert all(c["size"] > 1 or genre["sentences"][c["representatives"][0]["sentence"]]["text"] != phrase
                   for c in genre["clusters"] if c["representatives"])
    stub = "この記事は有料会員限定です。残り七百二十文字。"
    rows = [dict(r, text=stub if i % 2 else r["text"], genre="all") for i, r in enumerate(week(40))]
    assert run_week(b, "--json", articles=rows).status == 0
    said = [s for s in evidence(b)["genres"][0]["sentences"] if s["text"] in stub]
    assert len(said) == 40 and sum("duplicate_of" not in s for s in said) <= 2, said


def test_a_text_that_several_papers_print(b):
    """Word for word under three ids: kept once, and a story of three articles; a notice is none."""
    text = ("The old bridge at Kestrel was closed on Monday after divers found cracks in two piers.\n"
            "Engineers expect the repair of the piers to take until the end of spring.\n"
            "Buses cross the river at Norvale until then, and the ferry runs every hour.\n"
            "The mayor of Kestrel asked the province to pay for half of the work.")
    notice = "Subscribe today to read the whole story.\nA subscription costs four crowns a month."
    rows = [dict(r, genre="all") for r in week(12)]
    rows += [{"id": f"copy-{i}", "text": text, "genre": "all"} for i in range(3)]
    rows += [{"id": f"notice-{i}", "text": notice, "genre": "all"} for i in range(5)]
    assert run_week(b, "--json", articles=rows).status == 0
    genre = evidence(b)["genres"][0]
    counts = {}
    for cluster in genre["clusters"]:
        for representative in cluster["representatives"]:
            counts[representative["sentence_text"][:14]] = cluster["stats"]["article_count"]
    assert any(n >= 3 for start, n in counts.items() if start in text), counts
    assert not any(n >= 5 and start.startswith(("Subscribe", "A subscription")) for start, n in counts.items()), counts


def test_dates_that_are_odd(b):
    """The year 2099 is a date; each other form as it is written, or refused by name."""
    rows = [dict(r, published_at=f"2099-01-0{1 + i % 7}T00:00:00Z") for i, r in enumerate(week(14))]
    summary = strict_json(run_week(b, "--json", "--days", "3", articles=rows).out)
    assert (summary["articles"], summary["filtered"]) == (6, 8), summary
    good = ["2025-01-31t09:00:00.123456789z", "2025-01-31 09:00:00", "2025-01-31T09:00:00+09:00", "2025-01-31", "",
            None]
    bad = ["2025-02-29T00:00:00Z", "2025-01-31T24:00:00Z", "Fri, 31 Jan 2025 09:00:00 GMT", 1738281600,
           "2025-01-01T00:00:00+24:00"]
    rows = [dict(r, published_at=d) for r, d in zip(week(len(good + bad)), good + bad)]
    result = run_week(b, "--json", articles=rows)
    summary = strict_json(result.out)
    assert (result.status, summary["articles"], summary["refused"]) == (1, len(good), len(bad)), result.err


def test_names_and_addresses_that_are_odd(b):
    """Genres, ids and addresses of any characters: five whole files in the folder and nothing beside it."""
    genres = ["../x", "<b>", "", "G" * 10000, "a\nb", "a\u2028b", '"quoted"', "=cmd|' /C calc'!A0", "\x1b[2J", "--days"]
    urls = ["javascript:alert(1)", "data:text/html,x", "//evil", 'https://x/"onmouseover="', "file:///etc/passwd",
            "HTTPS://ok.example/", "http://x/\x1b[2J", "ftp://x/y", ""]
    ids = ["same", "", "<script>", "a" * 10000, 18446744073709551615, 0, None, "\u202e", "\x1b]0;x\x07"]
    rows = [dict(r, genre=genres[i % 10], url=urls[i % 9], id=ids[i % 9], title="<img src=x onerror=alert(1)>")
            for i, r in enumerate(week(60))]
    result = run_week(b, "--json", "--format", "json,html,csv,md,atom", articles=rows)
    assert result.status == 0 and strict_json(result.out)["articles"] == 60, result.err
    assert sorted(os.listdir(b.folder)) == ["out", "week.jsonl"], os.listdir(b.folder)
    names = sorted(os.listdir(os.path.join(b.folder, "out")))
    assert names == ["evidence.atom", "evidence.csv", "evidence.json", "report.html", "report.md"], names
    for name in names:
        data = b.get("out/" + name)
        assert not set(data) & (set(range(32)) - {9, 10, 13}), name
        data.decode("utf-8")
    xml.dom.minidom.parseString(b.get("out/evidence.atom"))
    html = b.get("out/report.html").decode()
    links = set(re.findall(r'href="([^"#][^"]*)"', html))
    assert not any(re.match(r"(?i)(javascript|file|data:text)", link) for link in links), links
    assert html.count("<script>") <= 1 and "<img src=x" not in html and "onmouseover=\"" not in html
    evidence(b)
    cells = [c for row in csv.reader(b.get("out/evidence.csv").decode().splitlines()) for c in row]
    assert not any(c.startswith(("=", "+", "@")) for c in cells), [c for c in cells if c[:1] in "=+@"][:3]
    plain = run_week(b, articles=rows)
    assert "\x1b" not in plain.out and max(map(len, plain.out.splitlines())) < 12000


def test_long_articles(b):
    """200,000 characters in one paragraph: in order, within the limits, and soon."""
    texts = {"kana": "あ" * 200000, "caps": "ALL CAPS NEWS. " * 13000, "mixed": (JA + "It rose 5%. ") * 3600,
             "words": "word " * 40000}
    rows = [{"id": name, "text": text, "genre": "all"} for name, text in texts.items()]
    result = run_week(b, "--json", articles=rows)
    assert result.status == 0, result.err
    sentences = evidence(b)["genres"][0]["sentences"]
    counts = {name: sum(s["article"] == i for s in sentences) for i, name in enumerate(texts)}
    assert counts == {"kana": 1, "caps": 200, "mixed": 200, "words": 1}, counts
    order = [s["text"][:2] for s in sentences if s["article"] == 2][:4]
    assert order == ["政府", "予算", "It", "政府"], order


if __name__ == "__main__":
    run_tests(globals())
