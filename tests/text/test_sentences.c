/* Normalising and sentences. */
#include "../processor_time.h"
#include "text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- tables: a text, and its sentences joined by '|' ---- */

struct example {
    const char *text, *sentences;
};

static void check_example(const struct example *example)
{
    recap_sentence_list list;
    recap_error error = {0};
    struct buf joined = {0};
    if (recap_split_sentences(example->text, strlen(example->text), &list, &error) != RECAP_OK)
        fail_msg("%s: %s", example->text, error.message);
    for (size_t i = 0; i < list.n; i++) {
        if (i > 0) buf_add_byte(&joined, '|');
        buf_add_string(&joined, list.items[i]);
    }
    buf_add(&joined, "", 0);
    if (strcmp(joined.data, example->sentences) != 0)
        print_message("text:     %s\nexpected: %s\n", example->text, example->sentences);
    assert_string_equal(joined.data, example->sentences);
    buf_free(&joined);
    free(list.items);
}

static const struct example japanese[] = {
    {"雨が降った。風も吹いた。", "雨が降った。|風も吹いた。"},
    {"すごい！次はどうなる？分からない", "すごい!|次はどうなる?|分からない"},
    {"「感染が拡大している。」と述べた。次の日。", "「感染が拡大している。」と述べた。|次の日。"},
    {"『成功した。だが遅い。』と話した。", "『成功した。だが遅い。』と話した。"},
    {"発表した（詳細は後日。）が、遅れた。", "発表した(詳細は後日。)が、遅れた。"},
    {"「そうだ。」彼は去った。", "「そうだ。」|彼は去った。"},
    {"「行く。」「来る。」", "「行く。」|「来る。」"},
    {"彼は「はい。」と言い、「いいえ。」とも言った。",
     "彼は「はい。」と言い、「いいえ。」とも言った。"},
    {"映画『君の名は。』監督の話。続きがある。", "映画『君の名は。』監督の話。|続きがある。"},
    {"「閉じない。次の文。", "「閉じない。|次の文。"},
    {"閉じるだけ。」次の文。", "閉じるだけ。」|次の文。"},
    {"Yahoo!ニュースとモーニング娘。の対談", "Yahoo!ニュースとモーニング娘。の対談"},
    {"モーニング娘。が出演した。歌った。", "モーニング娘。が出演した。|歌った。"},
    {"国内で増えた。(共同)次の記事です。", "国内で増えた。(共同)|次の記事です。"},
    {"そして…彼は来た……。終わり", "そして...彼は来た......。|終わり"},
    {"まだ続く…\n次の行", "まだ続く...|次の行"},
    {"終わった．次の文．", "終わった.|次の文."},
    {"気温は３．５度。", "気温は3.5度。"},
    {"なぜ?と聞いた。本当か?記者は問うた。", "なぜ?と聞いた。|本当か?|記者は問うた。"},
    {"example.comを見た。v1.2.3は速い。", "example.comを見た。|v1.2.3は速い。"},
    {"ｶﾞｽが漏れた｡逃げた｡", "ガスが漏れた。|逃げた。"},
    {"か\xE3\x82\x99つこう。", "がつこう。"},
};

static const struct example english[] = {
    {"Prime Minister Jane B. Doe met Dr. Roe et al. [2004] at 3 p.m. on Friday.",
     "Prime Minister Jane B. Doe met Dr. Roe et al. [2004] at 3 p.m. on Friday."},
    {"It rose. Then it fell! Why? Nobody knows.", "It rose.|Then it fell!|Why?|Nobody knows."},
    {"The U.S. President met Mr. Smith in Washington, D.C. on Jan. 5. He left.",
     "The U.S. President met Mr. Smith in Washington, D.C. on Jan. 5.|He left."},
    {"Trade with the U.S. The deficit grew.", "Trade with the U.S.|The deficit grew."},
    {"Apple Inc. Chief Tim Cook spoke. Ford Motor Co. The end.",
     "Apple Inc. Chief Tim Cook spoke.|Ford Motor Co.|The end."},
    {"At 5 a.m. Mr. Smith went to the bank. He left the bank at 6 P.M. Mr. Smith then went home.",
     "At 5 a.m. Mr. Smith went to the bank.|He left the bank at 6 P.M.|Mr. Smith then went home."},
    {"Let's ask Jane and co. They should know. They dealt with Pitt & Co. at noon.",
     "Let's ask Jane and co.|They should know.|They dealt with Pitt & Co. at noon."},
    {"I can see Mt. Fuji. St. Michael's is on 5th st. near it. That is JFK Jr.'s book.",
     "I can see Mt. Fuji.|St. Michael's is on 5th st. near it.|That is JFK Jr.'s book."},
    {"I live in the E.U. How about you? She has $100.00. It is hers.",
     "I live in the E.U.|How about you?|She has $100.00.|It is hers."},
    {"He teaches (He worked as one.) at school. Find it at N\xC2\xB0. 1026.253. That is where.",
     "He teaches (He worked as one.) at school.|Find it at N\xC2\xB0. 1026.253.|That is where."},
    {"She works at Yahoo! in sales. Did you see Albert I. Jones? It was 1967. 23 people came.",
     "She works at Yahoo! in sales.|Did you see Albert I. Jones?|It was 1967.|23 people came."},
    {"He came at 5 p.m. Police were there. It was 6 a.m. EST. Fine.",
     "He came at 5 p.m.|Police were there.|It was 6 a.m. EST.|Fine."},
    {"It cost 3.50 dlrs. Shares rose 1.5 pct. Profit was 2.3 mln. Sales fell.",
     "It cost 3.50 dlrs.|Shares rose 1.5 pct.|Profit was 2.3 mln.|Sales fell."},
    {"\"Is it true?\" Smith asked. \"Yes!\" he said.",
     "\"Is it true?\" Smith asked.|\"Yes!\" he said."},
    {"He said \"it is over.\" She left.", "He said \"it is over.\"|She left."},
    {"\xE2\x80\x9CWe won.\xE2\x80\x9D They cheered.",
     "\xE2\x80\x9CWe won.\xE2\x80\x9D|They cheered."},
    {"J. K. Rowling and George W. Bush met. Plan B. He left. You and I. We won.",
     "J. K. Rowling and George W. Bush met.|Plan B.|He left.|You and I.|We won."},
    {"No. 5 is alive. He said no. Then vs. Now.", "No. 5 is alive.|He said no.|Then vs. Now."},
    {"Well... He left. Wait . . . Then go.", "Well... He left.|Wait . . . Then go."},
    {"See example.com or file.txt. Node.js is fine.",
     "See example.com or file.txt.|Node.js is fine."},
    {"See https://example.com/a_(b)?x=1. Then mail a.b+c@c.co.jp, or www.example.org!",
     "See <URL>.|Then mail <EMAIL>, or <URL>!"},
    {"Yahoo! shares rose. Yahoo! Inc. said so.", "Yahoo! shares rose.|Yahoo! Inc. said so."},
    {"The end. iPhone sales rose. the rest", "The end.|iPhone sales rose. the rest"},
    {"He left (see fig. 2). (It was late.) She stayed.",
     "He left (see fig. 2).|(It was late.)|She stayed."},
    {"It ended.[12] Then it began.The rest is history.",
     "It ended.[12]|Then it began.|The rest is history."},
    {"1. First item\n2. Second item", "1. First item|2. Second item"},
    {"THE BANK SAID SO. IT ROSE 3 PCT. MR. SMITH OF THE U.S. LEFT. THE END.",
     "THE BANK SAID SO.|IT ROSE 3 PCT.|MR. SMITH OF THE U.S. LEFT.|THE END."},
    {"新型のiPhoneが出た。It rose 5%. 次の文. Then終わり。",
     "新型のiPhoneが出た。|It rose 5%.|次の文.|Then終わり。"},
    {"Alex. Brown and Sons Inc fell. Trade of the U.S. And Europe.",
     "Alex. Brown and Sons Inc fell.|Trade of the U.S. And Europe."},
    {"What!!! Really?? Yes!?", "What!|Really??|Yes!?"},
};

static const struct example lines[] = {
    {"・停電\n・断水\n1) 避難所\n2) 給水所", "・停電|・断水|1) 避難所|2) 給水所"},
    {"(2024)\n本文", "(2024)|本文"},
    {"(一)\n停電\n(ア)\n断水\n(万)\n2024.\n終", "(一) 停電|(ア) 断水|(万)|2024.|終"},
    {"・\n停電\n1)\n避難所", "・ 停電|1) 避難所"},
    {"停電\n・", "停電 ・"},
    {"- one\n- two\n• three", "- one|- two|• three"},
    {"First.\xE2\x80\xA8Second.\xC2\x85Third.\rFourth.\r\nFifth\vSixth\fSeventh",
     "First.|Second.|Third.|Fourth.|Fifth|Sixth|Seventh"},
    {"  a  \t b \n\n\n c\xE3\x80\x80"
     "d\xC2\xA0",
     "a b|c d"},
    {"", ""},
    {"   \n \n", ""},
    {"・", ""},
    {"a\x01"
     "b",
     "a b"},
};

static void test_japanese(void **state)
{
    for (size_t i = 0; i < COUNT_OF(japanese); i++) check_example(&japanese[i]);
}

static void test_english(void **state)
{
    for (size_t i = 0; i < COUNT_OF(english); i++) check_example(&english[i]);
}

static void test_lines(void **state)
{
    for (size_t i = 0; i < COUNT_OF(lines); i++) check_example(&lines[i]);
}

/* ---- properties ---- */

static void add_without_space(struct view text, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.data[i] != ' ' && text.data[i] != '\n') buf_add_byte(out, text.data[i]);
    buf_add(out, "", 0);
}

/* Nothing is lost, nothing is out of order, no line end inside; normalising twice is once. */
static void check_properties(const char *text, size_t n)
{
    struct buf once = {0}, twice = {0}, whole = {0}, joined = {0};
    struct arena arena = {0};
    struct view *sentences = NULL;
    size_t count = 0;
    recap_error error = {0};
    assert_int_equal(text_normalize((struct view){text, n}, &once, &error), RECAP_OK);
    struct view normalized = {once.data, once.n};
    assert_int_equal(text_normalize(normalized, &twice, &error), RECAP_OK);
    if (!view_equal(normalized, (struct view){twice.data, twice.n}))
        fail_msg("not stable: '%s' -> '%s' -> '%s'", text, once.data, twice.data);
    assert_int_equal(text_split(normalized, &arena, &sentences, &count, &error), RECAP_OK);
    add_without_space(normalized, &whole);
    for (size_t i = 0; i < count; i++) {
        assert_true(sentences[i].n > 0);
        assert_null(memchr(sentences[i].data, '\n', sentences[i].n));
        add_without_space(sentences[i], &joined);
    }
    if (count > 0 || whole.n > 8) {
        if (strcmp(whole.data, joined.data ? joined.data : "") != 0)
            fail_msg("lost: '%s' gives '%s'", whole.data, joined.data);
    }
    buf_free(&once);
    buf_free(&twice);
    buf_free(&whole);
    buf_free(&joined);
    arena_free(&arena);
}

static void test_random_strings(void **state)
{
    static const char *const parts[] = {
        "。",
        ".",
        "!",
        "?",
        "！",
        "...",
        "…",
        "「",
        "」",
        "『",
        "』",
        "(",
        ")",
        "（",
        "[",
        "]",
        "\"",
        "'",
        "”",
        "“",
        " ",
        "\n",
        "\t",
        "\xE2\x80\xA8",
        "・",
        "-",
        "1",
        "2024",
        "1)",
        "a",
        "B",
        "The",
        "U.S.",
        "p.m.",
        "Inc.",
        "Mr.",
        "J.",
        "said",
        "と",
        "の",
        "は",
        "モーニング娘。",
        "Yahoo!",
        "日本",
        "カナ",
        "ｶﾞ",
        "か\xE3\x82\x99",
        "é",
        "e\xCC\x81",
        "🦙",
        "\xE2\x80\x8D",
        "http://a.b/c",
        "www.x.org",
        "a@b.co",
        "@",
        "://",
        "<",
        ">",
        "&amp;",
        "Ａ",
        "㈱",
        "①",
        "\xCC\x80",
        "،",
        "。。。",
        "!!!",
        "\x01",
        "\xEF\xBB\xBF",
        "ﷺ",
        "가",
        "\xE1\x84\x80\xE1\x85\xA1",
    };
    for (uint64_t round = 0; round < 20000; round++) {
        struct buf text = {0};
        uint64_t n = random_below(30, 1, round, 0);
        for (uint64_t i = 1; i <= n; i++)
            buf_add_string(&text, parts[random_below(COUNT_OF(parts), 1, round, i)]);
        buf_add(&text, "", 0);
        check_properties(text.data, text.n);
        buf_free(&text);
    }
}

static void test_random_code_points(void **state)
{
    for (uint64_t round = 0; round < 3000; round++) {
        struct buf text = {0};
        for (uint64_t i = 0; i < 40; i++) {
            uint64_t limit = i % 3 == 0 ? 0x100 : i % 3 == 1 ? 0x4000 : 0x110000;
            uint32_t c = (uint32_t)random_below(limit, 2, round, i);
            if (c >= 0xD800 && c <= 0xDFFF) c = '.';
            buf_add_code_point(&text, c);
        }
        check_properties(text.data, text.n);
        buf_free(&text);
    }
}

/* ---- sizes ---- */

static void check_fast(const char *name, const char *head, const char *unit, size_t count)
{
    struct buf text = {0};
    buf_add_string(&text, head);
    for (size_t i = 0; i < count; i++) buf_add_string(&text, unit);
    recap_sentence_list list;
    double start = processor_seconds();
    assert_int_equal(recap_split_sentences(text.data, text.n, &list, NULL), RECAP_OK);
    double spent = processor_seconds() - start;
    print_message("%s: %zu sentences, %.3f s\n", name, list.n, spent);
    assert_true(spent < 20); /* well under half a second, but for sanitizers */
    free(list.items);
    buf_free(&text);
}

static void test_linear(void **state)
{
    check_fast("A", "", "A", 1 << 20);
    check_fast("spaces", "a", " ", 80000);
    check_fast("digits", "", "7", 10000);
    check_fast("iframe", "<iframe src=\"", "a", 1 << 20);
    check_fast("kana", "", "あ", 200000);
    check_fast("marks", "e", "\xCC\x81\xCC\xA3", 200000);
    check_fast("full stops", "", "。", 300000);
    check_fast("stops", "", ".", 1 << 20);
    check_fast("stops and blanks", "", ". ", 1 << 19);
    check_fast("opening", "", "「", 300000);
    check_fast("opening and closing", "", "「(", 150000);
    check_fast("closing", "「", "」", 300000);
    check_fast("nested", "", "「『(", 100000);
    check_fast("at", "", "a@", 1 << 19);
    check_fast("domain", "a@", "a.", 1 << 19);
    check_fast("www", "", "www.", 1 << 18);
    check_fast("quotes", "", ".\"", 1 << 19);
    check_fast("initials", "", "A. ", 1 << 18);
    check_fast("footnotes", "", ".[1]", 1 << 18);
    check_fast("markers", "", "1) ", 1 << 18);
    check_fast("lines", "", "・\n", 1 << 18);
    check_fast("remarks", "", "。(", 1 << 18);
    check_fast("emoji", "", "🦙", 20000);
}

static void test_invalid(void **state)
{
    static const char *const bad[] = {"ab\xFF", "\xC0\x80", "\xED\xA0\x80", "x\xE3\x81"};
    static const char *const places[] = {"byte 2 of 3", "byte 0 of 2", "byte 0 of 3",
                                         "byte 1 of 3"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        recap_sentence_list list;
        recap_error error = {0};
        assert_int_equal(recap_split_sentences(bad[i], strlen(bad[i]), &list, &error),
                         RECAP_ERROR_INPUT);
        assert_non_null(strstr(error.message, places[i]));
        assert_null(list.items);
    }
    recap_sentence_list list;
    assert_int_equal(recap_split_sentences("a\0b", 3, &list, NULL), RECAP_OK);
    assert_int_equal(list.n, 1);
    assert_string_equal(list.items[0], "a b");
    free(list.items);
}

/* Text not normalised first: the splitter stands on its own feet. */
static void test_split_raw(void **state)
{
    struct arena arena = {0};
    struct view *sentences = NULL;
    size_t n = 0;
    struct view text = view_of("一つ！二つ？\r\n三つ｡四つ\xE2\x80\xA9・\n五つ");
    assert_int_equal(text_split(text, &arena, &sentences, &n, NULL), RECAP_OK);
    assert_int_equal(n, 5);
    assert_true(view_equal(sentences[4], view_of("五つ")));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_japanese),
        cmocka_unit_test(test_english),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_random_strings),
        cmocka_unit_test(test_random_code_points),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_split_raw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
