/*
 * Hashes passwords as fast as it goes, as the log-in does:
 *
 *   hash PROCESSES SECONDS COST
 *
 * Prints one line of JSON: how many a second all processes have made together.
 */
#include "base/base.h"

#include <crypt.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 256

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Writes how many a second this process makes; its exit status. */
static int
hash_run(int out, double seconds, unsigned long cost)
{
	struct crypt_data data = { 0 };
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	int64_t began_us = now_us();
	double rate;
	long count = 0;

	if (!crypt_gensalt_rn("$y$", cost, NULL, 0, salt, sizeof(salt)))
		return 1;
	while ((double)(now_us() - began_us) < seconds * 1e6 || count == 0) {
		if (!crypt_rn("a horse of the benchmark", salt, &data, sizeof(data)))
			return 1;
		count++;
	}
	rate = (double)count * 1e6 / (double)(now_us() - began_us);
	return write(out, &rate, sizeof(rate)) != (ssize_t)sizeof(rate);
}

int
main(int argc, char **argv)
{
	int processes = argc == 4 ? (int)strtol(argv[1], NULL, 10) : 0;
	int ends[2], status;
	double rate, sum = 0;

	if (processes < 1 || processes > PROCESSES_MAX || pipe(ends) != 0) {
		fputs("usage: hash PROCESSES SECONDS COST\n", stderr);
		return 2;
	}
	for (int i = 0; i < processes; i++) {
		if (fork() == 0)
			return hash_run(ends[1], strtod(argv[2], NULL), strtoul(argv[3], NULL, 10));
	}
	for (int i = 0; i < processes; i++) {
		if (wait(&status) < 0 || status != 0)
			return 1;
		if (read(ends[0], &rate, sizeof(rate)) != (ssize_t)sizeof(rate))
			return 1;
		sum += rate;
	}
	printf("{\"rate\":%.1f}\n", sum);
	return 0;
}
