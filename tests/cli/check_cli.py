#!/usr/bin/env python3
"""Tests of the program as a user meets it: outputs, messages, exit statuses.

usage: check_cli.py [--update] RECAP FIXTURES [NAME...]

Outputs that must not change are compared with the files in expected/ (--update writes them anew).
Tests that need the fixtures' models are skipped where the folder is absent; those that need the
real models run where RECAP_TEST_MODELS names their folder.
"""
import contextlib
import functools
import gzip
import http.server
import math
import os
import pty
import shutil
import signal
import struct
import subprocess
import threading

from program import HERE, Skip, cosine, jsonl, npy, points, read_npy, run_tests, strict_json, wait_until

COMMANDS = ["run", "embed", "classify", "tokenize", "split", "extract", "knn", "umap", "cluster",
            "dedup", "train", "model", "doctor", "version"]


# ---- help, usage, exit statuses ----

def test_help(b):
    for args, name in [(["--help"], "help.txt")] + [([c, "--help"], f"help-{c}.txt") for c in COMMANDS]:
        result = b.run(*args)
        assert result.status == 0 and not result.err, result.err
        assert max(map(len, result.out.splitlines())) <= 79, name
        b.compare(name, result.out)
    assert b.run("help", "run").out == b.run("run", "-h").out


def test_version(b):
    for args in (["--version"], ["version"], ["-V"], ["run", "--version"]):
        result = b.run(*args)
        assert result.status == 0 and result.out.startswith("recap "), args
    assert "version" in strict_json(b.run("version", "--json").out)


def test_usage_errors(b):
    """Each one line, which names what was wrong; exit status 2."""
    b.put("m.npy", npy(points()))
    b.put("a.jsonl", jsonl([{"text": "A text."}]))
    cases = [
        ([], "command is missing"),
        (["clusterr"], 'no command "clusterr" (did you mean cluster?)'),
        (["xyzzy"], 'no command "xyzzy"'),
        (["help", "xyzzy"], 'no command "xyzzy"'),
        (["split", "--outptu", "x"], "no option --outptu (did you mean --output?)"),
        (["split", "--nothing-like-it"], "no option --nothing-like-it"),
        (["split", "-X"], "no option -X"),
        (["split", "-o"], "--output needs a value"),
        (["split", "--strict=yes"], "--strict takes no value"),
        (["split", "--threads", "2000"], '--threads: "2000" is not allowed: a whole number, 0 to 1024'),
        (["split", "--threads", "two"], '--threads: "two"'),
        (["split", "--set", "X"], "--set X: NAME=VALUE is needed"),
        (["split", "--set", "X=1"], "--set X: there is no such setting"),
        (["split", "--set", "BATCH_SIZE=0"], '--set BATCH_SIZE: "0" is not allowed: a whole number, 1 to'),
        (["split", "--seed", "-1"], '--seed: "-1"'),
        (["knn"], "VECTORS, a .npy file, is missing"),
        (["knn", "m.npy"], "-k N"),
        (["knn", "m.npy", "-k", "0"], '--neighbors: "0"'),
        (["knn", "m.npy", "-k", "42"], "41 rows"),
        (["knn", "m.npy", "-k", "2", "--metric", "manhattan"], "one of euclidean, cosine"),
        (["knn", "m.npy", "other.npy", "-k", "2"], '"other.npy" is one argument too many'),
        (["knn", "m.npy", "-k", "2", "--format", "npy"], "-o FILE is needed"),
        (["umap", "m.npy", "--components", "0"], '--components: "0"'),
        (["umap", "m.npy", "--components", "40"], "41 rows have at most 39"),
        (["umap", "m.npy", "--min-dist", "nan"], '--min-dist: "nan"'),
        (["cluster", "m.npy", "--method", "magic"], "one of auto, search, hdbscan, kmeans, ward"),
        (["cluster", "m.npy", "--method", "kmeans"], "-k N"),
        (["cluster", "m.npy", "-k", "100"], "41 rows"),
        (["cluster", "m.npy", "--min-cluster-size", "1"], '--min-cluster-size: "1"'),
        (["cluster", "m.npy", "--umap", "2"], "--umap does not go with --method search"),
        (["dedup", "m.npy", "--threshold", "1.5"], '--threshold: "1.5" is not allowed: a number, 0 to 1'),
        (["train"], "LABELLED"),
        (["train", "a.jsonl"], "-o DIR"),
        (["model"], "list, show, fetch, verify"),
        (["model", "paint"], '"paint" is not allowed'),
        (["model", "list", "x"], '"x" is one argument too many'),
        (["run", "-o", "out"], "INPUT is missing"),
        (["run", "a.jsonl"], "-o DIR"),
        (["run", "a.jsonl", "-o", "out", "--format", "pdf"], '"pdf" is not allowed'),
        (["run", "a.jsonl", "-o", "out", "--format", ""], "--format is empty"),
        (["run", "a.jsonl", "-o", "out", "--genres", ",,"], "--genres is empty"),
        (["split", "a.jsonl", "-m", ""], "--model is empty"),
        (["run", "a.jsonl", "-o", "out", "--days", "-1"], '--days: "-1"'),
        (["run", "a.jsonl", "-o", "out", "--days", "0"], '--days: "0" is not allowed: a whole number, 1 to'),
        (["run", "a.jsonl", "-o", "out", "--since", "yesterday"], '--since: "yesterday"'),
        (["run", "a.jsonl", "-o", "out", "--until", "2025-02-29"], '--until: "2025-02-29"'),
        (["run", "a.jsonl", "-o", "out", "--since", "2025-02-02", "--until", "2025-02-01"], "not before"),
        (["run", "a.jsonl", "-o", "out", "--since", "2025-02-02", "--days", "1"], "exclude each other"),
    ]
    for args, words in cases:
        result = b.run(*args)
        assert result.status == 2, (args, result.status, result.err)
        assert words in result.err, (args, result.err)
        assert result.err.count("\n") == 1 and result.err.startswith("recap: "), (args, result.err)
        assert not result.out, args


def test_no_model(b):
    for args in (["embed"], ["tokenize"], ["run", "a.jsonl", "-o", "out"]):
        b.put("a.jsonl", jsonl([{"text": "A text."}]))
        result = b.run(*args, stdin='"a"\n')
        assert result.status == 3, (args, result.err)
        assert "recap model fetch multilingual-e5-small" in result.err
        assert result.err.count("\n") == 1, result.err
    assert not os.path.exists(os.path.join(b.folder, "out", "evidence.json"))
    result = b.run("embed", "-m", "no/such/folder", stdin='"a"\n')
    assert result.status == 3 and "no/such/folder" in result.err, result.err
    result = b.run("classify", stdin='"a"\n')
    assert result.status == 3 and "--head" in result.err
    result = b.run("classify", "--head", "nowhere", stdin='"a"\n')
    assert result.status == 3 and result.err.count("\n") == 1, result.err


def test_bad_model_directories(b):
    cases = {
        "empty": {},
        "pointer": {"config.json": '{"architectures":["BertModel"],"model_type":"bert"}',
                    "model.safetensors": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"},
        "gpt": {"config.json": '{"architectures":["GPT2LMHeadModel"],"model_type":"gpt2"}'},
        "torn": {"config.json": "{"},
    }
    for name, files in cases.items():
        os.makedirs(os.path.join(b.folder, name), exist_ok=True)
        for file, text in files.items():
            b.put(os.path.join(name, file), text)
        for command in (["embed", "-m", name], ["model", "show", name], ["model", "verify", name]):
            result = b.run(*command, stdin='"a"\n')
            assert result.status == 3, (command, result.status, result.err)
            assert name in result.err and result.err.count("\n") == 1, result.err


def test_settings_from_the_environment(b):
    result = b.run("split", stdin='"a"\n', env={"RECAP_SUBWORKER_BATCH_SIZE": "many"})
    assert result.status == 3 and 'RECAP_SUBWORKER_BATCH_SIZE: "many" is not allowed' in result.err
    for args in (["--device", "cuda"], ["--set", "DEVICE=cuda:1"], ["--precision", "int8"]):
        result = b.run("split", *args, stdin='"a"\n')
        assert result.status == 3 and result.err.count("\n") == 1, (args, result.err)
    assert b.run("split", "--device", "auto", "--precision", "f32", stdin='"a"\n').status == 0


def test_missing_and_unreadable_files(b):
    os.makedirs(os.path.join(b.folder, "folder"), exist_ok=True)
    b.put("torn.gz", gzip.compress(b'"a"\n' * 1000)[:30])
    for args in (["split", "nowhere.jsonl"], ["knn", "nowhere.npy", "-k", "1"], ["extract", "nowhere.html"],
                 ["split", "folder"], ["cluster", "folder"], ["split", "torn.gz"],
                 ["run", "nowhere.jsonl", "-o", "out"], ["train", "nowhere.jsonl", "-o", "head"]):
        result = b.run(*args)
        assert result.status == 4, (args, result.status, result.err)
        name = next(a for a in args if a.startswith(("nowhere", "folder", "torn")))
        assert name in result.err and result.err.count("\n") == 1, result.err


def test_bad_outputs(b):
    result = b.run("split", "-o", "no/such/folder/x", stdin='"a"\n')
    assert result.status == 4 and "no/such/folder/x" in result.err
    b.put("file", "")
    b.put("a.jsonl", jsonl([{"text": "A text."}]))
    result = b.run("run", "a.jsonl", "-o", "file/below")
    assert result.status == 4 and result.err.count("\n") == 1, result.err
    with open("/dev/full", "wb") as full:
        result = b.run("split", stdin='"a"\n', stdout=full)
        assert result.status == 5 and "standard output" in result.err and "space" in result.err
        assert b.run("--help", stdout=full).status == 5
    result = b.run("split", "-o", "/dev/full", stdin='"a"\n')
    assert result.status == 5 and "/dev/full" in result.err
    assert os.path.exists("/dev/full")
    done = subprocess.run(["sh", "-c", '"$0" split >&-', b.recap], input=b'"a"\n', stderr=subprocess.PIPE,
                          env=b.environment(), check=False)
    assert done.returncode == 4 and b"closed" in done.stderr, done
    done = subprocess.run(["sh", "-c", '"$0" split <&-', b.recap], stderr=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=b.environment(), check=False)
    assert done.returncode == 4 and done.stderr.count(b"\n") == 1, done
    assert sorted(n for n in os.listdir(b.folder) if n.endswith(".part")) == []


def test_broken_pipe(b):
    b.put("many.jsonl", jsonl(["A sentence. " * 20] * 5000))
    process = subprocess.Popen([b.recap, "split", "many.jsonl"], cwd=b.folder, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=b.environment())
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read().decode()
    assert process.wait(60) == 4 and err.count("\n") == 1, err


def test_interrupt(b):
    """While it waits for input: 130, and no output file."""
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([b.recap, "split", "-o", "out.jsonl"], cwd=b.folder, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=b.environment())
        process.stdin.write(b'"a"\n')
        process.stdin.flush()
        wait_until(lambda: any(n.startswith("out.jsonl") for n in os.listdir(b.folder)), process)
        process.send_signal(number)
        status = process.wait(20)
        err = process.stderr.read().decode()
        process.stdin.close()
        assert status == 130 and err.count("\n") == 1, (status, err)
        assert not [n for n in os.listdir(b.folder) if n.startswith("out.jsonl")]


# ---- texts ----

TEXTS = [
    "Rain came. It stopped at 3 p.m. on Friday.",
    {"id": 7, "text": "雨が降った。止んだ。", "x": 1.0, "deep": {"a": [1, None, "é\u2028"]}},
    {"text": ""},
    "Prime Minister Jane B. Doe met Dr. Roe et al. [2004] at 3 p.m. on Friday.",
    "・停電\n・断水\n1) 避難所\n2) 給水所",
    "First.\u2028Second.",
]
BAD_LINES = ['{"text": 5}', "not json", '"\\ud83d"', '{"id": 1}', "[1]", '{"text": "a"', "NaN"]


def test_split(b):
    result = b.run("split", stdin=jsonl(TEXTS))
    assert result.status == 0, result.err
    b.compare("split.jsonl", result.out)
    assert len(result.lines()) == len(TEXTS)


def test_bad_lines(b):
    good = '"A good line."\n'
    result = b.run("split", stdin=good + "\n".join(BAD_LINES) + "\n\n" + good)
    assert result.status == 1 and not result.err, result.err
    b.compare("bad-lines.jsonl", result.out)
    lines = result.lines()
    assert [x.get("line") for x in lines] == [None, 2, 3, 4, 5, 6, 7, 8, None]
    assert all("error" in x for x in lines[1:-1])
    result = b.run("split", "--strict", stdin=good + "not json\n" + good)
    assert result.status == 1 and "line 2" in result.err and len(result.lines()) == 1
    b.put("a.jsonl", good)
    b.put("b.jsonl", "bad\n")
    assert b.run("split", "a.jsonl", "b.jsonl").lines()[1]["file"] == "b.jsonl"
    assert b.run("split", stdin="").out == ""


def test_packed_input(b):
    b.put("a.jsonl.gz", gzip.compress(jsonl(TEXTS).encode()))
    assert b.run("split", "a.jsonl.gz").out == b.run("split", stdin=jsonl(TEXTS)).out
    if shutil.which("zstd"):
        b.put("a.jsonl", jsonl(TEXTS))
        subprocess.run(["zstd", "-q", "-f", "a.jsonl"], cwd=b.folder, check=True)
        assert b.run("split", "-", stdin=b.get("a.jsonl.zst")).out == b.run("split", "a.jsonl").out


def test_output_file(b):
    b.put("a.jsonl", jsonl(TEXTS))
    result = b.run("split", "a.jsonl", "-o", "out.jsonl")
    assert result.status == 0 and not result.raw
    assert b.get("out.jsonl").decode() == b.run("split", "a.jsonl").out
    result = b.run("split", "nowhere.jsonl", "-o", "out.jsonl")
    assert result.status == 4 and b.get("out.jsonl").decode() == b.run("split", "a.jsonl").out


def test_extract(b):
    page = ("<html><head><title>Storm</title></head><body><nav><a href=x>Home</a></nav><article><p>The storm "
            "reached the coast on Monday night and went on.</p><p><ruby>虐待<rp>(</rp><rt>ぎゃくたい</rt><rp>)"
            "</rp></ruby>を防ぐための法律が国会で成立した。</p></article><script>x()</script></body></html>")
    b.put("page.html", page)
    result = b.run("extract", "page.html")
    assert result.status == 0, result.err
    b.compare("extract.jsonl", result.out)
    assert b.run("extract", stdin=page).out == result.out
    assert "虐待を防ぐ" in result.lines()[0]["text"]
    assert b.run("extract", stdin="").lines() == [{"title": "", "text": ""}]


# ---- models ----

TINY = [("xlmr", None), ("bert-cased-f16", None), ("distilbert-cls30", "logits"), ("xlmr-cls-bf16", "logits")]


def test_tokenize_tiny(b):
    for name, _ in TINY:
        wanted = b.fixture_lines("tiny", name, "expected.jsonl")
        result = b.run("tokenize", "-m", b.tiny(name), "--reference-special",
                       stdin=jsonl([{"text": x["text"]} for x in wanted]))
        assert result.status == 0, result.err
        assert [x["ids"] for x in result.lines()] == [x["input_ids"] for x in wanted], name


def test_tokenize_options(b):
    model = b.tiny("xlmr")
    text = '{"id":1,"text":"<s>定価</s>1000円 <pad><pad>"}\n'
    plain, reference = (b.run("tokenize", "-m", model, *a, stdin=text).lines()[0]
                        for a in ([], ["--reference-special"]))
    special = {"<s>", "</s>", "<pad>"}
    assert not special & set(plain["tokens"][1:-1]) and special & set(reference["tokens"][1:-1])
    assert plain["id"] == 1 and not plain["truncated"]
    bare = b.run("tokenize", "-m", model, "--no-special", stdin=text).lines()[0]
    assert bare["ids"] == plain["ids"][1:-1]
    cut = b.run("tokenize", "-m", model, "--max-length", "4", stdin=text).lines()[0]
    assert len(cut["ids"]) == 4 and cut["truncated"] and cut["ids"][-1] == plain["ids"][-1]


def test_embed_tiny(b):
    model = b.tiny("xlmr")
    wanted = [x for x in b.fixture_lines("tiny", "xlmr", "expected.jsonl") if x.get("embedding")][:20]
    length = wanted[0]["max_length"]
    result = b.run("embed", "-m", model, "--prefix", "", stdin=jsonl([{"text": x["text"]} for x in wanted]))
    assert result.status == 0, result.err
    lines = result.lines()
    assert length and len(lines) == len(wanted)
    for line in lines:
        assert abs(sum(v * v for v in line["embedding"]) - 1) < 1e-5


def embed_rows(b, *args, texts):
    result = b.run("embed", *args, stdin=jsonl(texts))
    assert result.status == 0, result.err
    return [x["embedding"] for x in result.lines()]


def test_embed_formats(b):
    model, texts = b.tiny("xlmr"), ["one", "two words", "", "三つ", "one"]
    rows = embed_rows(b, "-m", model, texts=texts)
    assert rows[0] == rows[4]
    n = len(rows[0])
    packed = b.run("embed", "-m", model, "--format", "npy", stdin=jsonl(texts)).raw
    assert read_npy(packed) == [[struct.unpack("f", struct.pack("f", v))[0] for v in row] for row in rows]
    raw = b.run("embed", "-m", model, "--format", "f32", stdin=jsonl(texts)).raw
    assert raw == packed[128:] and len(raw) == len(texts) * n * 4
    b.put("a.jsonl", jsonl(texts))
    assert b.run("embed", "-m", model, "-f", "npy", "-o", "v.npy", "a.jsonl").status == 0
    assert b.get("v.npy") == packed
    assert read_npy(b.run("embed", "-m", model, "-f", "npy", stdin="").raw) == []


def test_embed_into_a_pipe(b):
    """A header is patched at the end: the pipe that -o names gets it, and not standard output."""
    model, path = b.tiny("xlmr"), os.path.join(b.folder, "pipe")
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(open(path, "rb").read()), daemon=True)
    reader.start()
    result = b.run("embed", "-m", model, "--format", "npy", "-o", path, stdin='"a"\n')
    reader.join(20)
    assert result.status == 0 and result.raw == b"", result.err
    assert got and got[0].startswith(b"\x93NUMPY"), got


def test_embed_alone_or_together(b):
    model = b.tiny("xlmr")
    texts = [f"sentence {i} " * (1 + i % 7) for i in range(150)]
    together = b.run("embed", "-m", model, "-f", "f32", "-t", "1", stdin=jsonl(texts)).raw
    assert together == b.run("embed", "-m", model, "-f", "f32", "-t", "2", "--set", "BATCH_SIZE=7",
                             stdin=jsonl(texts)).raw
    alone = b.run("embed", "-m", model, "-f", "f32", stdin=jsonl(texts[77:78])).raw
    assert together[77 * len(alone):78 * len(alone)] == alone


def test_embed_options(b):
    model = b.tiny("xlmr")
    full = embed_rows(b, "-m", model, texts=["a text"])[0]
    cut = embed_rows(b, "-m", model, "--dimensions", "8", texts=["a text"])[0]
    assert len(cut) == 8 and cosine(cut, full[:8]) > 0.99999 and abs(sum(v * v for v in cut) - 1) < 1e-5
    long = embed_rows(b, "-m", model, "--no-normalize", texts=["a text"])[0]
    assert cosine(long, full) > 0.99999 and abs(sum(v * v for v in long) - 1) > 1e-3
    assert embed_rows(b, "-m", model, "--pooling", "cls", texts=["a text"])[0] != full
    passage = embed_rows(b, "-m", model, "--prefix", "passage: ", texts=["a text", "passage: a text"])
    assert passage[0] == passage[1] != full
    result = b.run("embed", "-m", model, "--dimensions", "5000", stdin='"a"\n')
    assert result.status == 2 and "--dimensions 5000" in result.err
    result = b.run("embed", "-m", model, "--max-length", "5000", stdin='"a"\n')
    assert result.status == 2 and "--max-length 5000" in result.err


def test_embed_bad_lines(b):
    model = b.tiny("xlmr")
    result = b.run("embed", "-m", model, stdin='{"id":1,"text":"a"}\nbad\n{"id":3,"text":"b"}\n')
    lines = result.lines()
    assert result.status == 1 and [x.get("id") for x in lines] == [1, None, 3] and lines[1]["line"] == 2
    result = b.run("embed", "-m", model, "-f", "npy", stdin='"a"\nbad\n"b"\n')
    rows = read_npy(result.raw)
    assert result.status == 1 and len(rows) == 3 and not any(rows[1]) and any(rows[2])
    assert "line 2" in result.err


def test_classify_tiny(b):
    for name in ("distilbert-cls30", "xlmr-cls-bf16"):
        wanted = b.fixture_lines("tiny", name, "expected.jsonl")
        if name == "distilbert-cls30":
            wanted = wanted[:40]
        length = str(wanted[0]["max_length"])
        result = b.run("classify", "--en-model", b.tiny(name), "--logits", "--max-length", length,
                       stdin=jsonl([{"text": x["text"]} for x in wanted]))
        assert result.status == 0, result.err
        for line, x in zip(result.lines(), wanted):
            if any(token in x["text"] for token in ("<s>", "<pad>", "[SEP]", "[CLS]", "[MASK]", "[UNK]", "[PAD]",
                                                    "<unk>", "<mask>", "</s>")):
                continue  # special tokens written out: the reference's rule is another
            assert max(abs(p - q) for p, q in zip(line["logits"], x["logits"])) < 1e-3, (name, x["text"])
            scores = list(line["scores"].values())
            assert all(0 <= s <= 1 for s in scores) and abs(sum(scores) - 1) < 1e-3
            assert line["confidence"] == line["scores"][line["top_genre"]]


def test_classify_options(b):
    model = b.tiny("distilbert-cls30")
    line = b.run("classify", "--en-model", model, "--top-k", "3", "--threshold", "0", stdin='"a text"\n').lines()[0]
    scores = [c["score"] for c in line["candidates"]]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)
    assert line["candidates"][0]["genre"] == line["top_genre"]
    line = b.run("classify", "--en-model", model, "-k", "3", "--threshold", "1", stdin='"a text"\n').lines()[0]
    assert len(line["candidates"]) == 1
    result = b.run("classify", "--en-model", model, "--set", 'GENRE_THRESHOLDS={"no such":0.5}', stdin='"a"\n')
    assert result.status == 3 and "no such" in result.err
    b.put("taxonomy.yaml", "genres: [one, two]\n")
    result = b.run("classify", "--en-model", model, "--set", "LEARNING_MACHINE_TAXONOMY_PATH=taxonomy.yaml",
                   stdin='"a"\n')
    assert result.status == 3, result.err
    b.put("taxonomy.yaml", "genres: [one, [two]]\n")
    result = b.run("classify", "--en-model", model, "--set", "LEARNING_MACHINE_TAXONOMY_PATH=taxonomy.yaml",
                   stdin='"a"\n')
    assert result.status == 3 and "taxonomy.yaml" in result.err, result.err


def labelled():
    words = {"sports": "goal match team player cup", "food": "soup bread cheese kitchen salt"}
    rows = []
    for i in range(20):
        for label, text in words.items():
            parts = text.split()
            rows.append({"text": " ".join(parts[(i + k) % 5] for k in range(3)) + f" {i}", "label": label})
    return rows


def test_train_and_use(b):
    model = b.tiny("xlmr")
    b.put("labelled.jsonl", jsonl(labelled()))
    result = b.run("train", "labelled.jsonl", "-o", "head", "-m", model, "--json")
    assert result.status == 0, result.err
    report = strict_json(result.out)
    assert report["examples"] == 40 and set(report["genres"]) == {"sports", "food"}
    plain = b.run("train", "labelled.jsonl", "--out", "head2", "-m", model)
    assert plain.status == 0 and "accuracy" in plain.out and "head written to head2" in plain.out
    assert b.get("head/head.json") == b.get("head2/head.json")
    lines = b.run("classify", "-m", model, "--head", "head", stdin=jsonl(labelled())).lines()
    right = sum(line["top_genre"] == line["label"] for line in lines)
    assert right > 30, right
    result = b.run("classify", "-m", b.tiny("bert-cased-f16"), "--head", "head", stdin='"a"\n')
    assert result.status == 3, (result.status, result.err)
    result = b.run("train", "-m", model, "-o", "head3", b.put("bad.jsonl", jsonl(labelled()) + '{"text":"x"}\n'))
    assert result.status == 1 and "line 41" in result.err and os.path.isdir(os.path.join(b.folder, "head3"))
    result = b.run("train", "-m", model, "-o", "head4", b.put("one.jsonl", jsonl(labelled()[:1])))
    assert result.status == 4 and "one.jsonl" in result.err, (result.status, result.err)


def test_the_head_in_the_data_home(b):
    model = b.tiny("xlmr")
    b.put("labelled.jsonl", jsonl(labelled()))
    assert b.run("classify", "-m", model, stdin='"a"\n').status in (2, 3)
    home = os.path.join(b.folder, "data", "recap", "heads", "genres")
    assert b.run("train", "labelled.jsonl", "-o", home, "-m", model).status == 0
    try:
        line = b.run("classify", "-m", model, stdin='"a match"\n').lines()[0]
        assert line["top_genre"] in ("sports", "food")
        articles = [{key: value for key, value in article.items() if key != "genre"} for article in week(6)]
        assert run_week(b, "-m", model, articles=articles).status == 0
        assert {genre["genre"] for genre in evidence(b)["genres"]} <= {"sports", "food"}
        # it belongs to its embedder
        result = b.run("classify", "-m", b.tiny("bert-cased-f16"), stdin='"a"\n')
        assert result.status == 3 and "another embedder" in result.err, result.err
    finally:
        shutil.rmtree(home)


def test_model_command(b):
    model = b.tiny("xlmr")
    rows = strict_json(b.run("model", "list", "--json").out)
    assert any(row["name"] == "multilingual-e5-small" and not row["here"] for row in rows)
    os.makedirs(os.path.join(b.folder, "data", "recap", "models"), exist_ok=True)
    os.symlink(model, os.path.join(b.folder, "data", "recap", "models", "mine"))
    assert any(row["name"] == "mine" for row in strict_json(b.run("model", "list", "--json").out))
    info = strict_json(b.run("model", "show", "mine", "--json").out)
    assert info["architecture"] == "xlm-roberta" and info["tokenizer"] == "unigram"
    assert "identity" in b.run("model", "show", "mine").out
    assert strict_json(b.run("model", "verify", "mine", "--json").out)["good"]
    assert "mine" in b.run("embed", "-m", "mine", "-v", stdin='"a"\n').err
    # What comes in one format is asked for in none: here only the way to pip is closed.
    result = b.run("model", "fetch", "categorium-en", env={"PIP_NO_INDEX": "1"})
    assert result.status in (3, 4) and "format" not in result.err, result.err
    result = b.run("model", "fetch", "no-such-model")
    assert result.status in (2, 3) and "no-such-model" in result.err and result.err.count("\n") == 1, result.err


def test_doctor(b):
    result = b.run("doctor", "--json")
    checks = {c["name"]: c for c in strict_json(result.out)["checks"]}
    assert result.status == 1 and checks["model"]["status"] == "fail"
    assert "recap model fetch" in checks["model"]["found"]
    checks = {c["name"]: c for c in strict_json(b.run("doctor", "--json", "-m", b.tiny("xlmr")).out)["checks"]}
    assert checks["model"]["status"] == "pass"
    assert "processor" in b.run("doctor").out


# ---- vectors ----

def test_knn(b):
    b.put("m.npy", npy(points()))
    result = b.run("knn", "m.npy", "-k", "5")
    found = strict_json(result.out)
    assert result.status == 0 and [len(r) for r in found["indices"]] == [5] * 41
    rows = read_npy(b.get("m.npy"))
    for i, (row, distances) in enumerate(zip(found["indices"], found["distances"])):
        exact = sorted((math.dist(rows[i], rows[j]), j) for j in range(41))[:5]
        assert row[0] == i and distances == sorted(distances)
        assert max(abs(d - e[0]) for d, e in zip(distances, exact)) < 1e-4
    assert b.run("knn", "m.npy", "-k", "5", "--approximate").out == result.out
    assert b.run("knn", "-", "-k", "5", stdin=b.get("m.npy")).out == result.out
    assert b.run("knn", "m.npy", "-k", "5", "-f", "npy", "-o", "n.npy").status == 0
    assert read_npy(b.get("n.indices.npy"), "i") == found["indices"]
    assert len(read_npy(b.get("n.distances.npy"))) == 41
    cosines = strict_json(b.run("knn", "m.npy", "-k", "2", "--metric", "cosine").out)
    assert all(0 <= d <= 2 for row in cosines["distances"] for d in row)


def test_bad_vectors(b):
    rows = points()
    rows[3][1] = float("nan")
    b.put("nan.npy", npy(rows))
    rows[3] = [0.0, 0.0, 0.0]
    b.put("zero.npy", npy(rows))
    b.put("no.npy", "this is no matrix")
    b.put("empty.npy", "")
    for args, words in [(["knn", "nan.npy", "-k", "2"], "row 3"), (["dedup", "zero.npy"], "row 3"),
                        (["knn", "zero.npy", "-k", "2", "--metric", "cosine"], "row 3"),
                        (["cluster", "no.npy"], "not a .npy file"), (["umap", "empty.npy"], "not a .npy file")]:
        result = b.run(*args)
        assert result.status == 4 and words in result.err and args[1] in result.err, (args, result.err)
        assert result.err.count("\n") == 1


def test_umap(b):
    b.put("m.npy", npy(points()))
    one, two = (b.run("umap", "m.npy", "-t", t) for t in ("1", "2"))
    rows = read_npy(one.raw)
    assert one.status == 0 and len(rows) == 41 and len(rows[0]) == 2 and one.raw == two.raw
    assert all(math.isfinite(v) for row in rows for v in row)
    assert b.run("umap", "m.npy", "--seed", "1").raw != one.raw
    edges = b.run("umap", "m.npy", "--graph", "-k", "5").lines()
    assert all(i < j and 0 < w <= 1 for i, j, w in edges) and len(edges) > 41
    assert b.run("umap", "m.npy", "-c", "3", "-o", "l.npy").status == 0 and len(read_npy(b.get("l.npy"))[0]) == 3


def test_cluster(b):
    b.put("m.npy", npy(points()))
    wanted = [0] * 20 + [1] * 20 + [-1]
    found = strict_json(b.run("cluster", "m.npy", "--method", "hdbscan").out)
    assert found["labels"] == wanted and found["n_clusters"] == 2
    assert abs(found["noise_ratio"] - 1 / 41) < 1e-12 and "silhouette" in found and "dbcv" in found
    assert found["params"]["method"] == "hdbscan" and len(found["probabilities"]) == len(found["outlier_scores"]) == 41
    found = strict_json(b.run("cluster", "m.npy", "-k", "3").out)
    assert found["labels"] == [0] * 20 + [1] * 20 + [2] and "probabilities" not in found
    found = strict_json(b.run("cluster", "m.npy", "-k", "3", "--method", "ward").out)
    assert found["labels"] == [0] * 20 + [1] * 20 + [2] and found["params"]["k"] == 3
    found = strict_json(b.run("cluster", "m.npy").out)
    assert len(found["labels"]) == 41 and found["params"]["method"] == "search" and "outlier_scores" not in found
    found = strict_json(b.run("cluster", "m.npy", "--method", "hdbscan", "--umap", "2").out)
    assert len(found["labels"]) == 41 and found["params"]["umap"] == 2
    found = strict_json(b.run("cluster", "m.npy", "--method", "hdbscan", "--min-cluster-size", "30").out)
    assert found["n_clusters"] == 0 and found["noise_ratio"] == 1
    assert "silhouette" not in found and "dbcv" not in found
    same = npy([[1.0, 0.0]] * 20 + [[0.0, 1.0]] * 20)
    found = strict_json(b.run("cluster", "-", "--method", "hdbscan", stdin=same).out)
    assert found["n_clusters"] == 2 and found["probabilities"] == [1] * 40
    assert strict_json(b.run("cluster", "-", "--method", "hdbscan", stdin=npy([[1.0, 2.0]] * 3)).out)


def test_dedup(b):
    rows = [[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [1.0, 0.05], [1.0, 1.0], [0.0, -1.0]]
    b.put("d.npy", npy(rows))
    found = strict_json(b.run("dedup", "d.npy", "--threshold", "0.99").out)
    assert found == {"kept": [0, 1, 4, 5], "duplicate_of": {"2": 0, "3": 0}}
    many = [[math.cos(i * 0.37), math.sin(i * 0.37)] for i in range(1000)]
    found = strict_json(b.run("dedup", "-", "--threshold", "0.999", stdin=npy(many)).out)
    kept, wanted = [], []
    for i, row in enumerate(many):
        if all(cosine(row, many[k]) < 0.999 for k in kept):
            kept.append(i)
        else:
            wanted.append(i)
    assert found["kept"] == kept and sorted(map(int, found["duplicate_of"])) == wanted
    assert all(k < int(i) and k in kept for i, k in found["duplicate_of"].items())


# ---- run ----

def week(n=24):
    topics = ["the harbour bridge and its new cable", "a comet above the northern hills",
              "prices of bread in the old market"]
    rows = []
    for i in range(n):
        topic = topics[i % 3]
        rows.append({
            "id": f"a{i}", "title": f"News {i} of {topic}",
            "text": f"People spoke of {topic} on day {i}. The town council met about {topic} again. "
                    f"Nobody knows how {topic} will end, said witness {i * 7}.",
            "lang": "en", "published_at": f"2025-02-{1 + i % 10:02d}T12:00:00Z", "url": f"https://example.org/{i}",
            "genre": "local" if i % 2 else "world"})
    return rows


def run_week(b, *args, articles=None, name="week.jsonl"):
    b.put(name, jsonl(articles or week()))
    return b.run("run", name, "-o", "out", "-m", b.tiny("xlmr"), *args)


def evidence(b):
    return strict_json(b.get("out/evidence.json").decode())


def without_times(value):
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items()
                if not k.endswith(("seconds", "_ms")) and k not in ("device", "timings")}
    if isinstance(value, list):
        return [without_times(v) for v in value]
    return value


def test_run(b):
    result = run_week(b)
    assert result.status == 0, result.err
    assert "out/evidence.json" in result.out and "out/report.html" in result.out
    first = evidence(b)
    assert sorted(os.listdir(os.path.join(b.folder, "out"))) == ["evidence.json", "report.html"]
    html = b.get("out/report.html").decode()
    assert "a0" in html or "News 0" in html
    assert run_week(b, "-t", "1", "-q").raw == b""
    assert without_times(evidence(b)) == without_times(first)
    searched = run_week(b, "--clustering", "search")
    assert searched.status == 0 and evidence(b)["settings"]["clustering"] == "search", searched.err
    result = run_week(b, "--format", "json,html,csv,md,atom", "--json")
    summary = strict_json(result.out)
    assert summary["articles"] == 24 and len(summary["files"]) == 5 and len(summary["genres"]) == 2
    assert all(os.path.getsize(os.path.join(b.folder, f)) for f in summary["files"])


def counts(result):
    assert result.status in (0, 1), result.err
    summary = strict_json(result.out)
    return summary["articles"], summary["filtered"]


def test_run_dates(b):
    rows = week()
    day = {r["id"]: r["published_at"][:10] for r in rows}

    def count(low, high):
        return sum(low <= d <= high for d in day.values())
    for args, low, high in [(["--days", "3"], "2025-02-08", "2025-02-10"),
                            (["--since", "2025-02-05"], "2025-02-05", "2025-02-10"),
                            (["--until", "2025-02-04"], "2025-02-01", "2025-02-04"),
                            (["--days", "2", "--until", "2025-02-04"], "2025-02-03", "2025-02-04"),
                            (["--since", "2025-02-02T12:00:00Z", "--until", "2025-02-03T12:00:00Z"],
                             "2025-02-02", "2025-02-03")]:
        n = count(low, high)
        assert counts(run_week(b, "--json", *args)) == (n, 24 - n), args
    result = run_week(b, "--since", "2026-01-01")
    assert result.status == 1 and "none of 24 articles" in result.err, result.err
    rows[0].pop("published_at")
    result = run_week(b, "--days", "30", "--json", articles=rows)
    assert counts(result) == (23, 1) and "without a date" in result.err
    assert counts(run_week(b, "--json", articles=rows)) == (24, 0)


def test_run_split_settings(b):
    """The fixed limits on large clusters, beside those that come from the clusters themselves."""
    def clusters(*settings):
        args = [word for s in settings for word in ("--set", s)]
        assert run_week(b, "--clustering", "search", "--classify-with", "none", *args).status == 0
        return [[c["size"] for c in g["clusters"]] for g in evidence(b)["genres"]]
    fixed = ("RECURSIVE_DYNAMIC_THRESHOLDS=false", "CLUSTERING_MAX_TOKENS_PER_CLUSTER=1")
    split, whole = clusters(*fixed, "CLUSTERING_MIN_SPLIT_SIZE=2"), clusters(*fixed, "CLUSTERING_MIN_SPLIT_SIZE=100000")
    assert sum(map(len, split)) > sum(map(len, whole)), (split, whole)


def test_run_genres(b):
    assert counts(run_week(b, "--json", "--genres", "local")) == (12, 12)
    result = run_week(b, "--genres", "nothing")
    assert result.status == 1 and "nothing" in result.err
    rows = week()
    for row in rows[:2]:
        row.pop("genre")
    names = [g["genre"] for g in strict_json(run_week(b, "--json", articles=rows).out)["genres"]]
    assert names == ["local", "world", "other"]
    for row in rows:
        row.pop("genre", None)
    assert [g["genre"] for g in strict_json(run_week(b, "--json", articles=rows).out)["genres"]] == ["all"]
    b.put("labelled.jsonl", jsonl(labelled()))
    assert b.run("train", "labelled.jsonl", "-o", "head", "-m", b.tiny("xlmr")).status == 0
    for args in (["--head", "head"], ["--classify-with", "head"]):
        summary = strict_json(run_week(b, "--json", *args, articles=rows).out)
        assert {g["genre"] for g in summary["genres"]} <= {"sports", "food"}, args
    summary = strict_json(run_week(b, "--json", "--classify-with", "none").out)
    assert [g["genre"] for g in summary["genres"]] == ["all"]
    summary = strict_json(run_week(b, "--json", "--classify-with", b.tiny("distilbert-cls30")).out)
    assert sum(g["articles"] for g in summary["genres"]) == 24


def test_run_bad_articles(b):
    text = jsonl(week()[:12]) + '{"id":"x"}\nnot json\n{"text":"a","published_at":"24:00"}\n' + jsonl(week()[12:])
    b.put("bad.jsonl", text)
    result = b.run("run", "bad.jsonl", "-o", "out", "-m", b.tiny("xlmr"), "--json")
    assert result.status == 1, result.err
    for n, words in ((13, "is missing"), (14, "JSON"), (15, "24:00")):
        assert any(f"bad.jsonl: line {n}" in line and words in line for line in result.err.splitlines()), result.err
    summary = strict_json(result.out)
    assert summary["articles"] == 24 and summary["refused"] == 3
    shutil.rmtree(os.path.join(b.folder, "out"))
    result = b.run("run", "bad.jsonl", "-o", "out", "-m", b.tiny("xlmr"), "--strict")
    assert result.status == 1 and "line 13" in result.err and result.err.count("\n") == 1
    assert not os.path.exists(os.path.join(b.folder, "out", "evidence.json"))
    b.put("noise.jsonl", "x\n" * 100)
    result = b.run("run", "noise.jsonl", "-o", "out", "-m", b.tiny("xlmr"))
    assert result.status == 1 and result.err.count("\n") < 25 and "100 refused" in result.err
    assert b.run("run", "-", "-o", "out", "-m", b.tiny("xlmr")).status == 1


def test_run_odd_articles(b):
    """Paywall stubs, one text under many ids, one long paragraph, few articles: no crash."""
    rows = week(6) + [{"id": f"p{i}", "text": "続きを読むには会員登録が必要です。", "genre": "local"} for i in range(20)]
    rows += [{"id": "", "text": "あ" * 200000, "genre": "local"}, {"text": "ALL CAPS. " * 50, "genre": "world"}]
    result = run_week(b, "--json", articles=rows)
    assert result.status == 0, result.err
    evidence(b)
    result = run_week(b, "--json", articles=week(1))
    assert result.status == 0 and strict_json(result.out)["genres"][0]["clusters"] == 0
    result = run_week(b, "--set", "MAX_TOTAL_SENTENCES=10", "--classify-with", "none")
    assert result.status == 0 and "MAX_TOTAL_SENTENCES 10" in result.err, result.err


def test_run_interrupt(b):
    b.put("week.jsonl", jsonl(week()))
    process = subprocess.Popen([b.recap, "run", "week.jsonl", "-", "-o", "out", "-m", b.tiny("xlmr")], cwd=b.folder,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=b.environment())
    wait_until(lambda: os.path.isdir(os.path.join(b.folder, "out")), process)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert os.listdir(os.path.join(b.folder, "out")) == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass


def test_run_addresses(b):
    items = "".join(f"<item><title>{r['title']}</title><link>{r['url']}</link><pubDate>Sat, 01 Feb 2025 0{i % 10}:00:00 "
                    f"+0900</pubDate><description>&lt;p&gt;{r['text']}&lt;/p&gt;</description></item>"
                    for i, r in enumerate(week(9)))
    b.put("www/feed.xml", f"<rss version='2.0'><channel><language>en</language>{items}</channel></rss>")
    handler = functools.partial(Quiet, directory=os.path.join(b.folder, "www"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        b.put("www/list.opml", f"<opml><body><outline xmlUrl='{base}/feed.xml'/><outline><outline "
                               f"xmlUrl='{base}/gone.xml'/></outline></body></opml>")
        quiet = {"no_proxy": "127.0.0.1"}
        args = ["-o", "out", "-m", b.tiny("xlmr"), "--json"]
        result = b.run("run", f"{base}/feed.xml", *args, env=quiet)
        assert result.status == 0 and strict_json(result.out)["articles"] == 9, result.err
        result = b.run("run", f"{base}/list.opml", *args, env=quiet)
        assert result.status == 1 and "gone.xml" in result.err and strict_json(result.out)["articles"] == 9
        result = b.run("run", f"{base}/gone.xml", *args, env=quiet)
        assert result.status == 4 and "404" in result.err, result.err
        server.shutdown()
    assert b.run("run", f"{base}/feed.xml", *args, env=quiet).status == 4


# ---- generated files ----

def test_manual_and_completion(b):
    for name in ["", *COMMANDS]:
        page = b.run("--generate-man", *([name] if name else []))
        assert page.status == 0 and page.out.startswith(".TH RECAP"), name
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page.raw, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, check=False)
            assert not done.stderr, (name, done.stderr)
    for shell in ("bash", "zsh"):
        script = b.run("--generate-completion", shell)
        assert script.status == 0 and all(c in script.out for c in COMMANDS)
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=script.raw, stderr=subprocess.PIPE, check=False)
            assert done.returncode == 0, done.stderr
    completion = b.run("--generate-completion", "bash").out
    ask = ('COMP_WORDS=(recap knn v.npy --metric ""); COMP_CWORD=4; _recap; echo "${COMPREPLY[@]}"; '
           'COMP_WORDS=(recap cl); COMP_CWORD=1; _recap; echo "${COMPREPLY[@]}"; '
           'COMP_WORDS=(recap embed --pre); COMP_CWORD=2; _recap; echo "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", completion + ask], stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().splitlines() == ["euclidean cosine", "classify cluster", "--prefix --precision"]
    assert b.run("--generate-completion", "fish").status == 2


# ---- the terminal ----

def on_terminal(b, args, file_descriptors):
    """Runs with a pseudo-terminal in place of these descriptors; status and what it showed."""
    master, slave = pty.openpty()
    streams = {"stdout" if n == 1 else "stderr": slave for n in file_descriptors}
    streams.setdefault("stdout", subprocess.DEVNULL)
    streams.setdefault("stderr", subprocess.DEVNULL)
    process = subprocess.Popen([b.recap, *args], cwd=b.folder, stdin=subprocess.DEVNULL, env=b.environment(), **streams)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(master, 65536):
            shown += chunk
    os.close(master)
    return process.wait(60), shown.decode()


def test_terminal(b):
    """A bar with rate and time left on a terminal, nothing elsewhere; no bytes of a matrix on it."""
    model = b.tiny("xlmr")
    b.put("many.jsonl", jsonl(["words and more words " * 20] * 800))
    args = ["embed", "-m", model, "many.jsonl", "-o", "v.jsonl"]
    status, shown = on_terminal(b, args, [2])
    assert status == 0 and "lines [" in shown and "/s" in shown and " left" in shown, shown[-300:]
    assert shown.endswith("\r\x1b[K"), shown[-50:]
    assert on_terminal(b, [*args, "-q"], [2]) == (0, "")
    assert b.run(*args).err == ""
    status, shown = on_terminal(b, ["embed", "-m", model, "-f", "npy", "many.jsonl"], [1, 2])
    assert status == 2 and "-o FILE" in shown
    b.put("m.npy", npy(points()))
    status, shown = on_terminal(b, ["umap", "m.npy"], [1, 2])
    assert status == 2 and "-o FILE" in shown


# ---- real models and corpora ----

def test_corpora(b):
    """Real news of every kind, with a small model: all of it is taken, JSON is strict, Japanese has terms."""
    for name in ("jawikinews", "itn", "reuters21578"):
        rows = b.fixture_lines("corpora", name + ".jsonl.gz")[:150]
        b.put("news.jsonl.gz", gzip.compress(jsonl(rows).encode()))
        result = b.run("run", "news.jsonl.gz", "-o", "out", "-m", b.tiny("xlmr"), "--json",
                       "--format", "json,html,csv,md,atom")
        assert result.status == 0, result.err
        assert strict_json(result.out)["articles"] == 150
        genres = evidence(b)["genres"]
        assert [g["genre"] for g in genres] == ["all"] and genres[0]["clusters"], name
        if name == "jawikinews":
            assert any(c["top_terms"] for c in genres[0]["clusters"])


def test_golden_ids(b):
    pairs = [("e5-small-dq", "multilingual-e5-small"), ("e5-small-xlmr", "multilingual-e5-small-xlmr"),
             ("minilm", "all-MiniLM-L6-v2"), ("categorium-en", "categorium-en"), ("categorium-fr", "categorium-fr")]
    done = 0
    for file, name in pairs:
        with contextlib.suppress(Skip):
            model = b.model(name)
            wanted = b.fixture_lines("golden", file + ".jsonl")
            lines = b.run("tokenize", "-m", model, "--reference-special",
                          stdin=jsonl([{"text": x["text"]} for x in wanted])).lines()
            assert [x["ids"] for x in lines] == [x["input_ids"] for x in wanted], name
            done += 1
    if not done:
        raise Skip("RECAP_TEST_MODELS has none of the models")


def test_golden_vectors(b):
    model = b.model("multilingual-e5-small")
    wanted = b.fixture_lines("golden", "e5-small-dq.jsonl")
    with open(os.path.join(b.fixtures, "golden", "e5-small-dq.npy"), "rb") as file:
        reference = read_npy(file.read())
    kept = [x for x in wanted if not any(t in x["text"] for t in ("<s>", "</s>", "<pad>", "<unk>", "<mask>"))][:25]
    rows = embed_rows(b, "-m", model, "--prefix", "", texts=[{"text": x["text"]} for x in kept])
    for row, x in zip(rows, kept):
        entry = max(x["emb"], key=lambda e: e["max_length"])
        assert cosine(row, reference[entry["npy_row"]]) >= 0.99999, x["text"]


def test_example_week(b):
    """The demo: genres as given, every file whole, the window of seven days."""
    model = b.model("multilingual-e5-small")
    path = os.path.join(HERE, "..", "..", "examples", "week.jsonl")
    result = b.run("run", os.path.abspath(path), "-o", "out", "-m", model, "--days", "7", "--genres",
                   "sports,economics_macro", "--json")
    assert result.status == 0, result.err
    summary = strict_json(result.out)
    assert len(summary["genres"]) == 2 and all(g["clusters"] >= 2 for g in summary["genres"])
    evidence(b)


if __name__ == "__main__":
    run_tests(globals())
