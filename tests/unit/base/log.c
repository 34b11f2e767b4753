/*
 * Log lines: one a call, safe whatever the values are.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <unistd.h>

#include "base/log.h"

Test(log, values_cannot_break_a_line)
{
	char big[1000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	cr_assert_str_eq(log_value(NULL), "-");
	cr_assert_str_eq(log_value(""), "-");
	cr_assert_str_eq(log_value("a b\n\"c\"=d\x7f\xc3\xa9"), "a_b__c__d___");
	cr_assert_eq(strlen(log_value(big)), 200);
}

Test(log, ring_holds_several_values_at_once)
{
	const char *one = log_value("one");
	const char *two = log_value("two");

	cr_assert_str_eq(one, "one");
	cr_assert_str_eq(two, "two");
}

Test(log, lines_have_level_and_program_and_end_once, .init = cr_redirect_stderr)
{
	char text[4096] = "";
	FILE *err = cr_get_redirected_stderr();
	char big[3000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_init("test", LOG_WARN);
	log_line(LOG_INFO, "not=shown");
	log_line(LOG_WARN, "a=%d", 1);
	log_line(LOG_ERROR, "big=%s", big);
	close(STDERR_FILENO);
	cr_assert_gt(fread(text, 1, sizeof(text) - 1, err), 0);
	cr_assert(strstr(text, " warn program=test pid="), "%s", text);
	cr_assert(strstr(text, " a=1\n"));
	cr_assert_null(strstr(text, "not=shown"));
	cr_assert_leq(strlen(strstr(text, " error ")), 2048);
	cr_assert_eq(text[strlen(text) - 1], '\n');
}
