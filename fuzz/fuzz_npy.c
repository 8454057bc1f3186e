/* Any bytes as a .npy file: refused, or a matrix whose every value can be read. */
#include "cli/input.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct matrix matrix;
    if (npy_parse("fuzz", (struct view){(const char *)data, size}, &matrix, NULL) != RECAP_OK)
        return 0;
    for (size_t i = 0; i < matrix.rows * matrix.columns; i++)
        if (!isfinite(matrix.data[i])) abort();
    matrix_free(&matrix);
    return 0;
}
