/*
 * What the fuzz targets share. Each reads one input and claims with assert() what must hold for
 * every input there is; a claim that fails ends the run, and the input is kept.
 *
 * In these builds an arena has a gap behind each allocation (base/arena.c), so that whoever reads
 * or writes beyond what was given is found out.
 */
#ifndef HOLDFAST_FUZZ_H
#define HOLDFAST_FUZZ_H

#include "base/json.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena *arena;

/* Before each input. */
static inline void
fuzz_begin(void)
{
	if (arena)
		arena_reset(arena);
	else
		arena = arena_new();
}

/* What is left of an input. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline unsigned
fuzz_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static inline int64_t
fuzz_int(struct input *in)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | fuzz_byte(in);
	return (int64_t)n;
}

/* Up to a byte that is `end`, or what is left; without bytes that are NUL. */
static inline char *
fuzz_text_to(struct input *in, char end)
{
	struct str s;

	str_init(&s, arena);
	while (in->left > 0) {
		char c = (char)fuzz_byte(in);

		if (c == end)
			break;
		if (c)
			str_add_char(&s, c);
	}
	return arena_strdup(arena, s.data);
}

/* One line of it. */
static inline char *
fuzz_line(struct input *in)
{
	return fuzz_text_to(in, '\n');
}

/* All the rest. */
static inline char *
fuzz_text(struct input *in)
{
	return fuzz_text_to(in, '\0');
}

/* Bytes with nothing behind them, not even a NUL. */
static inline char *
fuzz_bytes(const void *bytes, size_t len)
{
	char *out = arena_alloc(arena, len);

	if (len)
		memcpy(out, bytes, len);
	return out;
}

/* NULL: it is not JSON. */
static inline const struct json *
fuzz_json(const void *bytes, size_t len)
{
	const char *detail = NULL;
	const struct json *value = json_parse(arena, fuzz_bytes(bytes, len), len, &detail);

	assert(value || (detail && *detail));
	return value;
}

/* Where an error points to (RFC 6901): nothing, or parts that begin with a slash. */
static inline void
fuzz_check_errors(const struct problem_why *why)
{
	for (const struct problem_error *error = why->errors; error; error = error->next) {
		assert(*error->pointer == '\0' || *error->pointer == '/');
		assert(*error->detail != '\0');
		for (const char *at = strchr(error->pointer, '~'); at; at = strchr(at + 1, '~'))
			assert(at[1] == '0' || at[1] == '1');
	}
}

#endif
