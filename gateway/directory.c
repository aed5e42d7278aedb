#include "gateway/directory.h"

#include "hub/base/oid.h"
#include "hub/data/json.h"

/* The specific types of mCSD 4.0, synchronous; and what the general types mean without one. */
static const struct {
    const char *code;
    unsigned services; /* a bit each */
} TYPES[] = {
    {"XCA-RespGateway-Query", 1u << SERVICE_QUERY},
    {"XCA-RespGateway-Retrieve", 1u << SERVICE_RETRIEVE},
    {"XCPD-RespGateway-PatientDiscovery", 1u << SERVICE_DISCOVERY},
    {"ihe-xca", 1u << SERVICE_QUERY | 1u << SERVICE_RETRIEVE},
    {"ihe-xcpd", 1u << SERVICE_DISCOVERY},
};

static unsigned services_of(struct str code)
{
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        if (str_eq(code, str_from(TYPES[i].code)))
            return TYPES[i].services;
    return 0;
}

static bool is_resource(const json_t *entry, const char *type)
{
    const json_t *resource = json_object_get(entry, "resource");

    return str_eq(json_member(resource, "resourceType"), str_from(type));
}

/* --- whose an endpoint is ----------------------------------------------------------------------
 */

static struct str home_among(const json_t *resource)
{
    const json_t *all = json_object_get(resource, "identifier");

    for (size_t i = 0; i < json_array_size(all); i++) {
        struct str value = json_member(json_array_get(all, i), "value");
        struct str oid = oid_strip_urn(value);

        if (oid.n < value.n && oid_valid(oid))
            return oid;
    }
    return STR_NONE;
}

/* By "Organization/ID", or by the URL that the Bundle has it under. */
static bool is_meant(const json_t *entry, struct str reference)
{
    const json_t *resource = json_object_get(entry, "resource");
    struct str id = json_member(resource, "id"), url = json_member(entry, "fullUrl");
    struct str prefix = STR("Organization/");

    if (reference.n == 0)
        return false;
    if (str_starts(reference, prefix) && id.n > 0)
        return str_eq(str_slice(reference, prefix.n, reference.n), id);
    return str_eq(reference, url);
}

static struct str home_of(const json_t *entries, const json_t *endpoint)
{
    struct str reference =
        json_member(json_object_get(endpoint, "managingOrganization"), "reference");
    struct str home = home_among(endpoint);

    for (size_t i = 0; home.n == 0 && i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);

        if (is_resource(entry, "Organization") && is_meant(entry, reference))
            home = home_among(json_object_get(entry, "resource"));
    }
    return home;
}

/* --- what an endpoint is -----------------------------------------------------------------------
 */

static unsigned coded_services(const json_t *concept)
{
    const json_t *codings = json_object_get(concept, "coding");
    unsigned services = 0;

    for (size_t i = 0; i < json_array_size(codings); i++)
        services |= services_of(json_member(json_array_get(codings, i), "code"));
    return services;
}

/* StructureDefinition/ihe-endpointspecifictype, however it is written. */
static bool is_specific_type(struct str url)
{
    struct str name = STR("endpointspecifictype");

    return url.n >= name.n && str_eq_nocase(str_slice(url, url.n - name.n, url.n), name);
}

/* The specific type says more than the general one, also when it says: nothing that is asked here.
 */
static unsigned endpoint_services(const json_t *endpoint)
{
    const json_t *extensions = json_object_get(endpoint, "extension");
    unsigned services = 0;
    bool is_specific = false;

    for (size_t i = 0; i < json_array_size(extensions); i++) {
        const json_t *extension = json_array_get(extensions, i);

        if (!is_specific_type(json_member(extension, "url")))
            continue;
        is_specific = true;
        services |= coded_services(json_object_get(extension, "valueCodeableConcept"));
    }
    if (is_specific)
        return services;
    return services_of(json_member(json_object_get(endpoint, "connectionType"), "code"));
}

/* --- the communities ---------------------------------------------------------------------------
 */

static struct directory_community *community_of(struct arena *a, struct directory *d,
                                                struct str home)
{
    for (size_t i = 0; i < d->n; i++)
        if (str_eq(d->v[i].home, home))
            return &d->v[i];
    d->v[d->n] = (struct directory_community){.home = str_dup(a, home)};
    return &d->v[d->n++];
}

/* The first of several for one service stays: which of them is right, nobody here can say. */
static void take_endpoint(struct arena *a, const json_t *entries, const json_t *endpoint,
                          struct directory *d)
{
    unsigned services = endpoint_services(endpoint);
    struct str url = json_member(endpoint, "address"), home;
    struct directory_community *c;

    if (services == 0 || !str_eq(json_member(endpoint, "status"), STR("active")))
        return;
    home = home_of(entries, endpoint);
    if (home.n == 0 || !str_starts(url, STR("https://"))) {
        d->left_out++;
        return;
    }
    c = community_of(a, d, home);
    for (int i = 0; i < DIRECTORY_SERVICES; i++) {
        if ((services & 1u << i) == 0)
            continue;
        if (c->urls[i].n == 0)
            c->urls[i] = str_dup(a, url);
        else
            d->left_out += !str_eq(c->urls[i], url);
    }
}

enum status directory_read(struct arena *a, struct str bytes, struct directory *out,
                           struct errors *err)
{
    const struct json_limits limits = {DIRECTORY_MAX, 40};
    const json_t *entries;
    json_t *root;

    *out = (struct directory){0};
    TRY(json_read(a, bytes, &limits, "directory", err, &root));
    if (!str_eq(json_member(root, "resourceType"), STR("Bundle")))
        return fail(err, INVALID, "directory", "a FHIR Bundle is wanted");
    entries = json_object_get(root, "entry");
    if (json_array_size(entries) > DIRECTORY_ENTRIES)
        return fail(err, INVALID, "directory", "more than %d entries", DIRECTORY_ENTRIES);
    out->v = ARENA_ARRAY(a, json_array_size(entries), struct directory_community);
    for (size_t i = 0; i < json_array_size(entries); i++)
        if (is_resource(json_array_get(entries, i), "Endpoint"))
            take_endpoint(a, entries, json_object_get(json_array_get(entries, i), "resource"), out);
    return OK;
}
