/*
 * Questions one at a time, before and after a run: waits for each answer, and asks again where the
 * server asks for patience.
 */
#ifndef HOLDFAST_ASK_H
#define HOLDFAST_ASK_H

#include <signal.h>

#include "base/json.h"
#include "load/wire.h"

struct ask {
	struct wire wire;
	const char *token;                 /* NULL: nobody's */
	const char *key;                   /* of all tries of what is asked next; NULL: none */
	const volatile sig_atomic_t *stop; /* set: give up */
	struct arena *arena;               /* of answers */
	const struct json *json;           /* the last one; NULL: it was none */
	int status;                        /* 0: no answer */
	int64_t wait_s;
};

void ask_init(struct ask *ask, struct loop *loop, const struct target *target, struct arena *arena,
	const volatile sig_atomic_t *stop);
void ask_release(struct ask *ask);

/*
 * The answer, which lives on the arena, if it has the status wanted; else NULL with a sentence in
 * *wrong.
 */
const struct json *ask_json(struct ask *ask, const char *method, const char *path, const char *body,
	int wanted, const char **wrong);

/* Lets so much time go by, or less if all is to stop. */
void ask_pause(const struct ask *ask, int64_t ms);

/* Members of answers, which are not trusted: NULL, or the fallback, where they are wrong. */
const char *ask_text(const struct json *object, const char *name);
const char *ask_id(const struct json *object, const char *name); /* visible ASCII, no quotes */
int64_t ask_int(const struct json *object, const char *name, int64_t fallback);
const struct json *ask_list(const struct json *object, const char *name);

/* The slug of a problem's type; NULL: it has none. */
const char *ask_problem(const struct json *object);

#endif
