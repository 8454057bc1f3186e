/* Progress on standard error, and the wish of the user to stop.
 *
 * On a terminal one line is drawn over and over, at most ten times a second: stage, share, rate and
 * time left. Elsewhere nothing is said, or with --verbose one line at the end of each stage of half
 * a second or more. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "output.h"

static struct {
    bool terminal, verbose, drawn;
    bool lines; /* progress_lines counts; the library's own stages are not shown */
    char label[80];
    const char *stage;
    double start, last; /* clock_seconds */
    size_t done, total; /* total 0: not known */
} state;

void progress_setup(bool quiet, bool verbose)
{
    memset(&state, 0, sizeof state);
    state.terminal = !quiet && isatty(STDERR_FILENO);
    state.verbose = verbose;
}

void progress_clear(void)
{
    if (state.drawn) fputs("\r\033[K", stderr);
    state.drawn = false;
}

void progress_label(const char *label)
{
    snprintf(state.label, sizeof state.label, "%s", label ? label : "");
    make_one_line(state.label);
}

static void draw_bar(void)
{
    enum { cells = 20 };
    double share = (double)state.done / (double)state.total;
    char bar[cells + 1];
    memset(bar, ' ', cells);
    memset(bar, '#', (size_t)(share * cells));
    bar[cells] = '\0';
    fprintf(stderr, " [%s] %3.0f%%", bar, 100 * share);
}

static void draw(double now)
{
    double seconds = now - state.start;
    double rate = seconds > 0 ? (double)state.done / seconds : 0;
    progress_clear();
    fprintf(stderr, "%s%s%.24s", state.label, *state.label ? ": " : "", state.stage);
    if (state.total) draw_bar();
    fprintf(stderr, "  %zu", state.done);
    if (rate > 0) fprintf(stderr, ", %.3g/s", rate);
    if (rate > 0 && state.total) {
        long left = (long)((double)(state.total - state.done) / rate);
        fprintf(stderr, ", %ld:%02ld left", left / 60, left % 60);
    }
    fflush(stderr);
    state.drawn = true;
    state.last = now;
}

static void end_stage(void)
{
    double seconds = clock_seconds() - state.start;
    progress_clear();
    if (state.stage && state.verbose && seconds >= 0.5)
        fprintf(stderr, "recap: %s%s%s: %zu in %.1f s\n", state.label, *state.label ? ": " : "",
                state.stage, state.done, seconds);
}

static void update(const char *stage, size_t done, size_t total)
{
    double now = clock_seconds();
    bool changed = !state.stage || strcmp(stage, state.stage) != 0;
    if (changed || done < state.done) {
        if (changed) end_stage();
        state.stage = stage;
        state.start = now;
        state.last = now; /* what takes under a tenth of a second is not drawn at all */
    }
    state.done = done;
    state.total = total;
    if (state.terminal && now - state.last >= 0.1) draw(now);
}

bool progress_report(void *data, const char *stage, size_t done, size_t total)
{
    if (!state.lines) update(stage, done, total > done ? total : done);
    return !interrupted();
}

void progress_lines(size_t done, double share)
{
    double total = share > 0 ? (double)done / share : 0;
    state.lines = true;
    update("lines", done, share > 0 && share < 1 ? (size_t)total : 0);
}

/* ---- interrupts ---- */

static volatile sig_atomic_t n_interrupts;
static recap_context *cancelled_context;
static char removed_path[4096];
static volatile sig_atomic_t removes;

static void on_interrupt(int number)
{
    if (n_interrupts++) {
        if (removes) unlink(removed_path);
        _exit(130);
    }
    if (cancelled_context) recap_cancel(cancelled_context);
}

/* A mapped file that was cut short while in use: no page to go on with. */
static void on_lost_page(int number)
{
    static const char message[] =
        "recap: a file in use (a model's weights, a dictionary) was cut off or could not be read\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    if (removes) unlink(removed_path);
    (void)written; /* nobody listens? then nobody misses it */
    _exit(3);
}

void interrupt_setup(recap_context *context)
{
    struct sigaction lost = {.sa_handler = on_lost_page, .sa_flags = SA_RESETHAND};
    struct sigaction action = {.sa_handler = on_interrupt}; /* no SA_RESTART: waits end */
    cancelled_context = context;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigemptyset(&lost.sa_mask);
    sigaction(SIGBUS, &lost, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* over ulimit -f a write fails, and is told */
}

bool interrupted(void)
{
    return n_interrupts > 0;
}

int fail_interrupted(recap_error *error)
{
    return fail(error, RECAP_ERROR_CANCELLED, "interrupted");
}

void interrupt_remove(const char *path)
{
    removes = 0;
    if (!path || strlen(path) >= sizeof removed_path) return;
    memcpy(removed_path, path, strlen(path) + 1);
    removes = 1;
}
