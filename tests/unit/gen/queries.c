/*
 * The generator of statements and scripts: what it makes of a good file, and that a contract which
 * is not that of its statement ends the build.
 */
#include <criterion/criterion.h>

#include "base/base.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/holdfast-gen.XXXXXX";

static void
begin(void)
{
	char noun[100];

	cr_assert_not_null(mkdtemp(dir));
	snprintf(noun, sizeof(noun), "%s/noun", dir);
	cr_assert_eq(mkdir(noun, 0700), 0);
}

static void
end(void)
{
	char line[100];

	snprintf(line, sizeof(line), "rm -r %s", dir);
	cr_assert_eq(system(line), 0);
}

TestSuite(gen, .init = begin, .fini = end, .timeout = 60);

/* Writes text into the file and runs the generator over it; its exit status. */
static int
make_of(const char *script, const char *file, const char *text)
{
	char path[100], line[400];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	out = fopen(path, "w");
	cr_assert_not_null(out);
	cr_assert_geq(fputs(text, out), 0);
	cr_assert_eq(fclose(out), 0);
	snprintf(line, sizeof(line), "app/gen/%s %s %s >%s/said 2>&1", script, dir, path, dir);
	return system(line);
}

/* Whether a file that was made holds the text. */
static bool
holds(const char *file, const char *text)
{
	char path[100], content[8192];
	size_t len;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	in = fopen(path, "r");
	cr_assert_not_null(in);
	len = fread(content, 1, sizeof(content) - 1, in);
	content[len] = '\0';
	fclose(in);
	return strstr(content, text) != NULL;
}

static int
query_of(const char *text)
{
	return make_of("queries.sh", "noun/verb.sql", text);
}

Test(gen, makes_a_function_of_a_statement)
{
	cr_assert_eq(
		query_of("-- noun/verb: does it.\n-- in: a int, b text?,\n-- in: c bool, d int?\n"
			 "-- out: x text, y int\n-- by: one two\n-- then: flush\n"
			 "select \"x\", '\\' from f($1, $2, $3, $4)\n"),
		0);
	cr_assert(holds("queries.h", "enum { NOUN_VERB_X, NOUN_VERB_Y };"));
	cr_assert(holds("queries.h", "int64_t a, const char *b, bool c, const int64_t *d);"));
	cr_assert(holds("queries.c", ".params = 4"));
	cr_assert(holds("queries.c", ".used_by = \" one two \""));
	cr_assert(holds("queries.c", ".flush = true"));
	cr_assert(holds("queries.c", ".durable = true"));
	cr_assert(holds("queries.c", "select \\\"x\\\", '\\\\' from f($1, $2, $3, $4)"));
}

Test(gen, knows_what_waits_for_the_disk)
{
	cr_assert_eq(
		query_of("-- noun/verb: does it.\n-- by: one\n-- commits: durably\nselect 1\n"), 0);
	cr_assert(holds("queries.c", ".flush = false"));
	cr_assert(holds("queries.c", ".durable = true"));
	cr_assert_eq(query_of("-- noun/verb: does it.\n-- by: one\nselect 1\n"), 0);
	cr_assert(holds("queries.c", ".durable = false"));
}

Test(gen, refuses_a_contract_that_is_not_kept)
{
	static const char *const bad[] = {
		"select 1\n",
		"-- noun/other: it has another name.\n-- by: one\nselect 1\n",
		"-- noun/verb: nobody prepares it.\nselect 1\n",
		"-- noun/verb: a comma.\n-- by: one, two\nselect 1\n",
		"-- noun/verb: one too many.\n-- in: a int\n-- by: one\nselect 1\n",
		"-- noun/verb: one too few.\n-- in: a int\n-- by: one\nselect $1, $2\n",
		"-- noun/verb: no type.\n-- in: a\n-- by: one\nselect $1\n",
		"-- noun/verb: a word of C.\n-- in: int int\n-- by: one\nselect $1\n",
		("-- noun/verb: a word of the function's own.\n-- in: arena int\n-- by: "
		 "one\nselect "
		 "$1\n"),
		"-- noun/verb: a column without a type.\n-- out: x\n-- by: one\nselect 1\n",
		"-- noun/verb: another ending.\n-- by: one\n-- then: vacuum\nselect 1\n",
		"-- noun/verb: another commit.\n-- by: one\n-- commits: soon\nselect 1\n",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		cr_assert_neq(query_of(bad[i]), 0, "%s", bad[i]);
		cr_assert(holds("said", "noun/verb.sql: "), "%s", bad[i]);
	}
}

Test(gen, knows_a_script_by_its_hash)
{
	cr_assert_eq(make_of("scripts.sh", "noun/do-it.lua", "return \"it\" .. '\\\\'\n"), 0);
	cr_assert(holds("scripts.h", "extern const struct redis_script script_do_it;"));
	cr_assert(holds("scripts.c", "\"return \\\"it\\\" .. '\\\\\\\\'\\n\"\n"));
	cr_assert(holds("scripts.c", "9cda08c437c794e75a4a2815be35dfbec0472d36"));
}

Test(gen, puts_what_a_script_uses_in_front)
{
	cr_assert_eq(make_of("scripts.sh", "noun/one.lua", "local one = 1\n"), 0);
	cr_assert_eq(make_of("scripts.sh", "noun/do-it.lua", "-- uses: one\nreturn one\n"), 0);
	cr_assert(holds("lua/do-it.lua", "local one = 1\nreturn one\n"));
	cr_assert_neq(make_of("scripts.sh", "noun/do-it.lua", "-- uses: two\nreturn 1\n"), 0);
}

Test(gen, leaves_out_what_a_script_has_no_use_for)
{
	static const char text[] =
		"-- of no use to Redis\n"
		"local a = 1\nlocal b = a\nlocal call = redis.call\n\n"
		"local function one()\n  return a + call('TIME')[1]\nend\n\n"
		"local function two()\n  if b then\n    return one()\n  end\nend\n"
		"local function three() return 3 end -- at once\nlocal none = {\n  1,\n}\nlocal "
		"four = function()\n  return one\nend\n"
		"local c, d = 1, 2\nlocal e =\n  b\ncall('PING')\n"
		"if a then\n  a = 2\nend\nreturn d + a\n";

	cr_assert_eq(make_of("scripts.sh", "noun/do-it.lua", text), 0);
	cr_assert(holds("lua/do-it.lua",
		"local a = 1\nlocal call = redis.call\nlocal c, d = 1, 2\ncall('PING')\n"
		"if a then\n  a = 2\nend\nreturn d + a\n"));
	cr_assert(!holds("lua/do-it.lua", "b"));
	cr_assert(!holds("lua/do-it.lua", "function"));
}
