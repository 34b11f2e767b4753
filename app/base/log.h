/*
 * One line an event on stderr, `time level key=value …`; no value has a space or a quote in it.
 * Never passwords, tokens, e-mail addresses, DSNs or bodies.
 */
#ifndef HOLDFAST_LOG_H
#define HOLDFAST_LOG_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* program: shown in each line; level: what is below it is not written. */
void log_init(const char *program, enum log_level level);

/* By its name, one of debug, info, warn and error. */
enum log_level log_level_of(const char *name);

/* format gives the key=value pairs; strings that others wrote go through log_value(). */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* text made safe for one value: printable ASCII, no space, quote or '='; at most 200 bytes. Uses a
 * ring of eight static buffers. NULL becomes "-". */
const char *log_value(const char *text);

#endif
