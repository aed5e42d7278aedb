"""A synthetic year of a region: visits, the accesses that go with them, and wrongdoing in between.

`Year(people, records, seed)` makes it: `events` are tuples as tests/tools/audit_write wants them,
`truth` says what was planted: (rule, user or member, person or None, day). Wrongdoing is what a
person meant, not what a rule would say: an innocent look that a rule finds is a false alarm."""

import datetime
import random

DAY = 86_400_000_000
MEMBERS = 6
STAFF = {  # role: share, code of its everyday purpose, how often it retrieves what it finds
    "physician": (0.38, "TREAT", 0.7), "nurse": (0.36, "TREAT", 0.5), "pharmacist": (0.08, "TREAT", 0.4),
    "clerk": (0.08, "TREAT", 0.2), "billing": (0.06, "HPAYMT", 0.3), "researcher": (0.04, "HRESCH", 0.6)}
HOURS = "mon-fri 07:00-19:00"
RULES = ("self-access", "same-household", "same-address", "same-surname", "co-worker", "vip", "no-care",
         "after-hours", "purpose-mismatch", "denials-then-break-glass", "volume", "identifier-walking",
         "queries-without-retrievals", "dormant-account")


class Person:
    """One of the index: where it lives there, what it is called."""

    def __init__(self, pkey, person_id, cx, family, given, birth, street, city, postcode):
        self.key, self.cx = (pkey, person_id), cx
        self.family, self.given, self.birth = family, given, birth
        self.street, self.city, self.postcode = street, city, postcode
        self.homes = []

    @property
    def address(self):
        return (self.street.upper(), self.postcode) if self.street else None


class User:
    def __init__(self, person, member, role, hours):
        self.person, self.member, self.role, self.hours = person, member, role, hours
        self.name = f"{role[:3]}{person.key[0]}"
        self.away = None  # (from day, to day) of a long silence

    def works(self, day):
        return not self.away or not self.away[0] <= day < self.away[1]


class Year:
    def __init__(self, people, records, seed, first_day):
        self.random = random.Random(seed)
        self.people, self.records, self.first_day = people, records, first_day
        self.events, self.truth = [], set()
        self.cared, self.wrong = {}, []  # when a house fed a person; looks that were meant wrong
        self.make_staff()
        self.ordinary()
        self.plant()
        self.without_care()
        self.events.sort(key=lambda e: e[0])

    # --- who there is

    def make_staff(self):
        r = self.random
        known = [p for p in self.people if p.family and p.given and p.birth and p.street]
        count = max(60, len(self.people) // 40)
        chosen = r.sample(known, count)
        self.staff = []
        for i, person in enumerate(chosen):
            role = r.choices(list(STAFF), [s[0] for s in STAFF.values()])[0]
            hours = HOURS if r.random() < 0.6 else ""
            self.staff.append(User(person, i % MEMBERS, role, hours))
        for person in self.people:
            person.homes = r.sample(range(MEMBERS), 2 if r.random() < 0.2 else 1)
        self.by_member = [[u for u in self.staff if u.member == m] for m in range(MEMBERS)]
        self.carers = [[u for u in us if u.role in ("physician", "nurse", "pharmacist", "clerk")]
                       for us in self.by_member]
        self.vips = r.sample([p for p in self.people if p not in set(chosen)], 5)
        leave = r.sample(self.staff, max(12, count // 30))
        self.returning, self.left = leave[:len(leave) // 3], leave[len(leave) // 3:]
        for u in leave:  # some come back from leave, others' accounts are used by somebody else
            start = r.randrange(60, 120)
            u.away = (start, start + r.randrange(100, 160)) if u in self.returning else (start, 400)

    # --- what happens

    def at(self, day, user=None, night=False):
        """A moment of that day; working hours where the user has them."""
        hour = self.random.uniform(1, 5) if night else self.random.uniform(7.1, 18.9)
        return int((self.first_day + day) * DAY + hour * 3_600_000_000)

    def weekday(self, day):
        return (self.first_day + day + 3) % 7  # 1970-01-01 was a Thursday

    def add(self, at, member, user, transaction, person=None, purpose="TREAT", outcome=0, patient=None, said=""):
        key = person.key if person else (0, 0)
        if transaction in ("ITI-8", "ITI-41"):
            self.cared.setdefault((key, member), []).append(at)
        self.events.append((at, member, user.name if user else "", user.role if user else "system", purpose,
                            transaction, outcome, *key, patient or (person.cx if person else ""), said))

    def look(self, at, user, person, retrieve=None, purpose=None):
        everyday, often = STAFF[user.role][1:]
        purpose = purpose or everyday
        self.add(at, user.member, user, "ITI-18", person, purpose)
        if self.random.random() < often if retrieve is None else retrieve:
            self.add(at + 20_000_000, user.member, user, "ITI-43", person, purpose)

    def ordinary(self):
        """Visits: a feed, then looks of the house's staff in the days after; and what is odd, but not wrong."""
        r = self.random
        while len(self.events) < self.records:
            person = r.choice(self.people)
            member, day = r.choice(person.homes), r.randrange(365)
            fed = self.at(day)
            unfed = r.random() < 0.0004  # a referral that nobody registered before
            if not unfed:
                self.add(fed, member, None, "ITI-8", person)
            if r.random() < 0.5:
                self.add(fed + 3_600_000_000, member, None, "ITI-41", person)
            for _ in range(r.randrange(3, 16)):
                user = r.choice(self.carers[member] if r.random() < 0.9 else self.by_member[member])
                self.visit(user, person, min(364, day + r.randrange(1, 6)))

    def visit(self, user, person, day):
        r = self.random
        if user.hours and self.weekday(day) > 4:
            day -= 2
        if day < 1 or not user.works(day) or person.address == user.person.address:
            return  # nobody treats their own household, nor themselves
        overtime = bool(user.hours) and r.random() < 0.0003
        purpose = "HOPERAT" if r.random() < 0.0001 else None
        self.look(self.at(day, user, night=overtime), user, person, purpose=purpose)

    # --- wrongdoing

    def plant_one(self, rule, user, person, day, at=None, purpose=None, retrieve=True):
        self.look(at or self.at(day, user), user, person, retrieve, purpose)
        self.say(rule, user, person, day)

    def say(self, rule, user, person, day):
        if rule != "no-care":
            self.truth.add((rule, user.name, person.key if person else None, self.first_day + day))
        if person:
            self.wrong.append((user, person, day))

    def day_of(self, user):
        while True:
            day = self.random.randrange(100, 360)
            if user.works(day) and (not user.hours or self.weekday(day) < 5):
                return day

    def stranger(self, user):
        while True:
            person = self.random.choice(self.people)
            if user.member not in person.homes and person is not user.person and person not in self.vips:
                return person

    def plant(self):
        n = max(8, self.records // 25_000)
        active = [u for u in self.staff if not u.away]
        self.plant_kin(active, n)
        for user in self.random.choices(active, k=n):
            colleague = self.random.choice([u for u in self.by_member[user.member]
                                            if u is not user and user.member not in u.person.homes])
            self.plant_one("co-worker", user, colleague.person, self.day_of(user))
        for user in self.random.choices(active, k=n):
            self.plant_one("vip", user, self.random.choice(self.vips), self.day_of(user))
        for user in self.random.choices(active, k=n):
            self.plant_one("no-care", user, self.stranger(user), self.day_of(user))
        self.plant_purposes(active, n)
        self.plant_nights(active, n)
        self.plant_break_glass(active, n)
        self.plant_volume(active, n)
        self.plant_walks(active, n)
        self.plant_fishing(active, n)
        self.plant_dormant()

    def without_care(self):
        """Of all wrong looks, those at a patient whom the user's house did not care for 90 days before or after."""
        for user, person, day in self.wrong:
            at = (self.first_day + day) * DAY
            if not any(abs(t - at) < 90 * DAY for t in self.cared.get((person.key, user.member), [])):
                self.truth.add(("no-care", user.name, person.key, self.first_day + day))

    def plant_kin(self, active, n):
        by_address, by_family = {}, {}
        for p in self.people:
            by_family.setdefault(p.family.upper(), []).append(p)
            if p.address:
                by_address.setdefault(p.address, []).append(p)
        for user in self.random.choices(active, k=n):
            self.plant_one("self-access", user, user.person, self.day_of(user))
        wanted = {"same-household": n, "same-address": n, "same-surname": n}
        for user in self.random.sample(active, len(active)):
            me = user.person
            near = [p for p in by_address.get(me.address, []) if p is not me]
            far = [p for p in by_family[me.family.upper()] if p.address and p.address != me.address
                   and user.member not in p.homes]
            for rule, people in (("same-household", [p for p in near if p.family.upper() == me.family.upper()]),
                                 ("same-address", [p for p in near if p.family.upper() != me.family.upper()]),
                                 ("same-surname", far)):
                if wanted[rule] and people:
                    wanted[rule] -= 1
                    self.plant_one(rule, user, self.random.choice(people), self.day_of(user))

    def plant_purposes(self, active, n):
        for user in self.random.choices([u for u in active if u.role in ("physician", "nurse", "billing")], k=n):
            patient = self.random.choice([p for p in self.random.sample(self.people, 200) if user.member in p.homes])
            wrong = "TREAT" if user.role == "billing" else self.random.choice(["HOPERAT", "HRESCH", "HMARKT"])
            day = self.day_of(user)
            self.add(self.at(day) - 3 * 3_600_000_000, user.member, None, "ITI-8", patient)
            self.plant_one("purpose-mismatch", user, patient, day, purpose=wrong)

    def plant_nights(self, active, n):
        for user in self.random.choices([u for u in active if u.hours], k=n):
            patient = self.random.choice([p for p in self.random.sample(self.people, 200) if user.member in p.homes])
            day = self.day_of(user)
            at = self.at(day, night=True)
            self.add(at - 5 * 3_600_000_000, user.member, None, "ITI-8", patient)
            self.plant_one("after-hours", user, patient, day, at=at)

    def plant_break_glass(self, active, n):
        doctors = [u for u in active if u.role == "physician"]
        for innocent in (False, True):  # an emergency follows one refusal, a lie follows many
            for user in self.random.choices(doctors, k=n):
                person, day = self.stranger(user), self.day_of(user)
                at = self.at(day)
                for i in range(1 if innocent else self.random.randrange(3, 6)):
                    said, outcome = (("withheld by consent: 1", 0) if i % 2 else ("XDSUnknownPatientId: no", 8))
                    self.add(at - (i + 1) * 60_000_000, user.member, user, "ITI-18", person, outcome=outcome, said=said)
                self.look(at, user, person, True, "BTG")
                if not innocent:
                    self.say("denials-then-break-glass", user, person, day)

    def plant_volume(self, active, n):
        for user in self.random.sample([u for u in active if u.role in ("physician", "nurse")], n):
            mine = [p for p in self.people if user.member in p.homes]
            day = self.day_of(user)
            for i, person in enumerate(self.random.sample(mine, min(len(mine), self.random.randrange(90, 160)))):
                self.look(self.at(day), user, person, True)
                self.wrong.append((user, person, day))
            self.say("volume", user, None, day)

    def plant_walks(self, active, n):
        for user in self.random.sample(active, n):
            day, start = self.day_of(user), self.random.randrange(len(self.people) - 60)
            at = self.at(day)
            for i in range(self.random.randrange(10, 25)):
                person = self.people[start + i]
                self.add(at + i * 30_000_000, user.member, user, "ITI-9", person)
            self.say("identifier-walking", user, None, day)

    def plant_fishing(self, active, n):
        for user in self.random.sample(active, n):
            day = self.day_of(user)
            at = self.at(day)
            for i in range(self.random.randrange(50, 90)):
                self.add(at + i * 15_000_000, user.member, user, "ITI-47")
            self.say("queries-without-retrievals", user, None, day)

    def plant_dormant(self):
        for user in self.left:
            day = user.away[0] + self.random.randrange(100, 200)
            mine = self.random.choice([p for p in self.random.sample(self.people, 200) if user.member in p.homes])
            self.add(self.at(day) - DAY, user.member, None, "ITI-8", mine)
            self.look(self.at(day), user, mine, True)
            self.say("dormant-account", user, None, day)


def first_day(months=12):
    """The first of the month a year ago, as a number of days: partitions are whole months."""
    today = datetime.date.today().replace(day=1)
    return (today.replace(year=today.year - 1) - datetime.date(1970, 1, 1)).days
