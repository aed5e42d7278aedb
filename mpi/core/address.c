#include "mpi/core/address.h"

#include "mpi/core/placeholder.h"
#include "mpi/core/text.h"

/* Short forms of streets' kinds, directions and the like: of the postal services of the US (USPS
 * publication 28), Canada, Australia and the UK. */
static const struct {
    const char *word, *shorter;
} ABBREVIATIONS[] = {
    {"ALLEY", "ALY"},       {"AVENUE", "AVE"},    {"AV", "AVE"},        {"AVEN", "AVE"},
    {"BOULEVARD", "BLVD"},  {"BVD", "BLVD"},      {"BOUL", "BLVD"},     {"BRIDGE", "BRG"},
    {"BYPASS", "BYP"},      {"CIRCLE", "CIR"},    {"CIRC", "CIR"},      {"CIRCUIT", "CCT"},
    {"CLOSE", "CL"},        {"COURT", "CT"},      {"CRT", "CT"},        {"COVE", "CV"},
    {"CRESCENT", "CRES"},   {"CR", "CRES"},       {"CRESENT", "CRES"},  {"CRST", "CRES"},
    {"DRIVE", "DR"},        {"DRV", "DR"},        {"ESPLANADE", "ESP"}, {"ESTATE", "EST"},
    {"EXPRESSWAY", "EXPY"}, {"FREEWAY", "FWY"},   {"GARDENS", "GDNS"},  {"GARDEN", "GDNS"},
    {"GROVE", "GR"},        {"GRV", "GR"},        {"HEIGHTS", "HTS"},   {"HIGHWAY", "HWY"},
    {"HILL", "HL"},         {"HOLLOW", "HOLW"},   {"JUNCTION", "JCT"},  {"LANE", "LN"},
    {"LANDING", "LNDG"},    {"LOOP", "LP"},       {"MANOR", "MNR"},     {"MEADOWS", "MDWS"},
    {"MOUNT", "MT"},        {"MOUNTAIN", "MTN"},  {"PARADE", "PDE"},    {"PARK", "PK"},
    {"PARKWAY", "PKWY"},    {"PASSAGE", "PSGE"},  {"PLACE", "PL"},      {"PLAZA", "PLZ"},
    {"POINT", "PT"},        {"RANCH", "RNCH"},    {"RIDGE", "RDG"},     {"ROAD", "RD"},
    {"ROUTE", "RTE"},       {"RUE", "R"},         {"SQUARE", "SQ"},     {"STATION", "STA"},
    {"STREET", "ST"},       {"STR", "ST"},        {"STRT", "ST"},       {"SUMMIT", "SMT"},
    {"TERRACE", "TER"},     {"TCE", "TER"},       {"TERR", "TER"},      {"TRACE", "TRCE"},
    {"TRAIL", "TRL"},       {"TURNPIKE", "TPKE"}, {"VALLEY", "VLY"},    {"VIEW", "VW"},
    {"VILLAGE", "VLG"},     {"WAY", "WY"},        {"NORTH", "N"},       {"SOUTH", "S"},
    {"EAST", "E"},          {"WEST", "W"},        {"NORTHEAST", "NE"},  {"NORTHWEST", "NW"},
    {"SOUTHEAST", "SE"},    {"SOUTHWEST", "SW"},  {"STRASSE", "STR"},   {"SAINT", "ST"},
    {"FORT", "FT"},         {"FIRST", "1ST"},     {"SECOND", "2ND"},    {"THIRD", "3RD"},
    {"FOURTH", "4TH"},      {"FIFTH", "5TH"},     {"SIXTH", "6TH"},     {"SEVENTH", "7TH"},
    {"EIGHTH", "8TH"},      {"NINTH", "9TH"},     {"TENTH", "10TH"},
};

static const char *const UNITS[] = {
    "APT",      "APARTMENT", "UNIT", "SUITE", "STE",   "FLAT", "ROOM",    "RM",
    "FLOOR",    "FL",        "LOT",  "SPC",   "SPACE", "TRLR", "TRAILER", "BLDG",
    "BUILDING", "LEVEL",     "SHOP", "VILLA", "UNT",   "NO",   NULL,
};

/* Two letters stand for a state; longer names are cut to theirs. */
static const struct {
    const char *name, *code;
} STATES[] = {
    {"ALABAMA", "AL"},
    {"ALASKA", "AK"},
    {"ARIZONA", "AZ"},
    {"ARKANSAS", "AR"},
    {"CALIFORNIA", "CA"},
    {"COLORADO", "CO"},
    {"CONNECTICUT", "CT"},
    {"DELAWARE", "DE"},
    {"DISTRICT OF COLUMBIA", "DC"},
    {"FLORIDA", "FL"},
    {"GEORGIA", "GA"},
    {"HAWAII", "HI"},
    {"IDAHO", "ID"},
    {"ILLINOIS", "IL"},
    {"INDIANA", "IN"},
    {"IOWA", "IA"},
    {"KANSAS", "KS"},
    {"KENTUCKY", "KY"},
    {"LOUISIANA", "LA"},
    {"MAINE", "ME"},
    {"MARYLAND", "MD"},
    {"MASSACHUSETTS", "MA"},
    {"MICHIGAN", "MI"},
    {"MINNESOTA", "MN"},
    {"MISSISSIPPI", "MS"},
    {"MISSOURI", "MO"},
    {"MONTANA", "MT"},
    {"NEBRASKA", "NE"},
    {"NEVADA", "NV"},
    {"NEW HAMPSHIRE", "NH"},
    {"NEW JERSEY", "NJ"},
    {"NEW MEXICO", "NM"},
    {"NEW YORK", "NY"},
    {"NORTH CAROLINA", "NC"},
    {"NORTH DAKOTA", "ND"},
    {"OHIO", "OH"},
    {"OKLAHOMA", "OK"},
    {"OREGON", "OR"},
    {"PENNSYLVANIA", "PA"},
    {"PUERTO RICO", "PR"},
    {"RHODE ISLAND", "RI"},
    {"SOUTH CAROLINA", "SC"},
    {"SOUTH DAKOTA", "SD"},
    {"TENNESSEE", "TN"},
    {"TEXAS", "TX"},
    {"UTAH", "UT"},
    {"VERMONT", "VT"},
    {"VIRGINIA", "VA"},
    {"WASHINGTON", "WA"},
    {"WEST VIRGINIA", "WV"},
    {"WISCONSIN", "WI"},
    {"WYOMING", "WY"},
    {"NEW SOUTH WALES", "NSW"},
    {"VICTORIA", "VIC"},
    {"QUEENSLAND", "QLD"},
    {"SOUTH AUSTRALIA", "SA"},
    {"WESTERN AUSTRALIA", "WA"},
    {"TASMANIA", "TAS"},
};

static struct str shorten(struct str word)
{
    for (size_t i = 0; i < sizeof(ABBREVIATIONS) / sizeof(ABBREVIATIONS[0]); i++)
        if (mpi_text_is(word, ABBREVIATIONS[i].word))
            return str_from(ABBREVIATIONS[i].shorter);
    return word;
}

static struct str state_of(struct arena *a, struct str s)
{
    struct str state = mpi_text_fold(a, s);

    for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++)
        if (mpi_text_is(state, STATES[i].name))
            return str_from(STATES[i].code);
    return mpi_placeholder_word(state) ? STR_NONE : state;
}

static bool has_digit(struct str word)
{
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] >= '0' && word.p[i] <= '9')
            return true;
    return false;
}

static bool starts_with_digit(struct str word)
{
    return word.n > 0 && word.p[0] >= '0' && word.p[0] <= '9';
}

/* 12, 12A, 4 12: not 3RD. */
static bool house_number(struct str word)
{
    return starts_with_digit(word) &&
           !(word.n >= 3 && (str_ends(word, STR("ST")) || str_ends(word, STR("ND")) ||
                             str_ends(word, STR("RD")) || str_ends(word, STR("TH"))));
}

/* APT 4 B: the marker and what follows, or what precedes a street (UNIT 4 12 MAIN ST). */
static size_t take_unit(struct str *words, size_t n, struct str *unit)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if (!mpi_text_listed(words[i], UNITS) || !(has_digit(words[i + 1]) || i + 2 == n))
            continue;
        *unit = words[i + 1];
        for (size_t j = i; j + 2 < n; j++)
            words[j] = words[j + 2];
        return n - 2;
    }
    return n;
}

/* PO BOX 7: the box is the number. */
static bool take_box(struct str *words, size_t n, struct mpi_place_name *out)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (str_eq(words[i], STR("BOX")) && has_digit(words[i + 1])) {
            out->street = STR("PO BOX");
            out->number = words[i + 1];
            return true;
        }
    return false;
}

/* A street as it is written, perhaps with number and unit. */
static void read_street(struct arena *a, struct str s, struct mpi_place_name *out)
{
    struct str folded = mpi_text_fold(a, s), words[MPI_TOKENS_MAX], unit = STR_NONE;
    size_t n, first = 0;

    if (mpi_placeholder_street(folded))
        return;
    n = mpi_text_tokens(folded, words, MPI_TOKENS_MAX);
    if (take_box(words, n, out))
        return;
    n = take_unit(words, n, &unit);
    if (n > 1 && house_number(words[0])) {
        bool two = n > 2 && house_number(words[1]); /* 4/12 SMITH ST: unit 4 */

        unit = two && unit.n == 0 ? words[0] : unit;
        first = two ? 2 : 1;
        out->number = out->number.n > 0 ? out->number : words[first - 1];
    } else if (n > 1 && house_number(words[n - 1]) && out->number.n == 0) {
        out->number = words[--n]; /* HAUPTSTRASSE 12 */
    }
    out->unit = out->unit.n > 0 ? out->unit : unit;
    for (size_t i = first; i < n; i++)
        words[i] = shorten(words[i]);
    out->street = mpi_text_join(a, words + first, n - first, ' ');
}

/* 62704-1234 -> 62704; TQ13 8DF -> TQ138DF. */
static struct str postcode_of(struct arena *a, struct str s)
{
    struct str folded = mpi_text_fold(a, s), words[MPI_TOKENS_MAX], joined;
    size_t n = mpi_text_tokens(folded, words, MPI_TOKENS_MAX);

    if (n == 2 && words[0].n == 5 && mpi_text_all_digits(words[0]) && words[1].n == 4)
        n = 1;
    joined = mpi_text_join(a, words, n, 0);
    if (joined.n == 9 && mpi_text_all_digits(joined))
        joined = str_slice(joined, 0, 5);
    if (mpi_placeholder_word(joined) || (joined.n > 3 && mpi_placeholder_digits(joined)))
        return STR_NONE;
    return str_slice(joined, 0, 12);
}

struct str mpi_place_read(struct arena *a, struct str s)
{
    struct str words[MPI_TOKENS_MAX], folded = mpi_text_fold(a, s);
    size_t n = mpi_text_tokens(folded, words, MPI_TOKENS_MAX);

    if (mpi_placeholder_street(folded))
        return STR_NONE;
    if (n > 1 && (str_eq(words[0], STR("SAINT")) || str_eq(words[0], STR("MOUNT")) ||
                  str_eq(words[0], STR("FORT"))))
        words[0] = shorten(words[0]);
    return mpi_text_join(a, words, n, ' ');
}

/* ..., IL 62704: what ends the last segment. Returns the words that are left. */
static size_t take_tail(struct arena *a, const struct str *words, size_t n,
                        struct mpi_place_name *out)
{
    if (n > 1 && has_digit(words[n - 1]) && words[n - 1].n == 4 && words[n - 2].n == 5 &&
        has_digit(words[n - 2]))
        n--;
    if (n > 1 && words[n - 1].n == 3 && has_digit(words[n - 1]) && has_digit(words[n - 2])) {
        out->postcode = mpi_text_join(a, words + n - 2, 2, 0); /* TQ13 8DF */
        n -= 2;
    } else if (n > 0 && has_digit(words[n - 1]) && words[n - 1].n >= 4) {
        out->postcode = words[--n];
    }
    if (n > 0 && words[n - 1].n <= 3 && !has_digit(words[n - 1]))
        out->state = words[--n];
    return n;
}

enum { SEGMENTS_MAX = 8 };

static void read_whole(struct arena *a, struct str whole, struct mpi_place_name *out)
{
    struct str segments[SEGMENTS_MAX], words[MPI_TOKENS_MAX], street[SEGMENTS_MAX];
    size_t count = 0, n, used;

    whole = str_slice(whole, 0, MPI_TEXT_MAX);
    while (whole.p != NULL && count < SEGMENTS_MAX) {
        struct str s = mpi_text_fold(a, str_cut(&whole, ','));

        if (s.n > 0)
            segments[count++] = s;
    }
    if (count == 0)
        return;
    n = mpi_text_tokens(segments[count - 1], words, MPI_TOKENS_MAX);
    n = count > 1 ? take_tail(a, words, n, out) : n;
    segments[count - 1] = mpi_text_join(a, words, n, ' ');
    if (n == 0)
        count--;
    used = count > 1 ? count - 1 : count;
    if (count > 1)
        out->city = mpi_place_read(a, segments[count - 1]);
    for (size_t i = 0; i < used; i++)
        street[i] = segments[i];
    read_street(a, mpi_text_join(a, street, used, ' '), out);
}

/* A house number or a unit in a field of its own: 12-A -> 12A, APT 4 -> 4. */
static struct str short_part(struct arena *a, struct str s)
{
    struct str words[MPI_TOKENS_MAX];
    size_t n = mpi_text_tokens(mpi_text_fold(a, s), words, MPI_TOKENS_MAX);
    size_t first = n > 1 && mpi_text_listed(words[0], UNITS) ? 1 : 0;
    struct str part = mpi_text_join(a, words + first, n - first, 0);

    return mpi_placeholder_word(part) ? STR_NONE : part;
}

void mpi_address_read(struct arena *a, const struct mpi_input_address *in,
                      struct mpi_place_name *out)
{
    *out = (struct mpi_place_name){0};
    if (in->whole.n > 0)
        read_whole(a, in->whole, out);
    if (in->number.n > 0)
        out->number = short_part(a, in->number);
    if (in->unit.n > 0)
        out->unit = short_part(a, in->unit);
    if (in->street.n > 0)
        read_street(a, in->street, out);
    if (in->city.n > 0)
        out->city = mpi_place_read(a, in->city);
    if (in->state.n > 0)
        out->state = state_of(a, in->state);
    if (in->postcode.n > 0)
        out->postcode = postcode_of(a, in->postcode);
}
