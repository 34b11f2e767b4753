/*
 * Strict JSON reading (RFC 8259) and the check of a body against a table of fields.
 *
 * json-c parses; what its strict mode lets through (single quotes, NaN, control characters in
 * strings, duplicate keys, overlong UTF-8, \u0000, lone surrogates, saturated integers) is refused
 * here before and after it. Writing is done with struct str and str_add_json().
 */
#ifndef HOLDFAST_JSON_H
#define HOLDFAST_JSON_H

#include "base/problem.h"
#include "base/str.h"

#define JSON_DEPTH_MAX 16

struct json; /* a value; owned by the arena it was parsed on */

enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* NULL: not JSON by the rules above; *detail then says why in a sentence. */
const struct json *
json_parse(struct arena *arena, const char *text, size_t len, const char **detail);

enum json_kind json_kind(const struct json *value);
bool json_bool(const struct json *value);
int64_t json_int(const struct json *value);           /* a number outside int64 is a JSON_REAL */
const char *json_real_text(const struct json *value); /* of a JSON_REAL; of an integer, rounded */
const char *json_string(const struct json *value);    /* valid UTF-8 without NUL */
size_t json_length(const struct json *array);
const struct json *json_at(const struct json *array, size_t index);
const struct json *json_get(const struct json *object, const char *name); /* NULL: absent */

/* Visits the members of an object in their order. */
void json_each(const struct json *object,
	void (*visit)(void *ctx, const char *name, const struct json *value), void *ctx);

/*
 * Canonical text for fingerprints: no spaces, members sorted by name, at every depth. Members of
 * the top object named in skip (NULL-terminated list, may be NULL) are left out.
 */
const char *json_canonical(struct arena *arena, const struct json *value, const char *const *skip);

/*
 * One row a field of a body. Types fill the member at `offset` of a struct: JSON_INT an int64_t,
 * JSON_BOOL a bool, JSON_STRING a const char *, JSON_ARRAY and JSON_OBJECT a const struct json *.
 * A field that is absent or null leaves its member alone (required fields: an error); the bool at
 * `present_offset`, where given (non-zero), is set when the field was there and not null. min and
 * max that are both 0 are no bounds; max INT64_MAX bounds below alone.
 */
struct json_field {
	const char *name;
	enum json_kind kind;
	size_t offset;
	bool required;
	int64_t min; /* of an int, of the characters of a string, of the length of an array */
	int64_t max;
	size_t present_offset;
};

/*
 * Reads object into out by the table, which ends with a row without a name. Every problem is added
 * to why under base_pointer ("" at the top, "/items/0" within): unknown field, wrong type, out of
 * range, missing. Returns PROBLEM_NONE or PROBLEM_INVALID.
 */
enum problem json_read(const struct json *object, const struct json_field *fields, void *out,
	struct problem_why *why, struct arena *arena, const char *base_pointer);

#endif
