/* Any bytes as a config.json: refused in words, or numbers that the encoder can work with. */
#include <stdlib.h>

#include "model/model_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena arena = {0};
    struct model_config config;
    recap_error error = {0};
    int status = model_config_parse("input", (const char *)data, n, &arena, &config, &error);
    if (status != RECAP_OK && (error.code != status || error.message[0] == '\0')) abort();
    if (status == RECAP_OK) {
        bool good = config.n_layers && config.hidden && config.n_heads && config.intermediate &&
                    config.hidden % config.n_heads == 0 &&
                    config.first_position < config.n_positions && config.epsilon > 0 &&
                    config.name_or_path;
        for (size_t i = 0; i < config.n_labels; i++) good = good && config.labels[i];
        if (!good) abort();
    }
    arena_free(&arena);
    return 0;
}
