/*
 * Texts with places to fill in.
 */
#include <criterion/criterion.h>

#include "domain/template.h"

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

TestSuite(template, .init = begin, .fini = end);

static const char facts[] =
	"{\"name\":\"A<&>\\\"'\\r\\nB\",\"none\":\"\",\"yes\":true,\"no\":false,\"n\":12,\"zero\":"
	"0,"
	"\"list\":[{\"item\":\"a\"},{\"item\":\"b\",\"name\":\"own\"}],\"empty\":[]}";

static void
is(const char *text, bool html, const char *want)
{
	const char *detail = NULL;
	const struct json *json = json_parse(arena, facts, strlen(facts), &detail);
	const char *mistake;
	struct str out;

	str_init(&out, arena);
	mistake = template_render(arena, text, json, html, &out);
	cr_assert_null(mistake, "%s: %s", text, mistake);
	cr_assert_str_eq(out.data, want, "%s: %s", text, out.data);
}

static void
is_wrong(const char *text)
{
	const char *detail = NULL;
	struct str out;

	str_init(&out, arena);
	cr_assert_not_null(template_render(arena, text,
				   json_parse(arena, facts, strlen(facts), &detail), false, &out),
		"%s", text);
}

Test(template, fills_in_values)
{
	is("", false, "");
	is("plain { text } }}", false, "plain { text } }}");
	is("{{n}} {{ n }}", false, "12 12");
	is("{{name}}", false, "A<&>\"'  B");
	is("{{name}}", true, "A&lt;&amp;&gt;&quot;&#39;  B");
	is("[{{none}}]", false, "[]");
}

Test(template, knows_sections)
{
	is("{{#yes}}y{{/yes}}{{#no}}n{{/no}}{{^no}}N{{/no}}{{^yes}}Y{{/yes}}", false, "yN");
	is("{{#none}}x{{/none}}{{^none}}y{{/none}}", false, "y");
	is("{{#n}}y{{/n}}{{^n}}Y{{/n}}{{#zero}}n{{/zero}}{{^zero}}N{{/zero}}", false, "yN");
	is("{{#list}}<{{item}}{{n}}>{{/list}}{{^list}}none{{/list}}", false, "<a12><b12>");
	is("{{#list}}{{name}};{{/list}}", true, "A&lt;&amp;&gt;&quot;&#39;  B;own;");
	is("{{#empty}}{{item}}{{/empty}}{{^empty}}none{{/empty}}", false, "none");
	is("{{#yes}}{{#list}}{{item}}{{/list}}{{/yes}}", false, "ab");
}

Test(template, leaves_no_empty_lines)
{
	is("a\n{{#yes}}\nb\n{{/yes}}\nc\n", false, "a\nb\nc\n");
	is("a\n  {{#list}}\n- {{item}}\n  {{/list}}\nc", false, "a\n- a\n- b\nc");
	is("a\n{{#no}}\nb\n{{/no}}\nc\n", false, "a\nc\n");
	is("a\n{{#empty}}\n{{item}}\n{{/empty}}\nc\n", false, "a\nc\n");
	is("a {{#yes}}b{{/yes}}\nc", false, "a b\nc");
}

Test(template, says_what_is_wrong)
{
	is_wrong("{{nobody}}");
	is_wrong("{{#nobody}}{{/nobody}}");
	is_wrong("{{#no}}{{nobody}}{{/no}}");
	is_wrong("{{#yes}}");
	is_wrong("{{#empty}}");
	is_wrong("{{/yes}}");
	is_wrong("{{#yes}}{{#no}}{{/yes}}{{/no}}");
	is_wrong("{{list}}");
	is_wrong("{{");
	is_wrong("{{}}");
	is_wrong("{{name");
	is_wrong("{{na me}}");
	is_wrong("{{Name}}");
	is_wrong("{{item}}");
	is_wrong("{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}{{#yes}}x"
		 "{{/yes}}{{/yes}}{{/yes}}{{/yes}}{{/yes}}{{/yes}}{{/yes}}{{/yes}}{{/yes}}");
}
