/* Any bytes as a safetensors file: refused in words, or every tensor can be read to its end. */
#include <stdlib.h>

#include "model/model_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_values(const struct tensor *tensor)
{
    size_t n = 1;
    if (tensor->dtype == DTYPE_OTHER) return;
    for (size_t i = 0; i < tensor->n_dims; i++) n *= tensor->dims[i];
    float *values = new_array(n, sizeof *values);
    if (!values) abort(); /* n values were in the input */
    tensor_read(tensor, 0, n, values);
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct safetensors file;
    recap_error error = {0};
    int status = safetensors_parse("input", data, n, &file, &error);
    if (status != RECAP_OK && (error.code != status || error.message[0] == '\0')) abort();
    if (status != RECAP_OK) return 0;
    for (size_t i = 0; i < file.n; i++) {
        if (!safetensors_find(&file, file.tensors[i].name)) abort();
        read_values(&file.tensors[i]);
    }
    safetensors_close(&file);
    return 0;
}
