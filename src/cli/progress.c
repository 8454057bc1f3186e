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
    const char *stage;
    double start, last; /* clock_seconds */
    size_t done, total;
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

static void draw(double now)
{
    enum { cells = 20 };
    double share = state.total ? (double)state.done / (double)state.total : 0;
    double seconds = now - state.start;
    double rate = seconds > 0 ? (double)state.done / seconds : 0;
    char bar[cells + 1];
    memset(bar, ' ', cells);
    memset(bar, '#', (size_t)(share * cells));
    bar[cells] = '\0';
    progress_clear();
    fprintf(stderr, "%-12.24s [%s] %3.0f%%  %zu/%zu", state.stage, bar, 100 * share, state.done,
            state.total);
    if (rate > 0) {
        double left = (double)(state.total - state.done) / rate;
        fprintf(stderr, "  %.3g/s  %.0f:%02.0f left", rate, (left - (double)((int)left % 60)) / 60,
                (double)((int)left % 60));
    }
    fflush(stderr);
    state.drawn = true;
    state.last = now;
}

static void end_stage(void)
{
    progress_clear();
    double seconds = clock_seconds() - state.start;
    if (state.stage && state.verbose && seconds >= 0.5)
        fprintf(stderr, "recap: %s: %zu in %.1f s\n", state.stage, state.done, seconds);
}

bool progress_report(void *data, const char *stage, size_t done, size_t total)
{
    double now = clock_seconds();
    if (!state.stage || strcmp(stage, state.stage) != 0 || done < state.done) {
        if (state.stage && strcmp(stage, state.stage) != 0) end_stage();
        state.stage = stage;
        state.start = now;
        state.last = now; /* what takes under a tenth of a second is not drawn at all */
    }
    state.done = done;
    state.total = total > done ? total : done;
    if (state.terminal && now - state.last >= 0.1) draw(now);
    return !interrupted();
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

void interrupt_setup(recap_context *context)
{
    struct sigaction action = {.sa_handler = on_interrupt}; /* no SA_RESTART: waits end */
    cancelled_context = context;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
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
