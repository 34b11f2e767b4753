/*
 * The first header of every file: standard types, and functions that nobody here may use.
 */
#ifndef HOLDFAST_BASE_H
#define HOLDFAST_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Banned: they overrun, keep hidden state, or hide errors. Each has a better name in base/. */
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gmtime localtime ctime
#pragma GCC poison atoi atol atoll atof rand srand

#endif
