/*
 * Cursors of lists.
 */
#include "domain/cursor.h"

#include "base/base64.h"
#include "base/id.h"
#include "base/str.h"

#define CHECK_BYTES 6
#define PLACE_MAX   255
#define TIME_MAX_US INT64_C(253402300799999999) /* the end of the year 9999 */

static void
checksum(const char *kind, const char *place, unsigned char out[CHECK_BYTES])
{
	static const char salt[] = "cursor";
	const char *parts[] = { kind, place, NULL };
	unsigned char full[ID_SHA256_BYTES];

	id_hmac(salt, sizeof(salt) - 1, parts, full);
	memcpy(out, full, CHECK_BYTES);
}

const char *
cursor_make(struct arena *arena, const char *kind, const char *place)
{
	size_t len = strlen(place);
	unsigned char *bytes = arena_alloc(arena, CHECK_BYTES + len);

	assert(len <= PLACE_MAX);
	checksum(kind, place, bytes);
	memcpy(bytes + CHECK_BYTES, place, len);
	return base64url_write(arena, bytes, CHECK_BYTES + len);
}

const char *
cursor_read(struct arena *arena, const char *kind, const char *cursor)
{
	unsigned char check[CHECK_BYTES];
	unsigned char *bytes;
	const char *place;
	size_t len;

	if (strlen(cursor) > (CHECK_BYTES + PLACE_MAX) * 4 / 3 + 1)
		return NULL;
	bytes = base64url_read(arena, cursor, &len);
	if (!bytes || len <= CHECK_BYTES || memchr(bytes + CHECK_BYTES, '\0', len - CHECK_BYTES))
		return NULL;
	place = (const char *)bytes + CHECK_BYTES;
	checksum(kind, place, check);
	return memcmp(check, bytes, CHECK_BYTES) == 0 ? place : NULL;
}

bool
cursor_read_event(struct arena *arena, const char *kind, const char *cursor, int64_t *at_us,
	int64_t *event_id)
{
	const char *place = cursor_read(arena, kind, cursor);
	const char *colon = place ? strchr(place, ':') : NULL;

	return colon &&
	       str_to_int(arena_copy(arena, place, (size_t)(colon - place)), INT64_MIN, INT64_MAX,
		       at_us) &&
	       str_to_int(colon + 1, 1, INT32_MAX, event_id);
}

bool
cursor_read_row(
	struct arena *arena, const char *kind, const char *cursor, int64_t *at_us, const char **id)
{
	const char *place = cursor_read(arena, kind, cursor);
	const char *slash = place ? strchr(place, '/') : NULL;

	if (!slash)
		return false;
	*id = slash + 1;
	return id_is_uuid(*id) &&
	       str_to_int(arena_copy(arena, place, (size_t)(slash - place)), 0, TIME_MAX_US, at_us);
}
