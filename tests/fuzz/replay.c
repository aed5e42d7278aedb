/* Replays files, or folders of files, through a fuzz target: the regression half of fuzzing. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(16 << 20);
    size_t n;

    if (f == NULL || data == NULL) {
        perror(path);
        exit(2);
    }
    n = fread(data, 1, 16 << 20, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 1;
}

static int replay(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char full[4096];
    int files = 0;

    if (folder == NULL)
        return replay_file(path);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(full, sizeof(full), "%s/%s", path, entry->d_name);
        files += replay_file(full);
    }
    closedir(folder);
    return files;
}

int main(int argc, char **argv)
{
    int files = 0;

    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        files += replay(argv[i]);
    printf("%d inputs replayed\n", files);
    return files > 0 ? 0 : 1;
}
