"""Plays testplans in the format of NIST's XDS Toolkit against a hub.

    plan      what a kit holds: tests, sections, steps, and which needs which
    metadata  ebRIM 2.1 and 3.0 of the metadata files, and the identifiers that a run assigns
    linkage   what steps leave behind, and the placeholders that later steps fill from it
    expect    what a testplan expects of an answer
    play      the transactions
    site      the hub that is played against
    score     what came out

Nothing here is shared with the hub; the wire client is tests/e2e/hospital.
"""
