/*
 * Bodies against a table of fields.
 */
#include <criterion/criterion.h>

#include "base/json.h"

struct body {
	bool n_there;
	int64_t n;
	bool flag;
	const char *name;
	const struct json *list;
	const struct json *inner;
};

static const struct json_field fields[] = {
	{ "n", JSON_INT, offsetof(struct body, n), true, 1, 10, 0 },
	{ "flag", JSON_BOOL, offsetof(struct body, flag), .required = false },
	{ "name", JSON_STRING, offsetof(struct body, name), false, 1, 3, 0 },
	{ "list", JSON_ARRAY, offsetof(struct body, list), false, 1, 2, 0 },
	{ "inner", JSON_OBJECT, offsetof(struct body, inner), .required = false },
	{ 0 },
};

static struct arena *arena;
static struct problem_why why;

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

TestSuite(json_read, .init = begin, .fini = end);

static enum problem
read_into(const char *text, const struct json_field *table, void *out, const char *base)
{
	const char *detail;
	const struct json *value = json_parse(arena, text, strlen(text), &detail);

	cr_assert(value, "%s: %s", text, detail);
	why = (struct problem_why){ 0 };
	return json_read(value, table, out, &why, arena, base);
}

Test(json_read, fills_the_struct)
{
	struct body body = { 0 };

	cr_assert_eq(read_into("{\"n\":7,\"flag\":true,\"name\":\"éé€\","
			       "\"list\":[1],\"inner\":{}}",
			     fields, &body, ""),
		PROBLEM_NONE);
	cr_assert_eq(body.n, 7);
	cr_assert(body.flag);
	cr_assert_str_eq(body.name, "éé€");
	cr_assert_eq(json_length(body.list), 1);
	cr_assert_eq(json_kind(body.inner), JSON_OBJECT);
}

Test(json_read, absent_and_null_leave_the_member_alone)
{
	struct body body = { .flag = true, .name = "before" };

	cr_assert_eq(read_into("{\"n\":1,\"name\":null}", fields, &body, ""), PROBLEM_NONE);
	cr_assert(body.flag);
	cr_assert_str_eq(body.name, "before");
}

Test(json_read, tells_presence)
{
	struct seen {
		int64_t n;
		bool there;
	} out = { 0 };
	const struct json_field table[] = {
		{ "n", JSON_INT, offsetof(struct seen, n),
			.present_offset = offsetof(struct seen, there) },
		{ 0 },
	};

	cr_assert_eq(read_into("{\"n\":null}", table, &out, ""), PROBLEM_NONE);
	cr_assert_not(out.there);
	cr_assert_eq(read_into("{\"n\":-9000000000}", table, &out, ""), PROBLEM_NONE);
	cr_assert(out.there);
	cr_assert_eq(out.n, -9000000000);
}

Test(json_read, bounds_from_below_alone_are_told_as_such)
{
	const struct json_field table[] = {
		{ "n", JSON_INT, 0, .min = 3, .max = INT64_MAX },
		{ 0 },
	};
	int64_t n = 0;

	cr_assert_eq(read_into("{\"n\":9223372036854775807}", table, &n, ""), PROBLEM_NONE);
	cr_assert_eq(n, INT64_MAX);
	cr_assert_eq(read_into("{\"n\":2}", table, &n, ""), PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/n");
	cr_assert_str_eq(why.errors->detail, "The value must be at least 3.");
	cr_assert_eq(n, INT64_MAX);
}

Test(json_read, every_mistake_has_its_pointer)
{
	static const struct {
		const char *text;
		const char *pointer;
	} cases[] = {
		{ "{}", "/n" },
		{ "{\"n\":null}", "/n" },
		{ "{\"n\":\"1\"}", "/n" },
		{ "{\"n\":true}", "/n" },
		{ "{\"n\":1.0}", "/n" },
		{ "{\"n\":3.99}", "/n" },
		{ "{\"n\":1e999}", "/n" },
		{ "{\"n\":18446744073709551616}", "/n" },
		{ "{\"n\":0}", "/n" },
		{ "{\"n\":11}", "/n" },
		{ "{\"n\":1,\"flag\":1}", "/flag" },
		{ "{\"n\":1,\"flag\":\"true\"}", "/flag" },
		{ "{\"n\":1,\"name\":\"\"}", "/name" },
		{ "{\"n\":1,\"name\":\"abcd\"}", "/name" },
		{ "{\"n\":1,\"name\":5}", "/name" },
		{ "{\"n\":1,\"list\":[]}", "/list" },
		{ "{\"n\":1,\"list\":[1,2,3]}", "/list" },
		{ "{\"n\":1,\"list\":{}}", "/list" },
		{ "{\"n\":1,\"inner\":[]}", "/inner" },
		{ "{\"n\":1,\"more\":1}", "/more" },
		{ "{\"n\":1,\"a/b~c\":null}", "/a~1b~0c" },
		{ "{\"n\":1,\"\":1}", "/" },
		{ "[]", "" },
		{ "null", "" },
		{ "\"n\"", "" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct body body = { 0 };

		cr_assert_eq(read_into(cases[i].text, fields, &body, ""), PROBLEM_INVALID, "%s",
			cases[i].text);
		cr_assert_str_eq(why.errors->pointer, cases[i].pointer, "%s", cases[i].text);
		cr_assert_null(why.errors->next, "%s", cases[i].text);
	}
}

Test(json_read, all_mistakes_are_told_under_the_base)
{
	struct body body = { 0 };

	cr_assert_eq(read_into("{\"flag\":0,\"x\":0}", fields, &body, "/items/3"), PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/items/3/n");
	cr_assert_str_eq(why.errors->next->pointer, "/items/3/flag");
	cr_assert_str_eq(why.errors->next->next->pointer, "/items/3/x");
}

Test(json_read, long_names_are_cut_between_characters)
{
	struct body body = { 0 };
	struct str text;

	str_init(&text, arena);
	str_add(&text, "{\"n\":1,\"x");
	for (int i = 0; i < 5000; i++)
		str_add(&text, "€");
	str_add(&text, "\":1}");
	cr_assert_eq(read_into(text.data, fields, &body, ""), PROBLEM_INVALID);
	cr_assert_lt(strlen(why.errors->pointer), 80);
	cr_assert(str_is_utf8(why.errors->pointer, strlen(why.errors->pointer)));
}
