/*
 * A growing string on an arena, and the few string helpers that libc lacks.
 */
#ifndef HOLDFAST_STR_H
#define HOLDFAST_STR_H

#include "base/arena.h"

struct str {
	struct arena *arena;
	char *data; /* always NUL-terminated once str_init has run */
	size_t len;
	size_t room;
};

void str_init(struct str *s, struct arena *arena);

/* Room for len bytes more, exactly: for long texts whose length is known before. */
void str_reserve(struct str *s, size_t len);
void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const char *bytes, size_t len);
void str_add_char(struct str *s, char c);
void str_add_int(struct str *s, int64_t n);
void str_printf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* JSON (RFC 8259): the text quoted and escaped. NULL becomes null. */
void str_add_json(struct str *s, const char *text);

/* A decimal number; texts one after another. For what each request makes of a few pieces: printf
 * takes several times as long. */
char *str_int(struct arena *arena, int64_t n);
#define STR_JOIN(arena, ...) str_join_all((arena), __VA_ARGS__, (const char *)NULL)
char *str_join_all(struct arena *arena, ...) __attribute__((sentinel));

bool str_equal(const char *a, const char *b);
bool str_starts(const char *text, const char *prefix);

/* Equal in a time that depends on the lengths alone. For secrets. */
bool str_equal_secret(const void *a, size_t a_len, const void *b, size_t b_len);

/* Whole decimal number, optional sign, nothing else. False leaves *out alone. */
bool str_to_int(const char *text, int64_t min, int64_t max, int64_t *out);

/* Valid UTF-8 (RFC 3629: no overlong forms, no surrogates) without a NUL byte. */
bool str_is_utf8(const char *bytes, size_t len);

#endif
