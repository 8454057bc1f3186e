/* Writes the documents of a run made from examples/week.jsonl, for screenshot.py and for the eye.
 *
 * usage: week_report WEEK.jsonl DIRECTORY [ja|en]
 *        week_report --hostile DIRECTORY     the small run, its texts full of markup */
#include "sample_run.h"

#include <stdio.h>
#include <string.h>

typedef int (*writer_fn)(const struct report_run *run, struct buf *out, recap_error *error);

static int write_one(const struct report_run *run, writer_fn writer, const char *folder,
                     const char *name)
{
    struct buf out = {0};
    recap_error error = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int code = writer(run, &out, &error);
    if (code == RECAP_OK) code = file_write(path, out.data, out.n, &error);
    if (code != RECAP_OK) fprintf(stderr, "week_report: %s\n", error.message);
    buf_free(&out);
    return code;
}

/* Each would run, load or move something if it were taken as markup. */
static const char hostile[] =
    "<script>alert(1)</script></script></style></title><img src=x onerror=alert(2)>"
    "\"'><svg onload=alert(3)><!-- <base href=//evil.example> <meta http-equiv=refresh "
    "content='0;url=https://evil.example'><iframe src=https://evil.example></iframe>"
    "<link rel=stylesheet href=https://evil.example/x.css>\xe2\x80\xae\x1b[31m";

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        writer_fn writer;
    } documents[] = {{"report.html", report_html},
                     {"evidence.json", report_json},
                     {"evidence.csv", report_csv},
                     {"report.md", report_markdown},
                     {"evidence.atom", report_atom}};
    struct sample sample;
    bool made = argc > 2 && (strcmp(argv[1], "--hostile") == 0 ? sample_small(hostile, &sample)
                                                               : sample_week(argv[1], &sample));
    if (!made) {
        fprintf(stderr, "usage: week_report WEEK.jsonl DIRECTORY [ja|en]\n");
        return 2;
    }
    if (argc > 3) sample.run.language = argv[3];
    int code = make_directories(argv[2], NULL);
    for (size_t i = 0; i < COUNT_OF(documents) && code == RECAP_OK; i++)
        code = write_one(&sample.run, documents[i].writer, argv[2], documents[i].name);
    struct buf summary = {0};
    if (code == RECAP_OK) code = report_summary(&sample.run, 80, false, &summary, NULL);
    if (code == RECAP_OK) fwrite(summary.data, 1, summary.n, stdout);
    buf_free(&summary);
    sample_free(&sample);
    return code == RECAP_OK ? 0 : 1;
}
