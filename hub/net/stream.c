#include "hub/net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

static enum stream_result judge(struct stream *s, int result)
{
    switch (SSL_get_error(s->session, result)) {
    case SSL_ERROR_WANT_READ:
        return STREAM_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return STREAM_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return STREAM_END;
    default:
        s->failed = true;
        return STREAM_FAILED;
    }
}

static enum stream_result judge_errno(struct stream *s, enum stream_result blocked)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return blocked;
    s->failed = true;
    return STREAM_FAILED;
}

enum stream_result stream_handshake(struct stream *s)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(s->session);
    return result == 1 ? STREAM_DONE : judge(s, result);
}

static enum stream_result read_tls(struct stream *s, char *to, size_t size, size_t *n)
{
    enum stream_result r;
    size_t got;

    do {
        int result;

        ERR_clear_error();
        result = SSL_read_ex(s->session, to + *n, size - *n, &got);
        r = result == 1 ? STREAM_DONE : judge(s, result);
        if (r == STREAM_DONE)
            *n += got;
    } while (r == STREAM_DONE && *n < size && SSL_has_pending(s->session));
    return *n > 0 ? STREAM_DONE : r;
}

enum stream_result stream_read(struct stream *s, char *to, size_t size, size_t *n)
{
    ssize_t got;

    *n = 0;
    if (s->failed)
        return STREAM_FAILED;
    if (s->session != NULL)
        return read_tls(s, to, size, n);
    got = recv(s->fd, to, size, 0);
    if (got < 0)
        return judge_errno(s, STREAM_WANT_READ);
    *n = (size_t)got;
    return got > 0 ? STREAM_DONE : STREAM_END;
}

enum stream_result stream_write(struct stream *s, const char *from, size_t size, size_t *n)
{
    ssize_t sent;
    int result;

    *n = 0;
    if (s->session != NULL) {
        ERR_clear_error();
        result = SSL_write_ex(s->session, from, size, n);
        return result == 1 ? STREAM_DONE : judge(s, result);
    }
    sent = send(s->fd, from, size, MSG_NOSIGNAL);
    if (sent < 0)
        return judge_errno(s, STREAM_WANT_WRITE);
    *n = (size_t)sent;
    return STREAM_DONE;
}

void stream_gather(struct stream *s, bool on)
{
    int value = on;

    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}

bool stream_pending(const struct stream *s)
{
    return s->session != NULL && SSL_has_pending(s->session);
}

bool stream_touched(const struct stream *s)
{
    return s->session == NULL || BIO_number_read(SSL_get_rbio(s->session)) > 0;
}

void stream_finish(struct stream *s)
{
    if (s->session != NULL && !s->failed && SSL_is_init_finished(s->session)) {
        ERR_clear_error();
        SSL_shutdown(s->session);
    }
    shutdown(s->fd, SHUT_WR);
}

void stream_close(struct stream *s)
{
    SSL_free(s->session);
    s->session = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
