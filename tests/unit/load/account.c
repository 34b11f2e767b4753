/*
 * Accounts: how one comes into force though answers are lost, and what their file keeps.
 */
#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load/account.h"

#define URL "http://127.0.0.1:8080"

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

TestSuite(account, .init = begin, .fini = end);

static enum account_step
hear(struct account *account, enum account_step step, int status, const char *body)
{
	const char *detail;

	return account_hear(
		account, step, status, json_parse(arena, body, strlen(body), &detail), 1000);
}

#define TOKENS "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"expires_in\":900}"

Test(account, registers_and_logs_in)
{
	struct account account;

	account_init(&account);
	cr_assert_eq(account_next(&account, 1000), ACCOUNT_REGISTER);
	cr_assert_eq(hear(&account, ACCOUNT_REGISTER, 201, "{\"user_id\":\"u-1\"}"), ACCOUNT_LOGIN);
	cr_assert_eq(hear(&account, ACCOUNT_LOGIN, 200, TOKENS), ACCOUNT_READY);
	cr_assert_eq(account_next(&account, 1000), ACCOUNT_READY);
	cr_assert_eq(account_next(&account, 1890), ACCOUNT_REFRESH);
	free(account.access);
}

Test(account, asks_who_it_is_where_nobody_said)
{
	struct account account;
	struct request request;

	account_init(&account);
	cr_assert_eq(hear(&account, ACCOUNT_REGISTER, 409, "{}"), ACCOUNT_LOGIN);
	cr_assert_eq(hear(&account, ACCOUNT_LOGIN, 200, TOKENS), ACCOUNT_WHO);
	cr_assert_eq(account_next(&account, 1000), ACCOUNT_WHO);
	account_ask(&account, ACCOUNT_WHO, arena, &request);
	cr_assert_str_eq(request.method, "GET");
	cr_assert_str_eq(request.path, "/auth/me");
	cr_assert_str_eq(request.token, "a");
	cr_assert_null(request.body);
	cr_assert_eq(hear(&account, ACCOUNT_WHO, 200, "{}"), ACCOUNT_FAILED);
	cr_assert_eq(hear(&account, ACCOUNT_WHO, 403, "{\"user_id\":\"u-1\"}"), ACCOUNT_FAILED);
	cr_assert_eq(hear(&account, ACCOUNT_WHO, 200, "{\"user_id\":\"u-1\"}"), ACCOUNT_READY);
	cr_assert_str_eq(account.user, "u-1");
	cr_assert_eq(account_next(&account, 1000), ACCOUNT_READY);
	free(account.access);
}

static char *
all_of(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	cr_assert_not_null(file);
	cr_assert_gt(getdelim(&text, &room, '\0', file), 0);
	fclose(file);
	return text;
}

Test(account, a_run_of_fewer_buyers_keeps_the_others)
{
	static const char lines[] = "holdfast-loadgen accounts 1 " URL "\n"
				    "a@load.test pa u-1 ra ta 5\n"
				    "b@load.test pb u-2 rb tb 6\n"
				    "c@load.test pc u-3 rc - 0\n";
	char path[] = "/tmp/holdfast-accounts.XXXXXX", *rest, *text;
	struct account accounts[4];
	struct stat about;
	int fd = mkstemp(path);
	size_t found;

	cr_assert_eq(write(fd, lines, sizeof(lines) - 1), sizeof(lines) - 1);
	close(fd);
	for (size_t count = 1; count <= 4; count++) {
		cr_assert_null(account_read(path, URL, accounts, count, &found, &rest));
		cr_assert_eq(found, count < 3 ? count : 3);
		cr_assert(account_write(path, URL, accounts, found, rest));
		cr_assert(account_write(path, URL, accounts, found, rest), "as often as it likes");
		text = all_of(path);
		cr_assert_str_eq(text, lines, "%zu", count);
		for (size_t i = 0; i < found; i++)
			free(accounts[i].access);
		free(text);
		free(rest);
	}
	cr_assert_eq(stat(path, &about), 0);
	cr_assert_eq(about.st_mode & 0777, 0600);
	unlink(path);
}
