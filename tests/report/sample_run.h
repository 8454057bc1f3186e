/* Runs for the tests of report, made without any model: a small one by hand, and one of
 * examples/week.jsonl whose clusters are the stories that its authors named. */
#ifndef SAMPLE_RUN_H
#define SAMPLE_RUN_H

#include "report/report.h"

struct sample {
    struct report_run run;
    struct arena arena;
};

/* Two genres: one of a story, noise and a duplicate, one that was not clustered. Every text that
 * comes from an article (and the names of genre and settings) contains `hostile` where given. */
bool sample_small(const char *hostile, struct sample *out);
/* False where the file can't be read. */
bool sample_week(const char *path, struct sample *out);
void sample_free(struct sample *sample);

#endif
