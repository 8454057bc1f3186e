#!/usr/bin/env python3
"""Makes the reference ids beside this file with the `tokenizers` package (0.23.3).

bpe_roberta.json, bpe_split.json   byte-level BPE trained on the sentences below
bpe_cases.json                     their ids
tokenizer_steps.json               normalizers and pre-tokenizers, one by one, over a vocabulary of characters
"""
import json
import os

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))

SENTENCES = """The river rose by two metres overnight, and the lower town was asked to leave.
They'll say it's too early; we've heard that before, haven't we?
Trains between the two cities will run every 15 minutes from 3 April 2026.
The council didn't vote on the budget (£4.2 million) until 11:45 p.m.
川の水位は一晩で二メートル上がり、下町の住民に避難が呼びかけられた。
二つの都市を結ぶ列車は、2026年4月3日から15分おきに運転される。
Café, naïve, Ωmega and Привет: words with other letters.""".split("\n")

TEXTS = SENTENCES + [
    "", " ", "  ", "a", " a", "a ", "  two  spaces  ", "tab\there\nand  line\n\n  end \n", "it's IT'S we'll I'd don't 'tis '",
    "x1y22z333 4444 ½ ② Ⅷ ٣", "!!! ...? <s> </s> <mask> <mask>x", "日本語とEnglishの混在。", "e\u0301 か\u3099 ｶﾞ", "👩\u200d👩\u200d👧 😀😀", "\u00a0\u3000\u2028x\u0085y",
    "AAAAAAAAAAAAAAAAAAAA", "---===---", "\u0001\u007f\ufeff\ufffd", "the the the river river",
]
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def save(name, value):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(SENTENCES * 3, trainers.BpeTrainer(
        vocab_size=430, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"]))
    return json.loads(tokenizer.to_str())


def bpe():
    roberta = train()
    for token in roberta["added_tokens"]:
        token["lstrip"] = token["content"] == "<mask>"
    roberta["post_processor"] = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
                                 "add_prefix_space": False}
    split = json.loads(json.dumps(roberta))
    split["model"]["merges"] = [" ".join(pair) for pair in split["model"]["merges"]][:90]
    split["model"]["ignore_merges"] = True
    split["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}
    split["post_processor"] = {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
         "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
         "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}}]}
    prefix = json.loads(json.dumps(roberta))
    prefix["pre_tokenizer"]["add_prefix_space"] = True
    cases = []
    tokenizers = {name: Tokenizer.from_str(json.dumps(value)) for name, value in
                  (("roberta", roberta), ("prefix", prefix), ("split", split))}
    for text in TEXTS:
        case = {"text": text}
        for name, tokenizer in tokenizers.items():
            tokenizer.encode_special_tokens = True
            case[name] = tokenizer.encode(text).ids
            tokenizer.encode_special_tokens = False
            case[name + "_special"] = tokenizer.encode(text).ids
        cases.append(case)
    save("bpe_roberta.json", roberta)
    save("bpe_split.json", split)
    save("bpe_cases.json", cases)


def sequence(kind, *steps):
    return {"type": "Sequence", kind: list(steps)}


def bert(lower, accents, clean=True, chinese=True):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower}


def replace(content, **pattern):
    return {"type": "Replace", "pattern": pattern, "content": content}


def metaspace(**fields):
    return {"type": "Metaspace", "replacement": "\u2581", **fields}


def steps():
    texts = ["が パンダ é É", "ｽﾅｯﾌﾟ スナップ か\u3099", "  Two  Words. ", "İstanbul ΣΑΣ ǅ", "a1b22 ½ ②", "漢字kanji漢", "x\u200by\u00adz\ufffd\u0000w\u0007", "\tq\r\n\u3000q\u00a0q",
             "㋿㍻①ﬁ", "\u2581a \u2581\u2581b", "AbCdE--fg!!", "e\u0301\u0323 q\u0323\u0301", "", " ", "a", "¿Qué? «x» 、。!", "aaa b a"]
    normalizers = {
        "bert %s %s" % (lower, accents): bert(lower, accents) for lower in (True, False) for accents in (None, True, False)}
    normalizers.update({
        "bert plain": bert(True, None, False, False), "NFC": {"type": "NFC"}, "NFD": {"type": "NFD"}, "NFKC": {"type": "NFKC"}, "NFKD": {"type": "NFKD"},
        "lowercase": {"type": "Lowercase"}, "accents": sequence("normalizers", {"type": "NFD"}, {"type": "StripAccents"}),
        "strip": {"type": "Strip", "strip_left": True, "strip_right": True}, "strip right": {"type": "Strip", "strip_left": False, "strip_right": True},
        "nmt": {"type": "Nmt"}, "prepend": {"type": "Prepend", "prepend": "\u2581"}, "replace": replace("\u2581", String=" "),
        "replace runs": sequence("normalizers", {"type": "Nmt"}, replace(" ", Regex=" {2,}")), "replace nothing": replace("_", Regex="a*")})
    cuts = {
        "bert": {"type": "BertPreTokenizer"}, "whitespace": {"type": "Whitespace"}, "whitespace split": {"type": "WhitespaceSplit"},
        "digits": {"type": "Digits", "individual_digits": False}, "single digits": {"type": "Digits", "individual_digits": True},
        "metaspace old": metaspace(add_prefix_space=True),
        "metaspace whole": metaspace(prepend_scheme="always", split=False), "metaspace never": metaspace(prepend_scheme="never", split=True),
        "xlm-r": sequence("pretokenizers", {"type": "WhitespaceSplit"}, metaspace(prepend_scheme="always", split=True)),
        "first": sequence("pretokenizers", {"type": "WhitespaceSplit"}, metaspace(prepend_scheme="first", split=True)),
        "whitespace and digits": sequence("pretokenizers", {"type": "Whitespace"}, {"type": "Digits", "individual_digits": True}),
        "lookahead": {"type": "Split", "pattern": {"Regex": "(?=[A-Z])"}, "behavior": "Isolated", "invert": False}}
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        cuts["punctuation " + behavior] = {"type": "Punctuation", "behavior": behavior}
        for invert in (False, True):
            cuts["split %s %s" % (behavior, invert)] = {"type": "Split", "pattern": {"Regex": r"\s+|\d"}, "behavior": behavior, "invert": invert}
    vocab = {"?": 0}
    letters = set("".join(texts)) | set("\u2581_[]abcdefghijklmnopqrstuvwxyz") | set("か\u3099は\u309a令和平成1iｆfスナップ⁄２2\u0301\u0323\u0327\u0307ς")
    for letter in sorted(letters - {"\0"}):
        for token in (letter, "##" + letter):
            vocab.setdefault(token, len(vocab))
    model = {"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}
    cases = []
    for kind, table in (("normalizer", normalizers), ("pre_tokenizer", cuts)):
        for name, step in table.items():
            whole = {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model}
            whole[kind] = step
            tokenizer = Tokenizer.from_str(json.dumps(whole))
            cases.append({"name": name, kind: step, "ids": [tokenizer.encode(text).ids for text in texts]})
    save("tokenizer_steps.json", {"model": model, "texts": texts, "cases": cases})


bpe()
steps()
