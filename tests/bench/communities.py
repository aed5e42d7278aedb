#!/usr/bin/python3
"""Simulated communities behind one port: /N/query, /N/retrieve; each answers after --delay-ms with
entries of one patient, or documents of --size bytes. Those from --hang on never answer. Prints its port."""

import argparse
import asyncio
import re
import ssl

import messages as m

SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"


def home(n):
    return f"2.16.840.3.{n + 1}"


def patient(n):
    return m.cx(f"P{n}", home(n) + ".5")


def unique_id(n, i):
    return f"{home(n)}.9.{i}"


def envelope(relates_to, body):
    return ('<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:wsa="http://www.w3.org/2005/08/addressing"><soap:Header>'
            f"<wsa:RelatesTo>{relates_to}</wsa:RelatesTo></soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>").encode()


def entry(n, i):
    uuid = f"urn:uuid:{n:08x}-0000-4000-8000-{i:012x}"
    text = m.entry(uuid, unique_id(n, i), patient(n), patient(n))
    return text.replace("<rim:ExtrinsicObject ", f'<rim:ExtrinsicObject home="urn:oid:{home(n)}" ', 1)


def query(n, entries):
    objects = "".join(entry(n, i) for i in range(entries))
    return (f'<query:AdhocQueryResponse {m.NS} status="{SUCCESS}"><rim:RegistryObjectList>{objects}'
            "</rim:RegistryObjectList></query:AdhocQueryResponse>")


def retrieve(n, wanted, size):
    responses, parts = "", []
    for ident in wanted:
        responses += (f"<x:DocumentResponse><x:HomeCommunityId>urn:oid:{home(n)}</x:HomeCommunityId>"
                      f"<x:RepositoryUniqueId>{home(n)}.7</x:RepositoryUniqueId>"
                      f"<x:DocumentUniqueId>{ident}</x:DocumentUniqueId><x:mimeType>application/octet-stream</x:mimeType>"
                      f'<x:Document><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{ident}"/>'
                      "</x:Document></x:DocumentResponse>")
        parts.append(ident)
    body = (f'<x:RetrieveDocumentSetResponse xmlns:x="urn:ihe:iti:xds-b:2007"><rs:RegistryResponse '
            f'xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0" status="{SUCCESS}"/>{responses}'
            "</x:RetrieveDocumentSetResponse>")
    return body, parts


class Server:
    def __init__(self, args):
        self.args = args
        self.queries = [query(n, args.entries) for n in range(args.count)]
        self.content = bytes(range(256)) * (args.size // 256)

    async def answer(self, writer, path, request):
        n, service = int(path.split("/")[1]), path.split("/")[2]
        if n >= self.args.hang:
            await asyncio.sleep(3600)
        await asyncio.sleep(self.args.delay_ms / 1000)
        relates_to = re.search(rb"MessageID>([^<]+)<", request)[1].decode()
        if service == "query":
            body = envelope(relates_to, self.queries[n])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n"
                         + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            return await writer.drain()
        wanted = [w.decode() for w in re.findall(rb"DocumentUniqueId>([^<]+)<", request)]
        text, parts = retrieve(n, wanted, self.args.size)
        head = (b"--b\r\nContent-Type: application/xop+xml; type=\"application/soap+xml\"\r\nContent-ID: <r>\r\n\r\n"
                + envelope(relates_to, text))
        heads = [f"\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-ID: <{p}>\r\n\r\n".encode() for p in parts]
        tail = b"\r\n--b--\r\n"
        length = len(head) + sum(len(h) + len(self.content) for h in heads) + len(tail)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: multipart/related; boundary=b; type="application/xop+xml"; '
                     b'start="<r>"; start-info="application/soap+xml"\r\n' + f"Content-Length: {length}\r\n\r\n".encode() + head)
        for h in heads:
            writer.write(h)
            for at in range(0, len(self.content), 1 << 18):
                writer.write(self.content[at:at + (1 << 18)])
                await writer.drain()
        writer.write(tail)
        await writer.drain()

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
                await self.answer(writer, head.split(b" ", 2)[1].decode(), await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pki", required=True)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--entries", type=int, default=3)
    parser.add_argument("--delay-ms", type=float, default=20)
    parser.add_argument("--hang", type=int, default=1 << 30)
    parser.add_argument("--size", type=int, default=10_000_000)
    args = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{args.pki}/communities.crt", f"{args.pki}/communities.key")
    context.load_verify_locations(f"{args.pki}/ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(Server(args).serve, "127.0.0.1", 0, ssl=context, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
