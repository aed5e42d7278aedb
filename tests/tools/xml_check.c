/* xml_check FILE: parses it as the hub parses what a client sent; prints accepted or refused, and
 * why. Exit status 0 either way, 2 when the file cannot be read. */
#include <stdio.h>
#include <stdlib.h>

#include "hub/base/arena.h"
#include "hub/data/xml.h"

static struct str read_whole(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    struct str all = STR_NONE;
    size_t most = XML_LIMITS.max_bytes + 1;

    if (f != NULL) {
        char *p = arena_alloc(a, most);

        all = str_of(p, fread(p, 1, most, f));
        fclose(f);
    }
    return all;
}

int main(int argc, char **argv)
{
    struct arena a;
    struct errors err;
    struct str bytes;
    xmlNode *root;

    arena_init(&a);
    errors_init(&err, &a);
    xml_init();
    bytes = argc == 2 ? read_whole(&a, argv[1]) : STR_NONE;
    if (bytes.p == NULL) {
        fprintf(stderr, "usage: xml_check FILE\n");
        return 2;
    }
    if (xml_parse(&a, bytes, &XML_LIMITS, &err, &root) == OK)
        printf("accepted: %s\n", root->name);
    else
        printf("refused: %.*s\n", STR_ARG(err.first->text));
    arena_dispose(&a);
    return 0;
}
