/* The articles of a run: read from every input, cut to a window of time.
 *
 * The window is half open: [since, until). A mere date means its first second in UTC for --since
 * and the end of that day for --until. --days N are the N days that end with --until or, without
 * it, with the newest article; an article dated more than a day ahead of the clock does not count
 * as the newest while another is there. Where there is a window, an article without a date is
 * outside. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

enum { day = 86400 };

/* Refusals are said one by one, but not without end. */
enum { most_refusals_said = 20 };

static void say_refusal(void *data, const char *message)
{
    const struct articles *articles = &((struct run *)data)->read;
    progress_clear();
    if (articles->n_refused <= most_refusals_said)
        fprintf(stderr, "recap: refused: %s\n", message);
    else if (articles->n_refused == most_refusals_said + 1)
        fprintf(stderr, "recap: refused: more than %d; the others are only counted\n",
                most_refusals_said);
}

struct window {
    bool has_since, has_until;
    int64_t since, until;
};

static int parse_limit(const char *option, const char *text, bool end, int64_t *out,
                       recap_error *error)
{
    struct date date;
    if (!date_parse_rfc3339(view_of(text), true, &date))
        return fail(error, RECAP_ERROR_USAGE,
                    "run: --%s: \"%s\" is not allowed: a date such as 2025-01-31 or "
                    "2025-01-31T09:00:00+09:00",
                    option, text);
    bool whole_day = strlen(text) == 10;
    *out = date.seconds + (end ? (whole_day ? day : 1) : 0);
    return RECAP_OK;
}

static int parse_window(const struct run_values *values, struct window *out, recap_error *error)
{
    int status = RECAP_OK;
    *out = (struct window){values->since != NULL, values->until != NULL, 0, 0};
    if (values->days && values->since)
        return fail(error, RECAP_ERROR_USAGE, "run: --days and --since exclude each other");
    if (values->since) status = parse_limit("since", values->since, false, &out->since, error);
    if (status == RECAP_OK && values->until)
        status = parse_limit("until", values->until, true, &out->until, error);
    if (status == RECAP_OK && out->has_since && out->has_until && out->since >= out->until)
        return fail(error, RECAP_ERROR_USAGE, "run: --since %s is not before --until %s",
                    values->since, values->until);
    return status;
}

static bool newest_date(const struct articles *articles, int64_t *out)
{
    int64_t limit = date_now().seconds + day, newest = 0, beyond = 0;
    bool any = false, any_beyond = false;
    for (size_t i = 0; i < articles->n; i++) {
        if (!articles->items[i].published_at) continue;
        int64_t seconds = articles->dates[i].seconds;
        if (seconds > limit) {
            beyond = !any_beyond || seconds > beyond ? seconds : beyond;
            any_beyond = true;
        } else {
            newest = !any || seconds > newest ? seconds : newest;
            any = true;
        }
    }
    *out = any ? newest : beyond;
    return any || any_beyond;
}

static bool inside(const struct window *window, int64_t seconds)
{
    return (!window->has_since || seconds >= window->since) &&
           (!window->has_until || seconds < window->until);
}

static int keep_window(struct run *run, const struct window *window, recap_error *error)
{
    const struct articles *read = &run->read;
    bool limited = window->has_since || window->has_until;
    run->articles = new_array(read->n, sizeof *run->articles);
    if (!run->articles) return fail_memory(error, read->n * sizeof *run->articles);
    for (size_t i = 0; i < read->n; i++) {
        bool dated = read->items[i].published_at != NULL;
        if (limited && (!dated || !inside(window, read->dates[i].seconds))) {
            run->n_filtered++;
            run->n_undated += !dated;
            continue;
        }
        run->articles[run->n_articles++] = read->items[i];
    }
    if (run->n_undated)
        log_message(LOG_WARNING, "%zu articles without a date were left out by the wish for dates",
                    run->n_undated);
    return RECAP_OK;
}

static int read_inputs(struct run *run, recap_error *error)
{
    struct invocation *call = run->call;
    run->read.strict = call->common.strict;
    run->read.refused = say_refusal;
    run->read.refused_data = run;
    size_t n_addresses_failed = 0;
    for (size_t i = 0; i < call->n_inputs; i++) {
        int status = context_check(call->context, "reading", i, call->n_inputs, error);
        size_t before = run->read.n, refused = run->read.n_refused;
        if (status == RECAP_OK) status = articles_read(&run->read, call->inputs[i], error);
        if (status != RECAP_OK) return status;
        if (input_is_address(call->inputs[i]) && run->read.n == before &&
            run->read.n_refused > refused)
            n_addresses_failed++;
    }
    call->n_refused += run->read.n_refused;
    if (n_addresses_failed == call->n_inputs)
        return fail(error, RECAP_ERROR_IO, "run: none of the addresses gave an article");
    return RECAP_OK;
}

int run_read_articles(struct run *run, recap_error *error)
{
    const struct run_values *values = run->values;
    struct window window;
    int status = parse_window(values, &window, error);
    if (status == RECAP_OK) status = read_inputs(run, error);
    if (status != RECAP_OK) return status;
    int64_t newest;
    if (values->days) {
        if (!window.has_until && newest_date(&run->read, &newest)) {
            window.until = newest + 1;
            window.has_until = true;
        }
        window.has_since = true; /* no date anywhere: everything is outside */
        window.since = window.until - values->days * day;
    }
    if (window.has_since) date_format((struct date){window.since, 0}, run->since);
    if (window.has_until) date_format((struct date){window.until - 1, 0}, run->until);
    status = keep_window(run, &window, error);
    if (status == RECAP_OK && run->n_articles == 0) {
        if (run->read.n == 0)
            return fail(error, RECAP_ERROR_INPUT,
                        "run: the inputs have no usable article (%zu refused)",
                        run->read.n_refused);
        return fail(error, RECAP_ERROR_INPUT,
                    "run: none of %zu articles lies in the wished time (%s to %s)", run->read.n,
                    *run->since ? run->since : "the beginning",
                    *run->until ? run->until : "the end");
    }
    return status;
}
