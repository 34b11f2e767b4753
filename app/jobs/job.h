/*
 * The frame of every job: options, one copy at a time, a budget of time, signals, the summary line
 * and the book-keeping. A job's own file has its table and one function that does one batch.
 */
#ifndef HOLDFAST_JOB_H
#define HOLDFAST_JOB_H

#include "domain/context.h"

/* A run under way, as its batches see it. */
struct job_run {
	int64_t limit; /* --limit: most rows in this run; INT64_MAX: none given */
	int64_t rows;  /* done so far, kept by the frame */
	bool dry_run;
	bool verbose;
	int64_t for_seconds; /* --for; where it is not given, what `options` says, or the job */
	const char *name;    /* of the job, where it is not that of the program */
	bool apart;          /* a piece by hand: beside other runs, and no run of the job */
	bool failed;         /* set by a batch: a part of the work failed, or found what is wrong */
	bool more; /* set by a batch that did no rows, or shows only, where another may have some */
	const char
		*detail; /* "key=value …" for the summary line, on the process's arena; or NULL */
	struct arena *arena; /* lives as long as the run; the context's is reset after each batch */
	void *state;         /* the job's own */
};

struct job {
	struct conf_program program; /* options: the job's own, beside the common ones */
	int64_t for_seconds;         /* --for where it is not given */
	bool derives_ids;            /* from id_secret, which production must have then */
	/* Takes the job's own options out of the configuration; may be NULL. */
	void (*options)(struct conf *conf, struct job_run *run);
	/*
	 * One batch: a short transaction and what follows it. *done: rows of it; 0 ends the run
	 * unless it sets more. With dry_run it says what it would do, and more alone goes on.
	 */
	enum problem (*batch)(struct context *house, struct job_run *run, int64_t *done);
};

/*
 * main() of a job. Exit status: 0 done, or another copy is at it; 1 failed; 2 usage; 75 a server is
 * away (EX_TEMPFAIL of sysexits.h). SIGTERM and SIGINT end it after the batch that is under way.
 */
int job_main(const struct job *job, int argc, char **argv);

#endif
