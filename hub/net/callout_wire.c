/* One attempt of a call on the wire: an easy handle, its callbacks, and what its end means. */
#include <openssl/ssl.h>
#include <stdio.h>

#include "hub/base/clock.h"
#include "hub/net/callout_priv.h"
#include "hub/net/media_type.h"
#include "hub/net/multipart.h"

enum { PARTS_MAX = 1100, CONNECT_MS = 10000 };

/* --- TLS -------------------------------------------------------------------------------------- */

static CURLcode set_up_tls(CURL *easy, void *ssl_context, void *p)
{
    struct flight *f = p;
    X509_STORE *store = X509_STORE_new();
    struct errors err;
    struct arena a;
    enum status s;

    (void)easy;
    must(store != NULL, "out of memory");
    SSL_CTX_set_cert_store(ssl_context, store); /* not the system's CAs: the region's */
    arena_init(&a);
    errors_init(&err, &a);
    s = dial_prepare(ssl_context, &f->callout->settings.tls, &err);
    if (s != OK)
        snprintf(f->call->words, CALL_WORDS, "%.*s", STR_ARG(err.first->text));
    arena_dispose(&a);
    return s == OK ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

/* Of https://HOST[:PORT]/PATH, without the brackets of IPv6. */
static void host_of(const char *url, char out[256])
{
    CURLU *u = curl_url();
    char *host = NULL;
    struct str h;

    out[0] = '\0';
    must(u != NULL, "out of memory");
    if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        h = str_from(host);
        if (h.n > 2 && h.p[0] == '[')
            h = str_slice(h, 1, h.n - 1);
        snprintf(out, 256, "%.*s", STR_ARG(h));
    }
    curl_free(host);
    curl_url_cleanup(u);
}

/* Before every request, on a kept connection too: what the certificate is worth may have changed.
 */
static int judge(void *p, char *peer, char *local, int peer_port, int local_port)
{
    struct flight *f = p;
    struct curl_tlssessioninfo *tls = NULL;
    struct dial_trust shown;
    char host[256];

    (void)peer, (void)local, (void)peer_port, (void)local_port;
    host_of(f->call->url, host);
    if (curl_easy_getinfo(f->easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || tls == NULL ||
        tls->internals == NULL)
        return CURL_PREREQFUNC_ABORT;
    shown = dial_trust_of(tls->internals, host);
    f->untrusted = !f->call->trust(f->call->trust_context, f->call, &shown);
    return f->untrusted ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* --- the answer ------------------------------------------------------------------------------- */

static struct str answer_type(struct flight *f)
{
    char *type = NULL;

    if (curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK || type == NULL)
        return STR_NONE;
    return str_dup(f->set->arena, str_from(type));
}

/* The first byte of a body: how is it packed? */
static void begin_answer(struct flight *f, struct str first)
{
    const struct multipart_limits limits = {.max_parts = PARTS_MAX,
                                            .max_memory = f->call->max_answer};

    f->begun = true;
    f->call->answer_type = answer_type(f);
    if (str_eq_nocase(media_type_essence(f->call->answer_type), STR("multipart/related")) &&
        !(f->call->raw_multipart && str_starts(str_trim(first), STR("<"))))
        f->multipart = multipart_new(f->set->arena, f->call->answer_type, f->call->sink, &limits);
    else
        f->gather = gather_new(f->set->arena, NULL);
}

static bool too_large(struct flight *f, size_t n)
{
    f->received += n;
    f->too_large = f->received > f->call->max_transfer ||
                   (f->gather != NULL && f->gather->n + n > f->call->max_answer);
    return f->too_large;
}

static size_t take(char *bytes, size_t size, size_t count, void *p)
{
    struct flight *f = p;
    struct str piece = {bytes, size * count};

    if (!f->begun)
        begin_answer(f, piece);
    if (too_large(f, piece.n))
        return 0;
    if (f->gather != NULL)
        return gather_add(f->gather, piece) ? piece.n : 0;
    if (multipart_feed(f->multipart, piece))
        return piece.n;
    f->too_large = multipart_status(f->multipart) == 413;
    f->malformed = !f->too_large;
    return 0;
}

/* --- the question ----------------------------------------------------------------------------- */

static size_t give(char *to, size_t size, size_t count, void *p)
{
    struct flight *f = p;
    struct byte_source *source = f->call->source;
    size_t n;

    f->unreadable = source->read(source, to, size * count, &n) != OK;
    return f->unreadable ? CURL_READFUNC_ABORT : n;
}

static void set_body(struct flight *f)
{
    const struct call *c = f->call;

    curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
    if (c->source == NULL) {
        curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
        curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, c->body.p);
        return;
    }
    must(!c->repeatable, "a body that is read once");
    curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->source->length);
    curl_easy_setopt(f->easy, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(f->easy, CURLOPT_READDATA, f);
    curl_easy_setopt(f->easy, CURLOPT_UPLOAD_BUFFERSIZE, 128L * 1024);
}

/* --- one attempt ------------------------------------------------------------------------------ */

static void add_field(struct flight *f, const char *line)
{
    struct curl_slist *grown = curl_slist_append(f->fields, line);

    must(grown != NULL, "out of memory");
    f->fields = grown;
}

static void add_fields(struct flight *f)
{
    const struct call *c = f->call;

    add_field(f, str_printf(f->set->arena, "Content-Type: %.*s", STR_ARG(c->content_type)).p);
    add_field(f, "Expect:");
    add_field(f, "Accept:");
    for (size_t i = 0; i < c->field_count; i++)
        add_field(f, str_c(f->set->arena, c->fields[i]));
}

static void set_wire(struct flight *f, int64_t left_us)
{
    CURL *h = f->easy;

    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)(left_us / 1000) + 1);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(h, CURLOPT_BUFFERSIZE, 128L * 1024);
    curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, NULL);
    curl_easy_setopt(h, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    /* Verified all the same: dial_prepare asks OpenSSL to, and `judge` reads what it found before
     * any byte of a request leaves. curl's own check knows no certificate that is trusted by
     * itself (ITI-19). */
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(h, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
}

bool wire_begin(struct flight *f, int64_t now_us)
{
    struct call *c = f->call;

    f->easy = curl_easy_init();
    must(f->easy != NULL, "out of memory");
    f->untrusted = f->too_large = f->malformed = f->unreadable = f->begun = false;
    f->received = 0;
    f->gather = NULL;
    f->multipart = NULL;
    c->attempts++;
    add_fields(f);
    set_wire(f, f->set->started_us + c->hard_us - now_us);
    curl_easy_setopt(f->easy, CURLOPT_URL, c->url);
    curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->fields);
    set_body(f);
    /* On a kept connection that turns out to be closed libcurl would send it again by itself. */
    curl_easy_setopt(f->easy, CURLOPT_FRESH_CONNECT, c->repeatable ? 0L : 1L);
    curl_easy_setopt(f->easy, CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
    curl_easy_setopt(f->easy, CURLOPT_SSL_CTX_DATA, f);
    curl_easy_setopt(f->easy, CURLOPT_PREREQFUNCTION, judge);
    curl_easy_setopt(f->easy, CURLOPT_PREREQDATA, f);
    curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
    return curl_multi_add_handle(f->callout->multi, f->easy) == CURLM_OK;
}

static void say(struct call *c, enum call_end end, const char *words)
{
    c->end = end;
    if (c->words[0] == '\0' || end != CALL_UNREACHABLE)
        snprintf(c->words, CALL_WORDS, "%s", words);
}

static void take_answer(struct flight *f)
{
    struct call *c = f->call;

    c->end = CALL_ANSWERED;
    c->words[0] = '\0';
    if (f->gather != NULL)
        c->answer.bytes = gather_str(f->gather);
    if (f->multipart == NULL)
        return;
    if (!multipart_end(f->multipart)) {
        say(c, CALL_MALFORMED, "its multipart answer breaks off");
        return;
    }
    c->answer.parts = multipart_parts(f->multipart);
    c->answer.root = multipart_root(f->multipart);
}

void wire_end(struct flight *f, CURLcode result)
{
    struct call *c = f->call;
    long status = 0;

    curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    c->http_status = (int)status;
    if (f->untrusted)
        say(c, CALL_UNTRUSTED, "it shows a certificate that is not registered for it");
    else if (f->unreadable)
        say(c, CALL_CANCELLED, "what is sent to it cannot be read");
    else if (f->too_large)
        say(c, CALL_TOO_LARGE, "its answer is too large");
    else if (f->malformed)
        snprintf(c->words, CALL_WORDS, "its multipart answer: %.*s",
                 STR_ARG(multipart_fault(f->multipart))),
            c->end = CALL_MALFORMED;
    else if (result == CURLE_OPERATION_TIMEDOUT)
        say(c, CALL_LATE, "no whole answer in time");
    else if (result != CURLE_OK)
        say(c, CALL_UNREACHABLE, curl_easy_strerror(result));
    else
        take_answer(f);
    curl_multi_remove_handle(f->callout->multi, f->easy);
    curl_easy_cleanup(f->easy);
    curl_slist_free_all(f->fields);
    f->easy = NULL;
    f->fields = NULL;
}
