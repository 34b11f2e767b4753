/*
 * The parts of a line of JSON. Texts are unescaped where they stand, so that nothing is allocated:
 * an escaped text is never shorter than what it stands for.
 */
#include "load/scan.h"
#include "base/str.h"

bool
scan_want(struct scan *s, const char *what)
{
	if (!s->wanted)
		s->wanted = what;
	return false;
}

/* Takes exactly this text, if it stands there. */
bool
scan_if(struct scan *s, const char *text)
{
	size_t len = strlen(text);

	if (s->wanted || strncmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

bool
scan(struct scan *s, const char *text)
{
	return scan_if(s, text) || scan_want(s, text);
}

bool
scan_number(struct scan *s, int64_t min, int64_t *out)
{
	char *start = s->at, *end = start, was;
	bool ok;

	if (s->wanted)
		return false;
	if (*end == '-')
		end++;
	while (*end >= '0' && *end <= '9')
		end++;
	was = *end;
	*end = '\0';
	/* One form a number: no sign or zero that says nothing. */
	ok = str_to_int(start, min, INT64_MAX, out) && strcmp(start, "-0") != 0 &&
	     (start[0] != '0' || end == start + 1) && (start[0] != '-' || start[1] != '0');
	*end = was;
	if (!ok)
		return scan_want(s, min >= 0 ? "a number that is not negative" : "a number");
	s->at = end;
	return true;
}

static bool
hex_of(const char *text, unsigned *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = text[i] ? strchr(digits, text[i] | 0x20) : NULL;

		if (!digit)
			return false;
		*out = *out * 16 + (unsigned)(digit - digits);
	}
	return true;
}

static char *
put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* \uXXXX, or a pair of surrogates, at *from. */
static bool
take_unicode(char **from, char **to)
{
	unsigned c, low;

	if (!hex_of(*from + 2, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
		return false;
	*from += 6;
	if (c >= 0xd800 && c <= 0xdbff) {
		if ((*from)[0] != '\\' || (*from)[1] != 'u' || !hex_of(*from + 2, &low) ||
			low < 0xdc00 || low > 0xdfff)
			return false;
		*from += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_utf8(*to, c);
	return true;
}

/* A text in quotes, unescaped where it stands. */
bool
scan_text(struct scan *s, const char **out)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	char *from = s->at, *to = from;

	if (!scan(s, "\""))
		return false;
	*out = to = ++from;
	while (*from != '"') {
		if ((unsigned char)*from < 0x20)
			return scan_want(s, "the end of a text");
		if (*from != '\\') {
			*to++ = *from++;
		} else if (from[1] == 'u') {
			if (!take_unicode(&from, &to))
				return scan_want(s, "a text of UTF-8");
		} else {
			size_t i = 0;

			while (escapes[i] && escapes[i] != from[1])
				i += 2;
			if (!escapes[i])
				return scan_want(s, "a text");
			*to++ = escapes[i + 1];
			from += 2;
		}
	}
	if (to - *out > RECORD_TEXT_MAX)
		return scan_want(s, "a shorter text");
	*to = '\0';
	s->at = from + 1;
	return true;
}

bool
scan_text_or_null(struct scan *s, const char **out)
{
	*out = NULL;
	return scan_if(s, "null") || scan_text(s, out);
}

/* Takes the name of a member that may be left out; a comma stands before it unless it is first. */
bool
scan_name_if(struct scan *s, const char *name, bool *first)
{
	char *start = s->at;

	if (s->wanted)
		return false;
	if ((*first || scan_if(s, ",")) && scan_if(s, "\"") && scan_if(s, name) &&
		scan_if(s, "\":")) {
		*first = false;
		return true;
	}
	s->at = start;
	return false;
}

void
scan_list_if(struct scan *s, const char *name, const char **list, size_t *count, bool *first)
{
	*count = 0;
	if (!scan_name_if(s, name, first) || !scan(s, "["))
		return;
	do {
		if (*count == RECORD_SEATS_MAX) {
			scan_want(s, "no more seats");
			return;
		}
		if (!scan_text(s, &list[*count]))
			return;
		(*count)++;
	} while (scan_if(s, ","));
	scan(s, "]");
}

void
scan_places_if(struct scan *s, const char **list, struct record_part *parts,
	struct record_places *places, bool *first)
{
	places->seats = list;
	places->parts = parts;
	places->parts_count = 0;
	scan_list_if(s, "seats", list, &places->seats_count, first);
	if (!scan_name_if(s, "sections", first) || !scan(s, "["))
		return;
	do {
		struct record_part *part = &parts[places->parts_count];

		if (places->parts_count == RECORD_PARTS_MAX) {
			scan_want(s, "no more sections");
			return;
		}
		if (!scan(s, "{\"id\":") || !scan_text(s, &part->section) || !scan(s, ",\"n\":") ||
			!scan_number(s, 0, &part->quantity) || !scan(s, "}"))
			return;
		if (part->quantity > INT32_MAX) {
			scan_want(s, "fewer places");
			return;
		}
		places->parts_count++;
	} while (scan_if(s, ","));
	scan(s, "]");
}

void
scan_text_if(struct scan *s, const char *name, const char **out, bool *first)
{
	*out = NULL;
	if (scan_name_if(s, name, first))
		scan_text(s, out);
}

void
scan_number_if(struct scan *s, const char *name, int64_t *out, bool *first)
{
	*out = RECORD_ABSENT;
	if (scan_name_if(s, name, first))
		scan_number(s, 0, out);
}
