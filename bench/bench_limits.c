/* limits: what this machine can do at most. Other benchmarks give their figures as parts of it. */
#include "compute/compute.h"
#include "measure.h"

static int print_limits(int n_threads)
{
    recap_context *context;
    recap_context_options options = {.n_threads = n_threads, .seed = 1};
    recap_error error = {0};
    if (recap_open_context(&options, &context, &error) != RECAP_OK) {
        fprintf(stderr, "limits: %s\n", error.message);
        return 1;
    }
    for (size_t i = 0; measure_set(i); i++) {
        double peak = measure_peak(context, measure_set(i));
        if (peak > 0)
            printf("%2d threads  float32 peak, %-8s %8.1f GFLOP/s\n",
                   recap_context_threads(context), measure_set(i), peak * 1e-9);
    }
    printf("%2d threads  memory read           %8.1f GB/s\n", recap_context_threads(context),
           measure_bandwidth(context) * 1e-9);
    recap_close_context(context);
    return 0;
}

int main(void)
{
    int most = processor_count();
    printf("kernel set in use: %s\n", compute_name());
    int status = print_limits(1);
    return most > 1 && status == 0 ? print_limits(most) : status;
}
