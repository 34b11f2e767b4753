/*
 * One arena a request or batch: everything allocated for it is freed together.
 *
 * Allocation never returns NULL: a process that cannot have a few kilobytes aborts, and its
 * supervisor starts another. Objects of foreign libraries (PGresult, redisReply, json_object) are
 * registered with arena_on_reset() and released newest first.
 */
#ifndef HOLDFAST_ARENA_H
#define HOLDFAST_ARENA_H

#include <stdarg.h>

#include "base/base.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* Runs the registered releases, newest first, and forgets every allocation. Keeps one block. */
void arena_reset(struct arena *arena);

/* Zeroed memory, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy of len bytes at text. */
char *arena_copy(struct arena *arena, const char *text, size_t len);
char *arena_strdup(struct arena *arena, const char *text);
char *
arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args);

/* Calls release(object) at the next reset or free. */
void arena_on_reset(struct arena *arena, void (*release)(void *), void *object);

/* Array of count elements of type, zeroed. */
#define ARENA_ARRAY(arena, type, count)                                                            \
	((type *)arena_alloc((arena), sizeof(type) * (size_t)(count)))
#define ARENA_NEW(arena, type) ARENA_ARRAY(arena, type, 1)

#endif
