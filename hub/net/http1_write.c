#include "hub/net/http1_write.h"

#include <time.h>

#include "hub/base/clock.h"

const char *http1_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

enum http1_framing http1_framing_of(const struct reply *rp, int minor_version)
{
    if (rp->http_status == 204 || rp->http_status == 304)
        return HTTP1_NO_BODY;
    if (rp->length != LENGTH_UNKNOWN)
        return HTTP1_LENGTH;
    return minor_version > 0 ? HTTP1_CHUNKED : HTTP1_TO_CLOSE;
}

/* RFC 9110 section 5.6.7, in English whatever the locale. */
static void write_date(struct strbuf *to)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = (time_t)(clock_now_us() / US_PER_SECOND);
    struct tm t;

    gmtime_r(&now, &t);
    strbuf_addf(to, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n", days + 3 * t.tm_wday,
                t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void write_text(struct strbuf *to, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        strbuf_addc(to, c < 0x20 || c == 0x7f ? ' ' : s.p[i]);
    }
}

static void write_framing(struct strbuf *to, const struct reply *rp, enum http1_framing framing)
{
    if (framing == HTTP1_LENGTH)
        strbuf_addf(to, "Content-Length: %llu\r\n", (unsigned long long)rp->length);
    else if (framing == HTTP1_CHUNKED)
        strbuf_lit(to, "Transfer-Encoding: chunked\r\n");
}

void http1_write_head(struct strbuf *to, const struct reply *rp, enum http1_framing framing,
                      bool close)
{
    strbuf_addf(to, "HTTP/1.1 %d %s\r\n", rp->http_status, http1_reason(rp->http_status));
    write_date(to);
    write_framing(to, rp, framing);
    if (close)
        strbuf_lit(to, "Connection: close\r\n");
    for (size_t i = 0; i < rp->field_count; i++) {
        write_text(to, rp->fields[i].name);
        strbuf_lit(to, ": ");
        write_text(to, rp->fields[i].value);
        strbuf_lit(to, "\r\n");
    }
    strbuf_lit(to, "\r\n");
}
