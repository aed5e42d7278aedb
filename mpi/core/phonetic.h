/* How a name sounds, roughly, in European spellings: consonants by class, vowels only in front.
 * STEPHEN and STEVEN share a code, as do MEYER, MAIER and MEIR. Pure, any thread. */
#pragma once

#include "hub/base/str.h"

/* Of one folded word: up to six sounds of five bits, first sound topmost; 0: none. A word of
 * another script gives a hash of its first letters, with the topmost bit set. */
uint32_t mpi_phonetic(struct str word);
