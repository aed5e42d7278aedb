/* What libFuzzer, and replay.c without it, call in every fuzz target. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Once, before all inputs; `ready` is evaluated, and false ends the target. */
#define FUZZ_PREPARE(ready)                                                                        \
    int LLVMFuzzerInitialize(int *argc, char ***argv)                                              \
    {                                                                                              \
        (void)argc;                                                                                \
        (void)argv;                                                                                \
        return (ready) ? 0 : -1;                                                                   \
    }
