/*
 * Texts with places to fill in: any text is filled in or refused with a reason, and no value makes
 * markup or a line of its own.
 *
 * Input: a value, as text; a NUL; the template.
 */
#include "fuzz.h"

#include "domain/template.h"

static const struct json *
make_facts(const char *value)
{
	struct str s;

	str_init(&s, arena);
	str_add(&s, "{\"name\":");
	str_add_json(&s, value);
	str_add(&s, ",\"yes\":true,\"no\":false,\"n\":12,\"none\":null,\"empty\":[],"
		    "\"list\":[{\"item\":\"a\",\"list\":[{\"item\":1}]},{\"item\":\"b\"}]}");
	return fuzz_json(s.data, s.len);
}

/* The value with its markup taken back; what was a control character is a space. */
static void
check_value(const char *shown, const char *value)
{
	static const char *const entities[][2] = { { "&amp;", "&" }, { "&lt;", "<" },
		{ "&gt;", ">" }, { "&quot;", "\"" }, { "&#39;", "'" } };

	assert(!strpbrk(shown, "<>\"'"));
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		size_t len = 1;

		for (size_t i = 0; i < ARRAY_LENGTH(entities); i++) {
			if (str_starts(shown, entities[i][0])) {
				assert(entities[i][1][0] == *value);
				len = strlen(entities[i][0]);
			}
		}
		if (len == 1)
			assert(*shown == (c < 0x20 || c == 0x7f ? ' ' : (char)c));
		shown += len;
	}
	assert(!*shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const char *value, *text, *mistake;
	const struct json *facts;
	struct str out;

	fuzz_begin();
	value = fuzz_text(&in);
	text = fuzz_text(&in);
	facts = make_facts(value);
	if (!facts) {
		assert(!str_is_utf8(value, strlen(value)));
		return 0;
	}
	str_init(&out, arena);
	assert(!template_render(arena, "{{name}}", facts, true, &out));
	check_value(out.data, value);
	str_init(&out, arena);
	mistake = template_render(arena, text, facts, false, &out);
	assert(!mistake || *mistake);
	assert(mistake || strstr(text, "{{") || str_equal(out.data, text));
	return 0;
}
