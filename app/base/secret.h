/*
 * What production takes for a secret.
 */
#ifndef HOLDFAST_SECRET_H
#define HOLDFAST_SECRET_H

#include "base/base.h"

#define SECRET_BYTES_MIN 32

/* Too short, hardly random, or copied from somebody's example. */
bool secret_is_weak(const char *secret);

#endif
