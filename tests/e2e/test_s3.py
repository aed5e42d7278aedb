"""The repository over an S3 server: OpenStack Swift with s3api, started here (hospital/swift.py)."""
import json
import os
import shutil
import subprocess
import threading

import pytest

from conftest import skip
from hospital import swift as server
from hospital import xds
from hospital.hub import eventually
from people import cda, known
from test_repository import bytes_of, publish

PART = 8 << 20


@pytest.fixture(scope="module")
def swift(scratch):
    if not server.installed():
        skip("python3-swift is not installed (deploy/setup --groups s3)")
    shutil.rmtree(scratch / "swift", ignore_errors=True)
    swift = server.Swift(scratch / "swift")
    yield swift
    swift.stop()


@pytest.fixture(scope="module")
def bucket(swift):
    return server.Bucket(swift, "documents").make()


@pytest.fixture(scope="module")
def settings(swift, scratch, bucket):
    credentials = scratch / "s3.credentials"
    with open(os.open(credentials, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{server.ACCESS}\n{server.SECRET}\n")
    return {"store": "s3", "s3_endpoint": swift.endpoint, "s3_bucket": bucket.name, "s3_credentials": credentials}


@pytest.fixture(scope="module")
def hub(make_hub, settings):
    made = make_hub("s3", **settings)
    made.open_region()
    yield made
    made.stop()
    assert server.SECRET not in made.log.read_text()


@pytest.fixture
def person(lakeside, harbour):
    return known(lakeside, harbour)


def verify(hub):
    report = json.loads(hub.run("xds", "verify", "--json", expect=None))
    return {(f["fault"], f.get("blob")) for f in report["findings"]}


def new_key(bucket, before):
    keys = [k for k in bucket.keys() if k not in before]
    assert len(keys) == 1, keys
    return keys[0]


@pytest.mark.parametrize("size", [0, 1, 65536, 131072, 131073, 3_000_000, PART - 100_000, PART + 1000])
def test_every_size_comes_back_byte_for_byte(size, hub, bucket, lakeside, harbour, person):
    before = bucket.keys()
    content = bytes_of(size)
    entry = publish(lakeside, person, content, mime_type="application/octet-stream")
    new_key(bucket, before)
    got = harbour.retrieve((hub.repository, entry.unique_id))
    assert got.ok and got.documents[0].content == content
    assert not [p for p in hub.settings["store_dir"].rglob("*") if p.is_file() and p.name != "lock"]


def test_a_refused_submission_leaves_nothing_in_the_bucket(hub, bucket, lakeside, person):
    before = bucket.keys()
    submission = xds.Submission("unknown^^^&1.2.3&ISO", [xds.Entry("unknown^^^&1.2.3&ISO", cda("unknown"))])
    assert lakeside.provide(submission).status == xds.FAILURE
    eventually(lambda: bucket.keys() == before, "objects of a refused submission")


def test_many_members_publish_and_read_at_once(hub, lakeside, harbour, person):
    trouble = []

    def exchange(n):
        try:
            own = [type(h)(h.name, h.identity, h.authority, h.hub, h.organization) for h in (lakeside, harbour)]
            for i in range(4):
                content = bytes_of(40_000 * (n + 1) + i)
                entry = publish(own[0], person, content, mime_type="application/dicom")
                assert own[1].retrieve((hub.repository, entry.unique_id)).documents[0].content == content
        except Exception as error:  # noqa: BLE001: any failure is the test's
            trouble.append(error)

    threads = [threading.Thread(target=exchange, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not trouble


@pytest.mark.parametrize("fault", ["altered", "missing", "truncated"])
def test_verify_finds(fault, hub, bucket, lakeside, person):
    before = bucket.keys()
    publish(lakeside, person, bytes_of(200_000), mime_type="application/dicom")
    key = new_key(bucket, before)
    whole = bucket.get(key)
    if fault == "altered":
        bucket.put(key, whole[:150_000] + bytes([whole[150_000] ^ 1]) + whole[150_001:])
    elif fault == "missing":
        bucket.delete(key)
    else:
        bucket.put(key, whole[:-1])
    found = verify(hub)
    bucket.put(key, whole)
    assert found == {(fault, key)}
    assert not verify(hub)


def test_a_list_of_several_pages_is_walked_to_its_end(hub, bucket):
    for n in range(205):
        bucket.put(f"00000000-0000-7000-8000-{n:012x}", b"x")
    report = json.loads(hub.run("xds", "collect", "--orphans-after", "1d", "--json"))
    assert report["objects"] >= 205
    for n in range(205):
        bucket.delete(f"00000000-0000-7000-8000-{n:012x}")


def test_a_server_that_is_away_is_told_and_comes_back(hub, swift, lakeside, harbour, person):
    entry = publish(lakeside, person, cda("before"))
    swift.stop()
    refused = lakeside.provide(xds.Submission(person.xad, [xds.Entry(person.xad, cda("lost"))]))
    assert refused.codes == ["XDSRepositoryError"]
    assert harbour.retrieve((hub.repository, entry.unique_id)).codes == ["XDSRepositoryError"]
    swift.start()
    publish(lakeside, person, cda("after"))
    assert harbour.retrieve((hub.repository, entry.unique_id)).ok


@pytest.mark.parametrize("change,says", [({"s3_bucket": "elsewhere"}, "no bucket"),
                                         ({"s3_endpoint": "http://198.51.100.7"}, "https://"),
                                         ({"s3_credentials": "/nowhere"}, "/nowhere")])
def test_what_is_wrong_stops_the_start(change, says, hub, settings):
    config = hub.folder / "wrong.conf"
    config.write_text("".join(f"{k} = {v}\n" for k, v in {**hub.settings, **change}.items()))
    done = subprocess.run([hub.program, "serve", "--config", config], text=True, capture_output=True, timeout=60)
    assert done.returncode == 2 and says in done.stderr


def test_the_servers_certificate_is_verified(make_hub, hub, settings, swift, lakeside, person):
    """A second hub over the same bucket, behind TLS; and the same without the CA at hand."""
    publish(lakeside, person, cda("behind TLS"))
    front = server.TlsFront(swift, hub.authority.issue("objects", server=True))
    secure = {"s3_endpoint": front.endpoint, "s3_ca": hub.ca}
    twin = make_hub("s3-tls", twin=hub, **secure)
    report = json.loads(twin.run("xds", "verify", "--json", expect=None))
    assert report["documents"] > 0 and not report["findings"]
    twin.stop()
    config = hub.folder / "untrusted.conf"
    config.write_text("".join(f"{k} = {v}\n" for k, v in {**twin.settings, "s3_ca": ""}.items()))
    done = subprocess.run([hub.program, "serve", "--config", config], text=True, capture_output=True, timeout=60)
    front.close()
    assert done.returncode == 2 and "certificate" in done.stderr
