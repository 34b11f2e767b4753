/*
 * Canonical text: the same for texts that say the same, another for all others.
 */
#include <criterion/criterion.h>

#include "base/json.h"

static struct arena *arena;

static void
begin(void)
{
	arena = arena_new();
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(json_canonical, .init = begin, .fini = end);

static const char *
canonical(const char *text, const char *const *skip)
{
	const char *detail;
	const struct json *value = json_parse(arena, text, strlen(text), &detail);

	cr_assert(value, "%s", text);
	return json_canonical(arena, value, skip);
}

Test(json_canonical, sorts_members_at_every_depth_and_keeps_arrays)
{
	cr_assert_str_eq(
		canonical(" {\"b\" : [3, 1,{\"y\":null,\"x\":true}], \"a\":\"\\u0041\\n\"} ", NULL),
		"{\"a\":\"A\\n\",\"b\":[3,1,{\"x\":true,\"y\":null}]}");
	cr_assert_str_eq(canonical("{}", NULL), "{}");
	cr_assert_str_eq(canonical("[false,-5,1.50,\"\"]", NULL), "[false,-5,1.50,\"\"]");
}

Test(json_canonical, skips_members_of_the_top_alone)
{
	static const char *const skip[] = { "request_id", "idempotency_key", NULL };

	cr_assert_str_eq(
		canonical("{\"request_id\":\"k\",\"a\":{\"request_id\":1},\"idempotency_key\":2}",
			skip),
		"{\"a\":{\"request_id\":1}}");
}

Test(json_canonical, is_json_again_and_says_the_same)
{
	const char *once = canonical("{\"q\\\"\":\"\\ud83c\\udfab\\u0001\",\"n\":[1e999]}", NULL);

	cr_assert_str_eq(canonical(once, NULL), once);
}

Test(json_canonical, tells_different_things_apart)
{
	cr_assert_str_neq(canonical("[1,2]", NULL), canonical("[2,1]", NULL));
	cr_assert_str_neq(canonical("[\"1\"]", NULL), canonical("[1]", NULL));
	cr_assert_str_neq(canonical("{\"a\":null}", NULL), canonical("{}", NULL));
	cr_assert_str_neq(canonical("1.5", NULL), canonical("1.25", NULL));
}
