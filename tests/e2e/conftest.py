"""Fixtures of the end-to-end tests: the real program, its real ports, a PostgreSQL of its own.

    /usr/bin/python3 -m pytest tests/e2e                        build/release/causeway
    /usr/bin/python3 -m pytest tests/e2e --build build/asan     another build (or CAUSEWAY_BUILD)

CAUSEWAY_BIN names the program itself. Everything is made under var/e2e and removed at the end,
but for logs, which stay when something failed (--keep leaves all of it).
"""
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

from hospital.hub import Cluster, Hub  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CAUSEWAY_DATA", ROOT / "../shared/data")).resolve()


def pytest_addoption(parser):
    parser.addoption("--build", default=os.environ.get("CAUSEWAY_BUILD", "build/release"),
                     help="folder of the build to test (default build/release)")
    parser.addoption("--keep", action="store_true", help="leave var/e2e as it is")


def skip(why):
    """Skips the running test by name; with CI=true a skip is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"may not be skipped here: {why}", pytrace=False)
    pytest.skip(why)


@pytest.fixture(scope="session")
def data():
    """data("ccda/...") is the path of a test datum; a test that misses one is skipped."""
    def find(name):
        path = DATA / name
        if not path.exists():
            skip(f"test data is not at hand: {name} (set CAUSEWAY_DATA)")
        return path
    return find


@pytest.fixture(scope="session")
def program(request):
    path = Path(os.environ.get("CAUSEWAY_BIN") or ROOT / request.config.getoption("--build") / "causeway")
    if not path.exists():
        pytest.fail(f"{path} is not built", pytrace=False)
    return path.resolve()


@pytest.fixture(scope="session")
def scratch(request, program):
    """var/e2e/<build>: one folder for each build, and each process of `pytest -n`, so that several can
    be tested at once."""
    folder = ROOT / "var/e2e" / program.parent.name / os.environ.get("PYTEST_XDIST_WORKER", "")
    shutil.rmtree(folder / "hubs", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    if not request.config.getoption("--keep") and not request.session.testsfailed:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(scratch):
    cluster = Cluster(ROOT, scratch / "pg", max_connections=200)
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def make_hub(cluster, program, scratch):
    """make_hub(name, **settings): a hub with an empty database; make_hub(name, twin=hub)."""
    hubs = []

    def make(name, twin=None, **settings):
        database = twin.database if twin else cluster.database(name)
        hub = Hub(ROOT, program, scratch / "hubs" / name, database, twin, **settings)
        hubs.append(hub)
        return hub.start()

    yield make
    ended = [(hub.folder.name, hub.stop(expect=None)) for hub in hubs]
    bad = [x for x in ended if x[1] not in (0, None)]
    assert not bad, f"hubs ended badly: {bad}; see {scratch}/hubs/*/hub.log"
    missing = [hub.folder.name for hub in hubs if "Function not implemented" in hub.log.read_text(errors="replace")]
    assert not missing, f"hub/base/confine.c lacks a system call: see the log of {missing}"


@pytest.fixture(scope="module")
def hub(make_hub, request):
    """A hub of the test file's own, opt-out; SETTINGS of the module are keys of causeway.conf."""
    name = request.module.__name__.removeprefix("test_")
    made = make_hub(name, **getattr(request.module, "SETTINGS", {}))
    made.open_region()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def lakeside(hub):
    return hub.enrol("lakeside", "1.2.840.1.1")


@pytest.fixture(scope="module")
def harbour(hub):
    return hub.enrol("harbour", "1.2.840.1.2")


@pytest.fixture(scope="session", autouse=True)
def schemas_hold():
    """Every SOAP answer of every test is validated against the standards' schemas."""
    import schemas
    from hospital import soap

    read = soap.read
    if (DATA / "ihe/schemas").exists():
        schemas.load(str(DATA))  # now: else while a hub waits for an acknowledgement

    def read_and_check(http):
        answer = read(http)
        if (DATA / "ihe/schemas").exists():
            schemas.check(str(DATA), answer)
        return answer

    soap.read = read_and_check
    yield
    soap.read = read
