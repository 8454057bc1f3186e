/* Where results and messages go: sinks, progress, and the wish of the user to stop. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "input.h"
#include "options.h"

/* ---- output.c: standard output, or a file that appears only when it is whole ---- */

struct sink {
    int file;
    const char *name;  /* for messages */
    char *path, *part; /* the file and what it is called until it is whole; NULL: none */
    bool spooled;      /* kept back in a file of no name ... */
    int target;        /* ... that goes there at the end; else -1 */
    struct buf pending;
};
/* NULL or "-": standard output. `patched`: sink_patch will be called. */
int sink_open(const char *path, bool patched, struct sink *out, recap_error *error);
int sink_write(struct sink *sink, const void *data, size_t n, recap_error *error);
int sink_flush(struct sink *sink, recap_error *error);
/* Replaces bytes at the very beginning. */
int sink_patch(struct sink *sink, const void *data, size_t n, recap_error *error);
/* Everything is written: the file gets its name. */
int sink_commit(struct sink *sink, recap_error *error);
/* Also after a failure: what was not committed is gone. */
void sink_close(struct sink *sink);
/* Would binary output to `path` end on a terminal? */
bool is_terminal(const char *path);
int fail_terminal(const char *command, recap_error *error);
/* A whole document at once. */
int output_document(const char *path, const struct buf *document, recap_error *error);

/* {carried fields, results}: the fields of the record's object but "text" and those that the
 * results name. `results` is the inside of an object: "\"ids\":[1]". */
int output_record(struct sink *sink, const struct record *record, const char *results,
                  const char *const *names, size_t n_names, recap_error *error);
/* {"error": ..., "line": ...} for a refused line; counts it, and fails where strict. */
int output_refusal(struct sink *sink, struct invocation *call, const struct record *record,
                   recap_error *error);

/* What every command over JSON Lines is: read a batch, answer its good lines, write in order.
 * `answer` gets the good records of a batch and appends to each result the inside of an object. */
struct line_work {
    const char *output;       /* -o */
    size_t batch;             /* lines */
    const char *const *names; /* of the results, [n_names] */
    size_t n_names;
    void *data;
    int (*answer)(void *data, recap_context *context, struct record *const *records, size_t n,
                  struct buf *results, recap_error *error);
};
int run_lines(struct invocation *call, const struct line_work *work, recap_error *error);

/* ---- progress.c ---- */

/* A recap_progress_fn: a bar with rate and time left on a terminal, else lines where verbose. */
bool progress_report(void *data, const char *stage, size_t done, size_t total);
void progress_setup(bool quiet, bool verbose);
/* Lines done, and the share of the input that they are (negative: not known). From then on only
 * lines are counted: the stages inside a batch would say little. */
void progress_lines(size_t done, double share);
/* Put before every stage; NULL: nothing. */
void progress_label(const char *label);
/* Takes the bar away, so that other text can be written. */
void progress_clear(void);

/* SIGINT and SIGTERM cancel `context` and are remembered; a second one ends the process at once. */
void interrupt_setup(recap_context *context);
bool interrupted(void);
int fail_interrupted(recap_error *error);
/* A file to remove if the process is ended by a second interrupt; NULL: none any more. */
void interrupt_remove(const char *path);

#endif
