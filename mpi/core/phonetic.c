#include "mpi/core/phonetic.h"

#include <string.h>

enum { SOUNDS = 6 };

/* Spellings of more than one letter, longest first; "^" only in front of a word. A sound of '-' is
 * silent. */
static const struct {
    const char *spelling;
    char sound;
} SPELLINGS[] = {
    {"^KN", 'N'}, {"^GN", 'N'}, {"^PN", 'N'}, {"^WR", 'R'}, {"^PS", 'S'}, {"^MC", 'M'},
    {"SCH", 'S'}, {"TCH", 'S'}, {"CH", 'S'},  {"SH", 'S'},  {"PH", 'F'},  {"CK", 'K'},
    {"GH", '-'},  {"TH", 'T'},  {"DT", 'T'},  {"DG", 'S'},  {"CE", 'S'},  {"CI", 'S'},
    {"CY", 'S'},  {"GE", 'S'},  {"GI", 'S'},  {"X", 'S'},   {"Z", 'S'},   {"C", 'K'},
    {"Q", 'K'},   {"G", 'K'},   {"D", 'T'},   {"J", 'S'},   {"V", 'F'},   {"B", 'P'},
    {"N", 'N'},   {"M", 'M'},   {"L", 'L'},   {"R", 'R'},   {"S", 'S'},   {"T", 'T'},
    {"K", 'K'},   {"P", 'P'},   {"F", 'F'},   {"H", '-'},   {"W", '-'},
};

static bool vowel(char c)
{
    return c != 0 && strchr("AEIOUY", c) != NULL;
}

/* The sound at s[at] and how many letters make it. */
static char sound_at(struct str s, size_t at, size_t *length)
{
    for (size_t i = 0; i < sizeof(SPELLINGS) / sizeof(SPELLINGS[0]); i++) {
        struct str spelling = str_from(SPELLINGS[i].spelling);

        if (spelling.p[0] == '^') {
            if (at > 0)
                continue;
            spelling = str_slice(spelling, 1, spelling.n);
        }
        if (str_starts(str_slice(s, at, s.n), spelling)) {
            /* CE, CI, GE ...: the vowel is heard by itself */
            *length =
                spelling.n > 1 && vowel(spelling.p[spelling.n - 1]) ? spelling.n - 1 : spelling.n;
            return SPELLINGS[i].sound;
        }
    }
    *length = 1;
    return '-';
}

static uint32_t other_script(struct str word)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < word.n && i < 6; i++)
        h = (h ^ (unsigned char)word.p[i]) * 16777619u;
    return h | 0x80000000u;
}

uint32_t mpi_phonetic(struct str word)
{
    uint32_t code = 0;
    unsigned used = 0;
    char last = 0;

    if (word.n > 0 && (unsigned char)word.p[0] >= 0x80)
        return other_script(word);
    for (size_t i = 0; i < word.n && used < SOUNDS;) {
        size_t length = 1;
        char sound = vowel(word.p[i]) ? (i == 0 ? 'A' : '-') : sound_at(word, i, &length);

        if (sound != '-' && sound != last) {
            code |= (uint32_t)(sound - 'A' + 1) << (25 - 5 * used);
            used++;
        }
        if (sound != '-' || vowel(word.p[i]))
            last = sound; /* a vowel between two equal sounds lets both be heard */
        i += length;
    }
    return code;
}
