"""HL7 v2 messages for the index: framed, each sent once. Written from HL7 v2.5 and ITI TF-2; nothing
here knows the hub's decoders. A population row is a list of columns as tests/tools/population names
them."""

import datetime
import itertools

from messages import AUTHORITY, HUB

OTHER = HUB + ".21"  # another domain of the same member: new records of known people
_control = itertools.count(1)

COLUMNS = ("id entity given middle family maiden suffix dob sex house_number street unit city state"
           " postcode phone email ssn mother_given birth_order").split()


def row(line):
    values = ["" if v == "\\N" else v for v in line.rstrip("\n").split("\t")]
    return dict(zip(COLUMNS, values))


def escape(text):
    for plain, escaped in (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\")):
        text = text.replace(plain, escaped)
    return text


def framed(*segments):
    return b"\x0b" + "".join(s + "\r" for s in segments).encode() + b"\x1c\r"


def header(kind):
    number = next(_control)
    return f"MSH|^~\\&|BENCH|BENCH|HUB|HUB|20261122120000||{kind}|B{number:012}|P|2.5"


def date(text):
    """Nothing for a date that the calendar does not have: the hub refuses the message."""
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return ""
    return f"{day:%Y%m%d}" if 1850 < day.year < 2100 else ""


def adt(event, identifier, r):
    r = {k: escape(v) for k, v in r.items()}
    names = f"{r['family']}^{r['given']}^{r['middle']}^{r['suffix']}^^^L"
    if r["maiden"]:
        names += f"~{r['maiden']}^^^^^^M"
    phones = "~".join(p for p in (r["phone"] and f"{r['phone']}^PRN^PH",
                                  r["email"] and f"^NET^Internet^{r['email']}") if p)
    pid = {3: identifier, 5: names, 6: f"^{r['mother_given']}", 7: date(r["dob"]), 8: r["sex"],
           11: f"{r['house_number']} {r['street']}^{r['unit']}^{r['city']}^{r['state']}^{r['postcode']}",
           13: phones, 19: r["ssn"].replace("-", ""), 25: r["birth_order"]}
    fields = "|".join(pid.get(i, "") for i in range(1, 31))
    return framed(header(f"ADT^{event}^ADT_A01"), "EVN||20261122120000", f"PID|{fields}", "PV1||I")


def feeds(rows):
    """A08 of a loaded record with what a later record of the same person says, and A01 of that record
    as one of its own."""
    seen = {}
    for line in rows:
        r = row(line)
        first = seen.setdefault(r["entity"], r["id"])
        if first == r["id"]:
            continue
        yield adt("A08", f"{first}^^^&{AUTHORITY}&ISO", r)
        yield adt("A01", f"{r['id']}^^^&{OTHER}&ISO", r)


def newcomers(rows):
    """A01 of somebody new."""
    return (adt("A01", f"N{r['id']}^^^&{OTHER}&ISO", r) for r in map(row, rows))
