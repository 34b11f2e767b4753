/*
 * Growing strings, and string helpers.
 */
#include "base/str.h"

#include <ctype.h>
#include <stdarg.h>

#define ROOM_FIRST 256
#define INT_TEXT   24 /* sign, digits, NUL */

void
str_init(struct str *s, struct arena *arena)
{
	s->arena = arena;
	s->room = ROOM_FIRST;
	s->data = arena_alloc(arena, s->room);
	s->len = 0;
}

/* What was there stays on the arena until its reset. */
static void
move_to(struct str *s, size_t room)
{
	char *data = arena_alloc(s->arena, room);

	memcpy(data, s->data, s->len);
	s->data = data;
	s->room = room;
}

/* Room for more bytes and the NUL. */
static void
make_room(struct str *s, size_t more)
{
	size_t room = s->room;

	if (more < room - s->len)
		return;
	while (more >= room - s->len) {
		if (room > SIZE_MAX / 4)
			abort();
		room *= 2;
	}
	move_to(s, room);
}

void
str_reserve(struct str *s, size_t len)
{
	if (len > SIZE_MAX / 4)
		abort();
	if (len >= s->room - s->len)
		move_to(s, s->len + len + 1);
}

void
str_add_bytes(struct str *s, const char *bytes, size_t len)
{
	make_room(s, len);
	if (len)
		memcpy(s->data + s->len, bytes, len);
	s->len += len;
	s->data[s->len] = '\0';
}

void
str_add(struct str *s, const char *text)
{
	str_add_bytes(s, text, strlen(text));
}

void
str_add_char(struct str *s, char c)
{
	str_add_bytes(s, &c, 1);
}

/* Its digits at the end of a text; where they begin. */
static const char *
digits(char text[INT_TEXT], int64_t n)
{
	/* The least number has no positive one. */
	uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
	char *first = text + INT_TEXT - 1;

	*first = '\0';
	do {
		*--first = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (n < 0)
		*--first = '-';
	return first;
}

void
str_add_int(struct str *s, int64_t n)
{
	char text[INT_TEXT];

	str_add(s, digits(text, n));
}

void
str_printf(struct str *s, const char *format, ...)
{
	va_list args;
	va_list again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(s->data + s->len, s->room - s->len, format, args);
	va_end(args);
	assert(len >= 0);
	if ((size_t)len >= s->room - s->len) {
		make_room(s, (size_t)len);
		vsnprintf(s->data + s->len, (size_t)len + 1, format, again);
	}
	va_end(again);
	s->len += (size_t)len;
}

void
str_add_json(struct str *s, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	const char *plain = text;

	if (!text) {
		str_add(s, "null");
		return;
	}
	str_add_char(s, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		str_add_bytes(s, plain, (size_t)(text - plain));
		plain = text + 1;
		if (c == '"' || c == '\\') {
			str_add_char(s, '\\');
			str_add_char(s, (char)c);
		} else if (c == '\n') {
			str_add(s, "\\n");
		} else if (c == '\r') {
			str_add(s, "\\r");
		} else if (c == '\t') {
			str_add(s, "\\t");
		} else {
			str_add(s, "\\u00");
			str_add_char(s, hex[c >> 4]);
			str_add_char(s, hex[c & 15]);
		}
	}
	str_add_bytes(s, plain, (size_t)(text - plain));
	str_add_char(s, '"');
}

char *
str_int(struct arena *arena, int64_t n)
{
	char text[INT_TEXT];

	return arena_strdup(arena, digits(text, n));
}

char *
str_join_all(struct arena *arena, ...)
{
	va_list args, again;
	const char *text;
	size_t len = 0;
	char *out, *end;

	va_start(args, arena);
	va_copy(again, args);
	while ((text = va_arg(args, const char *)))
		len += strlen(text);
	va_end(args);
	end = out = arena_alloc(arena, len + 1);
	while ((text = va_arg(again, const char *)))
		end = stpcpy(end, text);
	va_end(again);
	return out;
}

bool
str_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool
str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
str_equal_secret(const void *a, size_t a_len, const void *b, size_t b_len)
{
	const unsigned char *left = a, *right = b;
	uint64_t l = 0, r = 0, difference = 0;

	if (a_len != b_len)
		return false;
	for (; a_len >= sizeof(l); a_len -= sizeof(l), left += sizeof(l), right += sizeof(r)) {
		memcpy(&l, left, sizeof(l));
		memcpy(&r, right, sizeof(r));
		difference |= l ^ r;
		/* So that the compiler sees no reason to stop before the end. */
		__asm__("" : "+r"(difference));
	}
	l = r = 0;
	if (a_len > 0) {
		memcpy(&l, left, a_len);
		memcpy(&r, right, a_len);
	}
	return (difference | (l ^ r)) == 0;
}

bool
str_to_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
	bool negative = *text == '-';
	int64_t n = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		int digit = *text - '0';

		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, negative ? -digit : digit, &n))
			return false;
	}
	if (*text || n < min || n > max)
		return false;
	*out = n;
	return true;
}

/* Length of the well-formed sequence at bytes (Unicode, table 3-7), 0 if there is none. */
static size_t
utf8_sequence(const unsigned char *bytes, size_t len)
{
	unsigned char first = bytes[0];
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t need;

	if (first < 0x80)
		return first ? 1 : 0;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	need = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (len < need)
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	if (bytes[1] < low || bytes[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	return need;
}

bool
str_is_utf8(const char *bytes, size_t len)
{
	const unsigned char *at = (const unsigned char *)bytes;

	while (len) {
		size_t step = utf8_sequence(at, len);

		if (!step)
			return false;
		at += step;
		len -= step;
	}
	return true;
}
