/* Status codes and the error that a failing call fills in.
 *
 * Every function that can fail returns RECAP_OK (0) or one of the negative codes below. A caller
 * that wants the reason passes a recap_error, which it owns; NULL is allowed. On success the error
 * is left untouched. */
#ifndef RECAP_STATUS_H
#define RECAP_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define RECAP_API __attribute__((visibility("default")))

typedef enum recap_status {
    RECAP_OK = 0,
    RECAP_ERROR_INPUT = -1,     /* a value in the caller's data is malformed or out of range */
    RECAP_ERROR_USAGE = -2,     /* a wrong option or a call that makes no sense */
    RECAP_ERROR_CONFIG = -3,    /* a setting or configuration file can't be used */
    RECAP_ERROR_MODEL = -4,     /* a model directory can't be used */
    RECAP_ERROR_IO = -5,        /* a file can't be read or written */
    RECAP_ERROR_MEMORY = -6,    /* memory, disk or device space ran out */
    RECAP_ERROR_TIMEOUT = -7,   /* a deadline passed */
    RECAP_ERROR_CANCELLED = -8, /* the caller asked to stop */
    RECAP_ERROR_INTERNAL = -9,  /* a fault of Recap itself */
} recap_status;

typedef struct recap_error {
    int code;           /* a recap_status */
    char message[1000]; /* one line, UTF-8, without a final stop or newline */
} recap_error;

/* A short constant name such as "input" or "model"; never NULL. */
RECAP_API const char *recap_status_name(int code);

/* The exit status of the command line for a code (0 to 6, 130). */
RECAP_API int recap_status_exit(int code);

/* The library's version, "MAJOR.MINOR.PATCH". */
RECAP_API const char *recap_version(void);

#ifdef __cplusplus
}
#endif
#endif
