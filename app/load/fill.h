/*
 * Templates of requests. {n} is a number; {row} and {seat} are its place in rows of a thousand,
 * from 1; {hex} is it in twelve digits, as the end of a UUID; {id} is a text.
 */
#ifndef HOLDFAST_FILL_H
#define HOLDFAST_FILL_H

#include "base/base.h"

#define FILL_PART_MAX 64 /* room for one number or text */

/* One place of a template at *at, which moves behind it; false where there is none. */
static inline bool
fill_place(char *out, const char **at, long n, const char *id)
{
	static const char *const names[] = { "{n}", "{row}", "{seat}", "{hex}", "{id}" };

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (strncmp(*at, names[i], strlen(names[i])) != 0)
			continue;
		*at += strlen(names[i]);
		if (i == 4)
			snprintf(out, FILL_PART_MAX, "%s", id);
		else
			snprintf(out, FILL_PART_MAX, i == 3 ? "%012lx" : "%ld",
				i == 1   ? n / 1000 + 1
				: i == 2 ? n % 1000 + 1
					 : n);
		return true;
	}
	return false;
}

/* Writes the template with its places filled in; its length, or 0 where it does not fit. */
static inline size_t
fill(char *out, size_t room, const char *template, long n, const char *id)
{
	size_t len = 0;

	while (*template) {
		if (len + FILL_PART_MAX >= room)
			return 0;
		if (fill_place(out + len, &template, n, id))
			len += strlen(out + len);
		else
			out[len++] = *template ++;
	}
	out[len] = '\0';
	return len;
}

#endif
