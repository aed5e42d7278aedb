"""The standards' own schemas over whole answers: SOAP 1.2, WS-Addressing, ebRIM, ebRS, XDS.b.

The files are read from $CAUSEWAY_DATA/ihe/schemas. rim.xsd there imports a namespace of which two
files hold one part each (xcf.xsd, IHEXDSB.xsd); libxml2 reads one file a namespace, so the set is
put together in a scratch folder with a file that includes both.
"""
import copy
import functools
import shutil
import tempfile
from pathlib import Path

from lxml import etree

from hospital import soap

XS = "http://www.w3.org/2001/XMLSchema"
BOTH = f"""<xs:schema xmlns:xs="{XS}" targetNamespace="urn:ihe:iti:xds-b:2007">
<xs:include schemaLocation="xcf.xsd"/><xs:include schemaLocation="IHEXDSB.xsd"/></xs:schema>"""
ALL = f"""<xs:schema xmlns:xs="{XS}">
<xs:import namespace="urn:ihe:iti:xds-b:2007" schemaLocation="IHE/both.xsd"/>
<xs:import namespace="{soap.SOAP}" schemaLocation="soap.xsd"/>
<xs:import namespace="{soap.WSA}" schemaLocation="addressing.xsd"/></xs:schema>"""


@functools.lru_cache
def load(data):
    """The schema of a whole message, from the folder $CAUSEWAY_DATA."""
    source = Path(data) / "ihe/schemas"
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch) / "schema"
        shutil.copytree(source / "xds/wsdl/schema", scratch, copy_function=shutil.copyfile)
        scratch.chmod(0o755)
        for folder in scratch.rglob("*/"):
            folder.chmod(0o755)
        shutil.copyfile(source / "hl7v3/schema/soap-1.2-envelope.xsd", scratch / "soap.xsd")
        shutil.copyfile(source / "ws/local-WSDL/schema/ws-addr.xsd", scratch / "addressing.xsd")
        rim = scratch / "ebRS30/rim.xsd"
        rim.write_text(rim.read_text().replace("../IHE/xcf.xsd", "../IHE/both.xsd"))
        (scratch / "IHE/both.xsd").write_text(BOTH)
        (scratch / "all.xsd").write_text(ALL)
        parser = etree.XMLParser(no_network=True)
        return etree.XMLSchema(etree.parse(str(scratch / "all.xsd"), parser))


def check(data, answer):
    """Validates a soap.Answer; an xop:Include counts as the base64 that it stands for. HL7 v3 bodies
    have schemas of their own (test_v3.py), whose types this set does not know."""
    root = copy.deepcopy(answer.root)
    for body in root.findall(f"{{{soap.SOAP}}}Body"):
        for element in body.findall("{urn:hl7-org:v3}*"):
            body.remove(element)
    for include in root.iter(f"{{{soap.XOP}}}Include"):
        parent = include.getparent()
        parent.text = ""
        parent.remove(include)
    load(data).assertValid(root)
