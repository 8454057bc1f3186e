/* The base room: bytes, UTF-8, numbers, JSON, files, random numbers, errors. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "base/json.h"

#include <cmocka.h> /* last: it defines a macro named fail */
#undef fail

static void test_sizes_that_do_not_fit(void **state)
{
    size_t out;
    assert_true(size_mul(1 << 20, 1 << 20, &out));
    assert_false(size_mul(SIZE_MAX, 2, &out));
    assert_false(size_add(SIZE_MAX, 1, &out));
    assert_null(new_array(SIZE_MAX / 2, 4));
    assert_null(new_aligned(SIZE_MAX / 2, 4));
    void *array = NULL;
    size_t capacity = 0;
    assert_int_equal(grow_array(&array, &capacity, SIZE_MAX / 2, 16), RECAP_ERROR_MEMORY);
    assert_null(array);
    assert_int_equal(grow_array(&array, &capacity, 9, 16), RECAP_OK);
    assert_int_equal(capacity, 16);
    free(array);
}

static void test_arena_keeps_pieces_apart(void **state)
{
    struct arena arena = {0};
    char *pieces[200];
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        size_t n = i % 7 == 0 ? 50000 : i;
        pieces[i] = arena_alloc(&arena, n + 1, 1);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, n + 1);
    }
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        size_t n = i % 7 == 0 ? 50000 : i;
        for (size_t k = 0; k <= n; k++) assert_int_equal((unsigned char)pieces[i][k], i);
    }
    assert_null(arena_alloc(&arena, SIZE_MAX / 4, 8));
    arena_free(&arena);
}

static void test_utf8_refuses_what_is_not(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x80\x80",
                                      "\xED\xA0\x80",
                                      "\xF0\x80\x80\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xE3\x81",
                                      "\xFF"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(utf8_check(bad[i], strlen(bad[i])), 0);
    static const char good[] = "aé日🦙\xF4\x8F\xBF\xBF";
    assert_int_equal(utf8_check(good, sizeof good - 1), sizeof good - 1);
    assert_int_equal(utf8_count(good, sizeof good - 1), 5);
    for (uint32_t c = 0; c <= 0x10FFFF; c += 37) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        char bytes[4];
        size_t n = utf8_put(c, bytes), i = 0;
        assert_int_equal(utf8_next(bytes, n, &i), c);
        assert_int_equal(i, n);
    }
}

static void test_json_strings_are_strict(void **state)
{
    static const char hostile[] = "a\"\\\n\x01\xFF日\xE2\x80\xA8 \x7F</script>🦙";
    struct buf buf = {0};
    buf_add_json(&buf, hostile, sizeof hostile - 1);
    assert_false(buf.failed);
    assert_null(strchr(buf.data, '\n'));
    assert_null(strstr(buf.data, "\xE2\x80\xA8"));
    json_t *value = NULL;
    recap_error error = {0};
    assert_int_equal(json_parse("test", buf.data, buf.n, &value, &error), RECAP_OK);
    assert_string_equal(json_string_value(value),
                        "a\"\\\n\x01\xEF\xBF\xBD日\xE2\x80\xA8 \x7F</script>🦙");
    json_decref(value);
    buf_free(&buf);
}

static void test_numbers_round_trip(void **state)
{
    struct buf buf = {0};
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t bits = (uint32_t)random_u64(1, 2, i);
        float value;
        memcpy(&value, &bits, 4);
        buf_clear(&buf);
        buf_add_float(&buf, value);
        if (isfinite(value))
            assert_true(strtof(buf.data, NULL) == value);
        else
            assert_string_equal(buf.data, "null");
        double wide = (random_unit(3, 4, i) - 0.5) * 1e3;
        buf_clear(&buf);
        buf_add_double(&buf, wide);
        assert_true(strtod(buf.data, NULL) == wide);
    }
    static const struct {
        float value;
        const char *text;
    } cases[] = {{0, "0"},        {0.1f, "0.1"},   {1.0f, "1"},
                 {-2.5f, "-2.5"}, {1e-7f, "1e-7"}, {16777216.0f, "16777216"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&buf);
        buf_add_float(&buf, cases[i].value);
        assert_string_equal(buf.data, cases[i].text);
    }
    buf_free(&buf);
}

/* Where the machine has none of these locales there is nothing to see. */
static void test_numbers_have_a_point_in_every_locale(void **state)
{
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    bool set = false;
    for (size_t i = 0; !set && i < COUNT_OF(commas); i++)
        set = setlocale(LC_NUMERIC, commas[i]) != NULL;
    if (!set) skip();
    struct buf buf = {0};
    buf_add_float(&buf, 1.5f);
    buf_add_byte(&buf, ' ');
    buf_add_double(&buf, 0.1);
    buf_printf(&buf, " %.2f", 2.25);
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(buf.data, "1.5 0.1 2.25");
    buf_free(&buf);
}

static void test_json_errors_name_the_place(void **state)
{
    static const char *const bad[] = {"{\"a\":}", "[1,2",     "{} x", "\"\\ud83d\"",
                                      "NaN",      "\"\xFF\"", ""};
    json_t *value = NULL;
    recap_error error = {0};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(json_parse("file.json", bad[i], strlen(bad[i]), &value, &error),
                         RECAP_ERROR_INPUT);
        assert_non_null(strstr(error.message, "file.json"));
        assert_non_null(strstr(error.message, "line 1"));
    }
    struct buf deep = {0};
    for (int i = 0; i < 100000; i++) buf_add_byte(&deep, '[');
    assert_int_equal(json_parse("deep", deep.data, deep.n, &value, &error), RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "128"));
    buf_free(&deep);
    static const char fields[] = "{\"s\":\"x\",\"i\":3,\"n\":1.5,\"b\":true,\"z\":null}";
    assert_int_equal(json_parse("t", fields, sizeof fields - 1, &value, &error), RECAP_OK);
    const char *s;
    int64_t i;
    double n;
    bool b;
    assert_int_equal(json_get_string("t", value, "s", NULL, &s, &error), RECAP_OK);
    assert_string_equal(s, "x");
    assert_int_equal(json_get_int("t", value, "i", 0, &i, &error), RECAP_OK);
    assert_int_equal(i, 3);
    assert_int_equal(json_get_int("t", value, "z", 9, &i, &error), RECAP_OK);
    assert_int_equal(i, 9);
    assert_int_equal(json_get_number("t", value, "n", 0, &n, &error), RECAP_OK);
    assert_true(n == 1.5);
    assert_int_equal(json_get_bool("t", value, "b", false, &b, &error), RECAP_OK);
    assert_true(b);
    assert_int_equal(json_get_int("t", value, "n", 0, &i, &error), RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "\"n\""));
    json_decref(value);
}

/* What jansson can't hold: a real for the program's own use, the digits for data. */
static void test_large_integers(void **state)
{
    static const char text[] = "[18446744073709551615, -9223372036854775809, 9223372036854775807, "
                               "-9223372036854775808, \"18446744073709551615\", 1e3]";
    static const char *const digits[] = {"18446744073709551615", "-9223372036854775809"};
    json_t *value = NULL;
    recap_error error = {0};
    assert_int_equal(json_parse("t", text, sizeof text - 1, &value, &error), RECAP_OK);
    assert_true(json_real_value(json_array_get(value, 0)) == 18446744073709551616.0);
    json_decref(value);
    assert_int_equal(json_parse_data("t", text, sizeof text - 1, &value, &error), RECAP_OK);
    for (size_t i = 0; i < COUNT_OF(digits); i++)
        assert_string_equal(json_string_value(json_array_get(value, i)), digits[i]);
    assert_true(json_integer_value(json_array_get(value, 2)) == INT64_MAX);
    assert_true(json_integer_value(json_array_get(value, 3)) == INT64_MIN);
    assert_string_equal(json_string_value(json_array_get(value, 4)), digits[0]);
    json_decref(value);
    assert_int_equal(json_parse_data("t", "1e999", 5, &value, &error), RECAP_ERROR_INPUT);
}

static void test_files_are_whole_or_old(void **state)
{
    char folder[] = "/tmp/recap-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "a/b/file");
    char *parent = path_join(folder, "a/b");
    recap_error error = {0};
    assert_int_equal(make_directories(parent, &error), RECAP_OK);
    assert_int_equal(file_write(path, "one", 3, &error), RECAP_OK);
    assert_int_equal(file_write(path, "three", 5, &error), RECAP_OK);
    struct buf read = {0};
    assert_int_equal(file_read(path, 0, &read, &error), RECAP_OK);
    assert_string_equal(read.data, "three");
    buf_clear(&read);
    assert_int_equal(file_read(path, 4, &read, &error), RECAP_ERROR_INPUT);
    struct file_map map;
    assert_int_equal(file_map_open(path, &map, &error), RECAP_OK);
    assert_int_equal(map.size, 5);
    file_map_close(&map);
    assert_int_equal(file_map_open(folder, &map, &error), RECAP_ERROR_IO);
    char *link_path = path_join(folder, "link");
    assert_int_equal(symlink("../blobs/gone", link_path), 0);
    assert_int_equal(file_map_open(link_path, &map, &error), RECAP_ERROR_IO);
    assert_non_null(strstr(error.message, "link to ../blobs/gone, which is not there"));
    assert_int_equal(file_write("/dev/null/x", "a", 1, &error), RECAP_ERROR_IO);
    assert_int_equal(make_directories(path, &error), RECAP_ERROR_IO);
    unlink(link_path);
    unlink(path);
    rmdir(parent);
    buf_free(&read);
    free(link_path);
    free(path);
    free(parent);
}

static void test_random_is_a_function_of_its_place(void **state)
{
    assert_true(random_u64(1, 2, 3) == random_u64(1, 2, 3));
    assert_true(random_u64(1, 2, 3) != random_u64(1, 3, 2));
    double sum = 0;
    uint64_t seen[10] = {0};
    for (uint64_t i = 0; i < 100000; i++) {
        sum += random_unit(42, 0, i);
        seen[random_below(10, 42, 1, i)]++;
    }
    assert_true(fabs(sum / 100000 - 0.5) < 0.005);
    for (int i = 0; i < 10; i++) assert_in_range(seen[i], 9500, 10500);
}

static void test_errors_carry_their_exit_status(void **state)
{
    recap_error error = {0};
    assert_int_equal(fail(&error, RECAP_ERROR_MODEL, "%s: %d rows", "file", 3), RECAP_ERROR_MODEL);
    assert_int_equal(fail_prefix(&error, "model %s", "x"), RECAP_ERROR_MODEL);
    assert_string_equal(error.message, "model x: file: 3 rows");
    assert_int_equal(fail(&error, RECAP_ERROR_MODEL, "%s", error.message), RECAP_ERROR_MODEL);
    assert_string_equal(error.message, "model x: file: 3 rows");
    assert_int_equal(recap_status_exit(error.code), 3);
    fail(&error, RECAP_ERROR_INPUT,
         "a\nb\x1B[2J \xC2\x9B"
         "c \xE3\x81\x82");
    assert_string_equal(error.message, "a b [2J   c \xE3\x81\x82");
    assert_int_equal(recap_status_exit(RECAP_ERROR_CANCELLED), 130);
    assert_string_equal(recap_status_name(RECAP_ERROR_IO), "io");
    assert_int_equal(fail(NULL, RECAP_ERROR_IO, "nobody listens"), RECAP_ERROR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_that_do_not_fit),
        cmocka_unit_test(test_arena_keeps_pieces_apart),
        cmocka_unit_test(test_utf8_refuses_what_is_not),
        cmocka_unit_test(test_json_strings_are_strict),
        cmocka_unit_test(test_numbers_round_trip),
        cmocka_unit_test(test_numbers_have_a_point_in_every_locale),
        cmocka_unit_test(test_json_errors_name_the_place),
        cmocka_unit_test(test_large_integers),
        cmocka_unit_test(test_files_are_whole_or_old),
        cmocka_unit_test(test_random_is_a_function_of_its_place),
        cmocka_unit_test(test_errors_carry_their_exit_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
