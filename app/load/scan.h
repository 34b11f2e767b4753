/*
 * Reads a line of JSON that has one form alone: what is expected next is taken, or the line is
 * refused. After the first part that was not as expected nothing more is taken, so that a caller
 * may ask once, at the end.
 */
#ifndef HOLDFAST_SCAN_H
#define HOLDFAST_SCAN_H

#include "load/record.h"

struct scan {
	char *at;           /* where the line is being read; its end is a NUL */
	const char *wanted; /* what was expected there; NULL: all is well so far */
};

/* Says what is expected, unless something has been already. Always false. */
bool scan_want(struct scan *s, const char *what);

/* Exactly this text: must stand there; or is taken if it does. */
bool scan(struct scan *s, const char *text);
bool scan_if(struct scan *s, const char *text);

bool scan_number(struct scan *s, int64_t min, int64_t *out);
bool scan_text(struct scan *s, const char **out);
bool scan_text_or_null(struct scan *s, const char **out);

/* The name of a member that may be left out; *first: none has stood before it in its object. */
bool scan_name_if(struct scan *s, const char *name, bool *first);

/* Members that may be left out: NULL, RECORD_ABSENT, or none then. Lists are not empty. */
void scan_text_if(struct scan *s, const char *name, const char **out, bool *first);
void scan_number_if(struct scan *s, const char *name, int64_t *out, bool *first);
void scan_list_if(struct scan *s, const char *name, const char **list, size_t *count, bool *first);

/* Members "seats" and "sections"; list and parts have room for as many as a call may have. */
void scan_places_if(struct scan *s, const char **list, struct record_part *parts,
	struct record_places *places, bool *first);

#endif
