/* SOAP 1.2 with WS-Addressing 1.0, as IHE binds it (IHE ITI TF-2 Appendix V).
 *
 * soap_protocol is what a SOAP route names: it reads the envelope, chooses the transaction by
 * wsa:Action, and answers failures that have no shape of their own with a fault. A handler finds
 * its message in rq->message.soap and writes its answer like this:
 *
 *     struct soap_answer answer;
 *     struct xml_writer *w = soap_answer_begin(rq, &answer, NULL);
 *
 *     xml_begin(w, "rs:RegistryResponse"); ... xml_end(w, "rs:RegistryResponse");
 *     soap_answer_end(&answer, rp);
 *
 * What is accepted: application/soap+xml, or multipart/related of type application/xop+xml, each
 * for every transaction (V.3 wants the same encoding both ways; senders that wrap everything, or
 * nothing, do no harm). What is answered: the transaction's own encoding, MTOM for ITI-41, 43, 39
 * and 80, Simple SOAP elsewhere; a fault comes in the request's encoding. Everything lives in the
 * request's arena; strings borrow from it. */
#pragma once

#include "hub/data/xml.h"
#include "hub/data/xml_write.h"
#include "hub/request.h"

#define NS_SOAP "http://www.w3.org/2003/05/soap-envelope"
#define NS_WSA  "http://www.w3.org/2005/08/addressing"
#define NS_XOP  "http://www.w3.org/2004/08/xop/include"

struct soap_message {
    struct str action, message_id, to; /* wsa: headers; STR_NONE until they are read */
    struct str reply_to;               /* an address that is not anonymous: soap_async.h */
    xmlNode *header;                   /* soap:Header; NULL: it has none */
    xmlNode *body;                     /* the one element in soap:Body; NULL when it has none */
    bool is_mtom;
    bool is_async;           /* the answer goes to reply_to, which the member has registered */
    bool is_soap11;          /* an envelope of SOAP 1.1, which is answered by a fault of SOAP 1.1 */
    struct part *parts;      /* of an MTOM message, its root included */
    struct str answer_block; /* a header block of the answer, as XML; empty: none */
};

extern const struct protocol soap_protocol;

/* Reads an envelope: media type, XML, envelope, headers, body. Fails with a code of the fault
 * table (soap_fault.c); `out` then holds what was read so far, for the fault's RelatesTo. Pure. */
enum status soap_read(struct arena *a, struct str content_type, const struct body *body,
                      struct soap_message *out, struct errors *err) MUST_CHECK;

/* WS-Addressing of what is written; empty: not there. */
struct soap_addressing {
    struct str action, message_id, to, relates_to;
};

/* A message that the hub sends by itself: the envelope up to the inside of soap:Body, and its end;
 * the bytes lie in the writer's buffer. */
void soap_message_begin(struct xml_writer *w, const struct soap_addressing *to);
struct str soap_message_end(struct xml_writer *w);

/* Is this header block addressed to us, the ultimate receiver? */
bool soap_is_for_us(const xmlNode *block);

struct attachment;

struct soap_answer {
    struct request *rq;
    struct strbuf text;
    struct xml_writer w;
    struct attachment *first, *last;
    bool is_mtom;
};

/* Writes the envelope up to the inside of soap:Body. `action` NULL: the request's with "Response"
 * behind it, as all of IHE's own transactions have it (HL7 v3 ones do not). */
struct xml_writer *soap_answer_begin(struct request *rq, struct soap_answer *answer,
                                     const char *action);

/* Puts a document into the element that was begun last, as xop:Include, and its bytes into a part
 * of its own. The answer must be MTOM. The source is borrowed until the answer has gone. */
void soap_answer_attach(struct soap_answer *answer, struct str content_type,
                        struct byte_source *source);

/* Closes the envelope and fills the reply: HTTP 200, Content-Type, segments. */
enum status soap_answer_end(struct soap_answer *answer, struct reply *rp);

/* protocol.render_failure: the transaction's own renderer, else a fault (SOAP 1.2 Part 2 7.5.2.2:
 * Sender is HTTP 400, all others 500; 415 for a media type). */
void soap_render_failure(struct request *rq, enum status status, struct reply *rp);
