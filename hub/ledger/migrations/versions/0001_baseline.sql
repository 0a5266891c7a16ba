-- The books, first shape. Facts are inserted and never updated; the few columns that move are named in the grants at the end.
-- Amounts are whole fen (bigint). A period 'YYYY-MM' is the month whose 1st opens its collection.
-- The four big tables (bill, instruction, result_line, collection) and arrears have no foreign keys: a trigger a row would
-- cost more than the row. Every statement that fills one joins the table it refers to, no process may change or delete a
-- row of any of them, and `hub verify` looks for rows whose other half is missing. They have few indexes for the same
-- reason; a period's rows lie together, so that a block range index finds them.
-- Times are business times with zone; a column on the wall clock says so.

-- ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────
create table business_clock (
    only_row   boolean primary key default true check (only_row),
    mode       text not null check (mode in ('manual', 'system')),
    started_at timestamptz not null,          -- nothing that was due before is carried out
    now_at     timestamptz not null           -- manual: the time; system: how far it has come at least
);
create table calendar_day (                   -- working-day calendars: 'city', and a bank's code where it has its own
    calendar text not null,
    day      date not null,
    working  boolean not null,
    name     text not null default '',
    primary key (calendar, day)
);
create table step_begun (                     -- uploads and closes whose hour has come for everybody
    period     char(7) not null,
    step       text not null,
    round      smallint not null default 0,
    due_at     timestamptz not null,
    begun_at   timestamptz not null,          -- when it was begun first; begun again, it goes by the same moment
    primary key (period, step, round)
);
create table step_done (                      -- scheduled steps carried out
    period     char(7) not null,
    step       text not null,
    round      smallint not null default 0,
    bank       text not null default '',
    due_at     timestamptz not null,
    done_at    timestamptz not null,
    primary key (period, step, round, bank)
);

-- ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────
create table archived_file (
    sha256      char(64) primary key,
    size        bigint not null,
    archived_at timestamptz not null default now()   -- wall clock
);
create table file_intake (                    -- every file that came in, each time it came, and the answer
    id          bigint generated always as identity primary key,
    door        text not null check (door in ('agency', 'bank')),
    party       text not null,                -- agency or bank code; '' when the name does not tell
    name        text not null,
    sha256      char(64) not null references archived_file,
    received_at timestamptz not null,
    outcome     text not null check (outcome in ('accepted', 'refused', 'quarantined', 'repeat')),
    identity    text,                         -- e.g. DUES/110105/2026-12/M/0001 or RESULT/<batch no>; only accepted files have one
    lines       integer not null default 0,
    total       bigint not null default 0,
    faults      jsonb not null default '[]',
    stands_for  bigint references file_intake,   -- the quarantined coming that this one settles: released, or corrected by hand
    proposed_by text, approved_by text,       -- the two persons who let it in
    signature   char(64) references archived_file,   -- what lay beside it as its signature
    signed_by   text check (signed_by is null or signature is not null),   -- the key, where the signature held
    check ((identity is not null) = (outcome = 'accepted')),
    check (num_nulls(stands_for, proposed_by, approved_by) in (0, 3)),
    check (stands_for is null or outcome = 'accepted'),
    check (lower(btrim(approved_by)) <> lower(btrim(proposed_by)))
);
create unique index file_intake_identity on file_intake (identity) where outcome = 'accepted';
create index file_intake_from_banks on file_intake (party, id) where door = 'bank';
create unique index file_intake_stands_for on file_intake (stands_for) where stands_for is not null;
create index file_intake_sha256 on file_intake (sha256);
create index file_intake_quarantined on file_intake (party, id) where outcome = 'quarantined';

-- ── agency: bills, second collections, receipts ─────────────────────────────────────────────────────────────────
create table bill (
    id           bigint generated always as identity primary key,
    bill_no      text collate "C" not null,
    period       char(7) not null,
    kind         char(1) not null check (kind in ('M', 'S', 'A')),
    agency       char(6) not null,
    unit         char(12) collate "C" not null,
    unit_name    text not null,
    mode         char(1) not null check (mode in ('B', 'S')),
    bank         text not null,               -- '' for mode S, as are the next two
    account      text not null,
    account_name text not null,
    pension      bigint not null check (pension >= 0),
    unemployment bigint not null check (unemployment >= 0),
    injury       bigint not null check (injury >= 0),
    maternity    bigint not null check (maternity >= 0),
    total        bigint not null check (total > 0 and total = pension + unemployment + injury + maternity),
    refers_to    char(7),
    shard        smallint not null,           -- crc32(unit) modulo the number of shards
    file_id      bigint not null,             -- of file_intake
    line         integer not null,            -- line number field of the D line
    accepted_at  timestamptz not null
);
create unique index bill_no_once on bill (bill_no);
create unique index bill_monthly_once on bill (unit, period) where kind = 'M';
create index bill_of_other_kind_by_unit on bill (unit) where kind <> 'M';
create index bill_of_other_kind_by_hour on bill (accepted_at) where kind <> 'M';
create index bill_by_period on bill using brin (period) with (pages_per_range = 32, autosummarize = on);

create table second_collection (              -- accepted lines of AGAIN files
    id          bigint generated always as identity primary key,
    file_id     bigint not null references file_intake,
    line        integer not null,
    period      char(7) not null,
    agency      char(6) not null,
    bill_id     bigint not null references bill,
    mode        char(1) not null check (mode in ('B', 'S')),
    pay_on      date not null,
    accepted_at timestamptz not null
);
create index second_collection_by_bill on second_collection (bill_id);

create table receipt (                        -- sporadic receipts, booked on acceptance
    id             bigint generated always as identity primary key,
    receipt_no     text not null unique,
    bill_id        bigint not null references bill,
    agency         char(6) not null,
    method         text not null check (method in ('CASH', 'CHEQUE', 'COLLECTION')),
    cheque_no      text not null,
    amount         bigint not null check (amount > 0),
    received_on    date not null,
    file_id        bigint not null references file_intake,
    line           integer not null,
    accepted_at    timestamptz not null
);
create index receipt_by_bill on receipt (bill_id);

-- ── sessions: instructions, city lines, batches, results ────────────────────────────────────────────────────────
create table instruction (                    -- one deduction request; period and round are its session's
    id             bigint generated always as identity primary key,
    instruction_no text collate "C" not null, -- <bill no>-<round>
    bill_id        bigint not null,
    period         char(7) not null,
    round          smallint not null check (round in (1, 2)),
    kind           char(1) not null,
    agency         char(6) not null,
    bank           text not null,
    shard          smallint not null,
    pension        bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    total          bigint not null check (total > 0 and total = pension + unemployment + injury + maternity)
);
create unique index instruction_once_a_round on instruction (bill_id, round);
create index instruction_by_session on instruction using brin (period, round) with (pages_per_range = 32, autosummarize = on);

create table declaration (                    -- 财表六 as the city received it, from deduction-declared
    period char(7) not null, round smallint not null, agency char(6) not null, bank text not null, kind char(1) not null,
    lines  integer not null,
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    event_id uuid not null,
    primary key (period, round, agency, bank, kind)
);
create table city_bundle (                    -- requests as the city received them, in the columns of deduction-requested
    event_id uuid primary key,
    period char(7) not null, round smallint not null, agency char(6) not null, bank text not null, kind char(1) not null,
    instructions int8range not null,          -- consecutive ids
    pension bigint[] not null, unemployment bigint[] not null, injury bigint[] not null, maternity bigint[] not null,
    check (upper(instructions) - lower(instructions) = all (array[
        cardinality(pension), cardinality(unemployment), cardinality(injury), cardinality(maternity)])),
    exclude using gist (instructions with &&) -- a line comes once
);
alter table city_bundle                       -- numbers of many digits do not shrink; trying costs time
    alter pension set storage external, alter unemployment set storage external,
    alter injury set storage external, alter maternity set storage external;
create index city_bundle_by_session on city_bundle (period, round, agency, bank);
create view city_line as                      -- one line each
select lower(b.instructions) + l.n - 1 as instruction_id, l.pension, l.unemployment, l.injury, l.maternity,
       b.event_id, b.period, b.round, b.agency, b.bank, b.kind
from city_bundle b cross join lateral unnest(b.pension, b.unemployment, b.injury, b.maternity)
    with ordinality as l (pension, unemployment, injury, maternity, n);
create table batch (                          -- one bank file each (表二十六, 财表七)
    id             bigint generated always as identity primary key,
    batch_no       text not null unique,
    bank           text not null,
    period         char(7) not null,
    round          smallint not null,
    business_date  date not null,
    seq            integer not null,          -- per bank and day
    file_name      text not null unique,
    lines          integer not null check (lines > 0),
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    total          bigint not null,
    hash_total     bigint not null,           -- last ten digits of each account, modulo 10^12
    partial        boolean not null,          -- the bank may deduct part of its monthly lines
    state          text not null,             -- hub.domain.lifecycle.BatchState
    request_sha256 char(64) references archived_file,   -- the file as written, from SENDING on
    signature      char(64) references archived_file,   -- what goes with the file; kept before any of it is sent
    signed_by      text check ((signed_by is null) = (signature is null)),   -- fingerprint of our key
    trouble        text not null default '',  -- why the last try to deliver failed; '' while none did
    outcome        text not null default '',  -- of the last try: hub.domain.lifecycle.DeliveryOutcome; '' while none was made
    result_file_id bigint references file_intake,
    booking_period char(7),                   -- fixed when the result is released for posting
    posting_date   date,
    released_at    timestamptz,               -- with the booking period: by then its money counts, its failures cancel
    posted_lines   integer not null default 0,
    late           boolean not null default false,   -- released after the session's posting step
    unique (bank, business_date, seq)
);
create index batch_by_session on batch (period, round, bank);
create index batch_on_its_way on batch (state) where state <> 'POSTED';
create table batch_section (                  -- an upload's lines in a bank file: those of an agency, kind and shard, by id
    batch_id     bigint not null references batch,
    first_line   integer not null check (first_line > 0),
    agency       char(6) not null,
    shard        smallint not null,
    instructions int8range not null check (not isempty(instructions) and lower_inc(instructions) and not upper_inc(instructions)),
    primary key (batch_id, first_line),
    exclude using gist (instructions with &&) -- an instruction is in one file
);
create view batch_line as                     -- one line each; the two forms of the condition are for the two ways to go
select s.batch_id, (s.first_line + (i.id - lower(s.instructions)))::integer as line, i.id as instruction_id
from batch_section s
join instruction i on i.id >= lower(s.instructions) and i.id < upper(s.instructions) and s.instructions @> i.id;
create table bank_file_receipt (              -- proof of delivery
    batch_id  bigint primary key references batch,
    name      text not null,
    size      bigint not null,
    sha256    char(64) not null references archived_file,
    host_key  text not null,                  -- SHA256:… of the server that took it
    signed_by text,                           -- fingerprint of the key that signed the file; null for one without
    sent_at   timestamptz not null
);
create table delivery_finding (               -- what persons learned of a bank about a delivery that nobody could see
    id          bigint generated always as identity primary key,
    batch_id    bigint not null references batch,
    arrived     boolean not null,
    by_whom     text not null check (btrim(by_whom) <> ''),
    found_at    timestamptz not null,
    proposal_id bigint, proposed_by text,     -- the second person agrees with one finding, with its outcome
    unique (id, batch_id, arrived, by_whom),
    foreign key (proposal_id, batch_id, arrived, proposed_by) references delivery_finding (id, batch_id, arrived, by_whom),
    check ((proposal_id is null) = (proposed_by is null)),
    check (lower(btrim(by_whom)) <> lower(btrim(proposed_by)))
);
create table bank_file_seen (                 -- a result file whose .ok does not agree (yet)
    bank text not null, name text not null, fingerprint text not null,
    primary key (bank, name)
);
create table bank_circuit (                   -- circuit breakers (hub.domain.circuit); wall clock
    bank     text primary key,
    state    text not null,
    failures integer not null check (failures >= 0),
    until    timestamptz,
    refused  boolean not null,                -- the server does not accept the hub's key
    why      text not null default ''
);
create table result_line (                    -- a bank's answer, checked against its request
    batch_id  bigint not null,
    line      integer not null,               -- the request's line number
    deducted  bigint not null,
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    code      char(2) not null,
    reference text not null,
    file_line integer not null,               -- where it stands in the result file
    primary key (batch_id, line)
);

-- ── the ledger ──────────────────────────────────────────────────────────────────────────────────────────────────
create table journal_entry (
    id             bigint generated always as identity primary key,
    level          text not null check (level in ('CITY', 'AGENCY')),
    agency         char(6) not null,
    what           text not null,             -- hub.domain.posting.EntryKind
    cause          text not null,             -- what caused it: an event id, a file identity …
    booking_period char(7) not null,
    business_date  date not null,
    posted_at      timestamptz not null default now(),   -- wall clock
    unique (level, what, agency, cause)
);
create index journal_entry_by_cause on journal_entry (cause);
create table journal_posting (
    entry_id   bigint not null references journal_entry,
    n          smallint not null,
    account    text not null,                 -- hub.domain.posting.Account
    fund       text not null check (fund in ('pension', 'unemployment', 'injury', 'maternity')),
    side       char(1) not null check (side in ('D', 'C')),
    amount_fen bigint not null check (amount_fen > 0),
    primary key (entry_id, n)
);
create table reversal (                       -- 冲销: booked money that is taken back, whole and once, with what had brought it
    id             bigint generated always as identity primary key,
    what           text not null check (what in ('RETURNED_RECEIPT', 'CHANGED_ANSWER')),
    bill_id        bigint not null references bill,
    receipt_id     bigint unique references receipt,   -- the receipt that came back (退票)
    return_no      text unique,
    batch_id       bigint references batch, line integer,   -- the bank's answer that it changed (更正)
    version        smallint,                  -- its how many'th change this is, from 1: each changes the one before
    amount         bigint not null,           -- taken back, all funds
    reason         text not null,             -- as the file says it
    dated_on       date not null,             -- as the file says it
    booking_period char(7) not null,          -- the period open at the time: a closed one is never booked into
    file_id        bigint not null references file_intake,
    file_line      integer not null,          -- line number field of the D line
    accepted_at    timestamptz not null,
    unique (batch_id, line, version),
    check ((what = 'RETURNED_RECEIPT') = (receipt_id is not null) and (receipt_id is null) = (return_no is null)
        and (what = 'CHANGED_ANSWER') = (batch_id is not null) and num_nulls(batch_id, line, version) in (0, 3))
);
create table changed_answer (                 -- what the bank says from here on, checked against its request
    reversal_id bigint primary key references reversal,
    deducted_before bigint not null, deducted bigint not null,
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    code        char(2) not null,
    reference   text not null
);
create index reversal_by_bill on reversal (bill_id);
create table collection (                     -- sub-ledger of fund income: money on a bill; what is taken back is negative
    bill_id        bigint not null,
    source         text not null check (source in ('BANK', 'RECEIPT', 'RECEIPT_REVERSAL', 'BANK_REVERSAL', 'BANK_CHANGE')),
    batch_id       bigint, line integer,      -- of a bank's answer
    receipt_id     bigint,
    reversal_id    bigint,                    -- that takes the money back, or puts a changed answer's in its place
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    booking_period char(7) not null,          -- after the bill's period: it settled arrears
    business_date  date not null,
    entry_id       bigint not null,           -- city entry for banks' money, agency entry for receipts'
    check ((source = 'BANK') = (batch_id is not null) and (source = 'BANK') = (line is not null)
        and (source = 'RECEIPT') = (receipt_id is not null)
        and (source in ('BANK', 'RECEIPT')) = (reversal_id is null))
);
create unique index collection_once_a_line on collection (batch_id, line) where batch_id is not null;
create unique index collection_once_a_receipt on collection (receipt_id) where receipt_id is not null;
create unique index collection_once_a_reversal on collection (reversal_id, source) where reversal_id is not null;
create index collection_by_bill on collection (bill_id);
create table suspense (                       -- sub-ledger of suspense 暂收款: money beyond what was outstanding
    source   text not null default 'BANK' check (source in ('BANK', 'BANK_REVERSAL', 'BANK_CHANGE')),
    batch_id bigint, line integer,            -- of a bank's answer
    reversal_id bigint references reversal,   -- as in collection
    bill_id  bigint not null references bill,
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    booking_period char(7) not null,
    entry_id bigint not null references journal_entry deferrable initially deferred,   -- numbered first, added up after
    check ((source = 'BANK') = (batch_id is not null) and (source = 'BANK') = (line is not null)
        and (source = 'BANK') = (reversal_id is null))
);
create unique index suspense_once_a_line on suspense (batch_id, line) where batch_id is not null;
create unique index suspense_once_a_reversal on suspense (reversal_id, source) where reversal_id is not null;
create index suspense_by_entry on suspense (entry_id);
create index suspense_by_bill on suspense (bill_id);
create table notice (                         -- 表二十七 as sent to an agency, one a batch
    id            bigint generated always as identity primary key,
    batch_id      bigint not null references batch,
    agency        char(6) not null,
    supplementary boolean not null,
    requested_count integer not null,
    requested     bigint[] not null,          -- four funds
    arrived_count integer not null,
    arrived       bigint[] not null,          -- what the bank sent; suspense is part of it
    unarrived_count integer not null,
    unarrived     bigint[] not null,
    suspense      bigint[] not null,
    event_id      uuid not null unique,
    unique (batch_id, agency)
);
create table period_close (                   -- 财表一 at month end, not restated
    period   char(7) not null,
    agency   char(6) not null,
    closed_at timestamptz not null,
    due_count integer not null, due bigint[] not null,
    arrived_count integer not null, arrived bigint[] not null,
    arrears_count integer not null, arrears bigint[] not null,
    primary key (period, agency)
);
create table cancellation (                   -- supplements and repayments that were cancelled 注销
    bill_id        bigint primary key references bill,
    reason         text not null,             -- hub.domain.lifecycle.Cancelled
    cause          text not null,             -- what cancelled it: a batch, a step, a file identity …
    cancelled_at   timestamptz not null,
    booking_period char(7) not null,
    entry_id       bigint references journal_entry   -- of a supplement: it is due no longer
);
create table finance_close (                  -- 财表二 (kind A) and 财表三 (S) at the finance close, not restated
    period   char(7) not null,
    kind     char(1) not null check (kind in ('S', 'A')),
    agency   char(6) not null,
    closed_at timestamptz not null,           -- the step's hour
    filed_count integer not null, filed bigint[] not null,
    arrived_count integer not null, arrived bigint[] not null,
    cancelled_count integer not null, cancelled bigint[] not null,
    pending_count integer not null, pending bigint[] not null,
    primary key (period, kind, agency)
);
create table arrears (                        -- opened at month end; outstanding = opened less collections booked in later periods
    bill_id   bigint primary key,
    agency    char(6) not null,
    unit      char(12) not null,
    period    char(7) not null,
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    in_doubt  boolean not null,               -- the bank had not answered at month end
    opened_on date not null,
    entry_id  bigint not null
);
create index arrears_by_period on arrears (period, agency, unit);
create view arrears_of_bill as                -- opened at month end, or by money of that month that came back after it
select bill_id, agency, unit, period, pension, unemployment, injury, maternity, in_doubt, opened_on from arrears
union all
select b.id, b.agency, b.unit, b.period, 0, 0, 0, 0, false, min(r.dated_on)
from reversal r join bill b on b.id = r.bill_id and b.kind = 'M' and r.booking_period > b.period
where not exists (select from arrears a where a.bill_id = r.bill_id) group by b.id;

-- ── other incomes 其他项目收入 (C15): facts, with the close's account of them; the general grants below are all they need ──
create table other_income (                   -- booked on acceptance, at the agency; sub-ledger of OTHER_INCOME
    id             bigint generated always as identity primary key,
    income_no      text not null unique,
    agency         char(6) not null,
    item           text not null,             -- hub.domain.other_incomes.Item
    unit           char(12) collate "C",      -- null: of no unit
    period         char(7),                   -- of late fees: whose arrears; null for the others
    pension        bigint not null check (pension >= 0),
    unemployment   bigint not null check (unemployment >= 0),
    injury         bigint not null check (injury >= 0),
    maternity      bigint not null check (maternity >= 0),
    received_on    date not null,
    booking_period char(7) not null,          -- the period open at the time: a closed one is never booked into
    file_id        bigint not null references file_intake,
    line           integer not null,          -- line number field of the D line
    accepted_at    timestamptz not null,
    entry_id       bigint not null references journal_entry,
    check (pension + unemployment + injury + maternity > 0),
    check ((item = 'LATE-FEE') = (period is not null) and (period is null or unit is not null))
);
create index other_income_by_hour on other_income (accepted_at);
create index other_income_by_file on other_income (file_id);
create index other_income_of_arrears on other_income (unit, period) where item = 'LATE-FEE';
create table other_income_close (             -- 财表四 at the finance close, not restated
    period    char(7) not null,
    agency    char(6) not null,
    item      text not null,
    closed_at timestamptz not null,           -- the step's hour
    booked_count integer not null, booked bigint[] not null,
    primary key (period, agency, item)
);

-- ── the daily tie-out (日终核对) ─────────────────────────────────────────────────────────────────────────────────
create table bank_file_total (                -- what a bank file asks of each agency's bills, added up as its bytes were written
    batch_id bigint not null references batch,
    agency   char(6) not null,
    lines    integer not null check (lines > 0),
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    primary key (batch_id, agency)
);
create table tie_out (                        -- certificates of business days, each behind the one before; no process may change one
    number    bigint primary key check (number > 0),
    day       date not null,                  -- a day that was red and was mended is drawn again, behind the newest
    content   jsonb not null,                 -- hub.domain.tie_out.certify
    previous  char(64) not null,              -- hash of the certificate numbered one less; of the first, zeros
    sha256    char(64) not null unique        -- over the canonical JSON of the content
);
create index tie_out_by_day on tie_out (day, number);
create index journal_entry_by_day on journal_entry (business_date);
create index receipt_by_hour on receipt (accepted_at);

-- ── members of supplements, and subsidies ───────────────────────────────────────────────────────────────────────
create table member_list (                    -- 表四 of one supplement; it may come before the bill
    id          bigint generated always as identity primary key,
    agency      char(6) not null,
    period      char(7) not null,
    bill_no     text collate "C" not null,
    variant     text not null check (variant in ('', '1', '3')),   -- hub.domain.members.Variant
    lines       integer not null check (lines > 0),
    members     integer not null check (members between 1 and lines),
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    unit_pension bigint, unit_unemployment bigint, medical_personal bigint, medical_subsidy bigint,   -- 表四-1, 表五-1
    approval_no text not null,
    explanation text not null,
    file_id     bigint not null references file_intake,
    file_line   integer not null,             -- of the C line
    accepted_at timestamptz not null,
    unique (agency, bill_no),
    check (num_nulls(unit_pension, unit_unemployment, medical_personal, medical_subsidy) = case variant when '1' then 0 else 4 end),
    check (variant <> '1' or injury = 0 and maternity = 0),
    check (variant <> '3' or approval_no <> '' and explanation <> '')
);
create index member_list_by_period on member_list (period, variant);
create table member_line (                    -- personal data: see the rights at the end
    list_id     bigint not null references member_list,
    line        integer not null,             -- line number field of the D line
    member_no   char(18) not null,            -- 公民身份号码
    member_name text not null,
    shown_no    text not null generated always as (repeat('*', 14) || right(member_no::text, 4)) stored,
    shown_name  text not null generated always as (left(member_name, 1) || repeat('*', char_length(member_name) - 1)) stored,
    first_month char(7) not null,
    last_month  char(7) not null check (last_month >= first_month),
    pension bigint not null, unemployment bigint not null, injury bigint not null, maternity bigint not null,
    unit_pension bigint, unit_unemployment bigint,
    primary key (list_id, line)
);
create table subsidy (                        -- sub-ledger of what unemployment finance moves (补贴划转); what comes back is negative
    id           bigint generated always as identity primary key,
    subsidy_no   text not null unique,
    bill_id      bigint not null references bill,
    movement     text not null check (movement in ('UNIT', 'MEDICAL', 'UNIT-BACK', 'MEDICAL-BACK')),
    pension bigint not null, unemployment bigint not null, medical bigint not null,
    booked_on    date not null,               -- as the file says it
    booking_period char(7) not null,
    business_date date not null,
    entry_id     bigint not null references journal_entry,
    file_id      bigint not null references file_intake,
    line         integer not null,            -- line number field of the D line
    accepted_at  timestamptz not null,
    unique (bill_id, movement),               -- once each
    check (case when right(movement, 4) = 'BACK' then greatest(pension, unemployment, medical) = 0 and pension + unemployment + medical < 0
                else least(pension, unemployment, medical) = 0 and pension + unemployment + medical > 0 end)
);
create index subsidy_by_hour on subsidy (accepted_at);

-- ── shadow: banks for which another system collects; nothing here is of the books ───────────────────────────────
create table shadow_period (                  -- banks that are not asked from an upload on to the end of its period (并行试运行)
    period     char(7) not null,
    bank       text not null,
    from_round smallint not null check (from_round in (1, 2)),   -- 1: the bank's bills of the period are another system's
    begun_at   timestamptz not null,          -- when that upload closed
    primary key (period, bank)
);
create table shadow_session (                 -- the requests of a session as the hub would have sent them are made
    period   char(7) not null,
    round    smallint not null,
    bank     text not null,
    day      date not null,                   -- of the city batch
    made_at  timestamptz not null,
    primary key (period, round, bank)
);
create table shadow_file (                    -- what was laid side by side
    id          bigint generated always as identity primary key,
    bank        text not null,
    origin      text not null,                -- hub.ledger.shadow.Origin
    period      char(7), round smallint,      -- of requests
    name        text not null,
    fingerprint text not null,                -- where it was read; the same file is not read twice
    sha256      char(64) not null references archived_file,
    seen_at     timestamptz not null
);
create index shadow_file_by_bank on shadow_file (bank, origin, name);
create table shadow_finding (                 -- what a comparison came to; the newest of a file, or of a session's requests, counts
    id          bigint generated always as identity primary key,
    bank        text not null,
    period      char(7), round smallint,      -- null: of no session that the hub has made requests for
    file_id     bigint references shadow_file,   -- null: the requests of the session against each other
    found_at    timestamptz not null,
    differences integer not null,
    told        jsonb not null
);
create index shadow_finding_by_bank on shadow_finding (bank, id);

-- ── transport ───────────────────────────────────────────────────────────────────────────────────────────────────
create table outbox (
    id            bigint generated always as identity primary key,
    event_id      uuid not null unique,
    topic         text not null,
    key           text not null,
    payload       bytea not null,             -- Avro, single-object encoding
    subject       text not null,              -- what the event is about; event_id derives from topic and subject
    lines         integer not null,
    occurred_at   timestamptz not null,
    traceparent   text not null default '',
    lane          text not null default '',   -- what the event belongs to; lanes of a topic leave in turns
    awaiting      smallint not null,          -- consumers of record that have not taken it yet
    published_at  timestamptz,                -- wall clock; null: the relay's next work
    published     integer not null default 0  -- how often
);
alter table outbox alter payload set storage external;   -- Avro of amounts does not shrink; trying costs time
create index outbox_to_publish on outbox (topic, lane, id) where published_at is null;
create index outbox_in_flight on outbox (topic) where awaiting > 0 and published_at is not null and published < 3;
create index outbox_awaited on outbox (id) where awaiting > 0;
create table inbox (
    consumer  text not null,
    event_id  uuid not null,
    topic     text not null,
    partition integer not null,
    "offset"  bigint not null,
    settles   uuid not null,                  -- the outbox event this one settles: itself, or the one it was derived from
    taken_at  timestamptz not null default now(),   -- wall clock
    primary key (consumer, event_id)
);
create index inbox_by_event on inbox (event_id);
create table dead_letter (
    id        bigint generated always as identity primary key,
    consumer  text not null,
    topic     text not null, partition integer not null, "offset" bigint not null,
    key       bytea, payload bytea, headers jsonb not null default '{}',
    reason    text not null,
    parked_at timestamptz not null default now(),   -- wall clock
    unique (consumer, topic, partition, "offset")
);

-- ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────
create table work_item (
    id          bigint generated always as identity primary key,
    queue       text not null,                -- hub.domain.work.Queue
    agency      text not null default '', bank text not null default '',
    file        text not null default '', line integer, field text not null default '',
    summary     text not null,
    detail      jsonb not null default '{}',
    about       text not null,                -- the same trouble opens one item, not many
    opened_at   timestamptz not null,
    state       text not null default 'open' check (state in ('open', 'resolved')),
    resolved_at timestamptz,
    resolution  text not null default ''
);
create unique index work_item_open_once on work_item (queue, about) where state = 'open';
create index work_item_about on work_item (queue, about);   -- was it ever raised, whatever became of it
create table quarantine_decision (            -- what persons decided about a quarantined coming, oldest first
    id          bigint generated always as identity primary key,
    file_id     bigint not null references file_intake,
    act         text not null,                -- hub.domain.quarantine.Act
    file        text not null,                -- name and content decided on: the quarantined file's, or its correction's
    sha256      char(64) not null references archived_file,
    by_whom     text not null check (btrim(by_whom) <> ''),
    note        text not null default '',
    decided_at  timestamptz not null,
    proposal_id bigint, proposed_by text,     -- an approval is of one proposal, of its very content, by another person
    unique (id, file_id, sha256, by_whom),
    foreign key (proposal_id, file_id, sha256, proposed_by) references quarantine_decision (id, file_id, sha256, by_whom),
    check ((act in ('release', 'correct')) = (proposal_id is not null) and (proposal_id is null) = (proposed_by is null)),
    check (lower(btrim(by_whom)) <> lower(btrim(proposed_by)))
);
create index quarantine_decision_by_file on quarantine_decision (file_id, id);
create unique index quarantine_let_in_once on quarantine_decision (file_id) where act in ('release', 'correct');
create table host_key_proposal (              -- a bank's host key that one person wants pinned; the newest of a key counts
    id          bigint generated always as identity primary key,
    bank        text not null,
    host_key    text not null check (host_key ~ '^SHA256:[A-Za-z0-9+/]{43}$'),
    first_day   date, last_day date check (last_day >= first_day),   -- both count; null: without an end
    proposed_by text not null check (btrim(proposed_by) <> ''),
    proposed_at timestamptz not null,
    unique (id, proposed_by)
);
create index host_key_proposal_by_key on host_key_proposal (bank, host_key, id);
create table host_key_approval (              -- from here on the hub speaks to a server with this key, on those days
    proposal_id bigint primary key,
    proposed_by text not null,
    approved_by text not null check (btrim(approved_by) <> '' and lower(btrim(approved_by)) <> lower(btrim(proposed_by))),
    approved_at timestamptz not null,
    foreign key (proposal_id, proposed_by) references host_key_proposal (id, proposed_by)
);

-- ── dunning: units that cannot be made to pay ────────────────────────────────────────────────────────────────────
create table hand_over (                      -- 移交, one row each (C11); nothing of it is changed or deleted
    agency      char(6) not null,
    unit        char(12) collate "C" not null,
    step        smallint not null check (step > 0),   -- the unit's how many'th at its agency
    before      smallint generated always as (nullif(step - 1, 0)) stored,
    from_desk   text not null,                -- hub.domain.hand_over.Desk; where the one before has brought it
    to_desk     text not null check (to_desk <> from_desk),
    handed_on   date not null,
    by_whom     text not null check (btrim(by_whom) <> ''),
    note        text not null default '',
    outstanding bigint not null check (outstanding >= 0),   -- of the unit's arrears at the time
    recorded_at timestamptz not null,
    primary key (agency, unit, step),
    unique (agency, unit, step, to_desk),
    foreign key (agency, unit, before, from_desk) references hand_over (agency, unit, step, to_desk),
    check (before is not null or from_desk = 'agency')
);

-- ── rights: what the hub's processes may do, and the read-only desk ─────────────────────────────────────────────
do $$ begin
    if not exists (select from pg_roles where rolname = 'hub_app') then create role hub_app nologin; end if;
    if not exists (select from pg_roles where rolname = 'hub_read') then create role hub_read nologin; end if;
end $$;
-- Only an owner may draw statistics; a step that is about to join whole months needs those of this very moment.
create function draw_statistics(of_table text) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if of_table not in ('bill', 'instruction', 'collection', 'result_line') then
        raise exception using message = 'no statistics are drawn of ' || of_table;
    end if;
    execute 'analyze ' || quote_ident(of_table);
end $$;
revoke execute on function draw_statistics(text) from public;
grant execute on function draw_statistics(text) to hub_app;
grant usage on schema public to hub_app, hub_read;
grant select on all tables in schema public to hub_app, hub_read;
grant insert on all tables in schema public to hub_app;
revoke select on member_line from hub_read;   -- who members are, the desk and the exports cannot see
grant select (list_id, line, shown_no, shown_name, first_month, last_month, pension, unemployment, injury, maternity,
    unit_pension, unit_unemployment) on member_line to hub_read;
grant usage on all sequences in schema public to hub_app;
grant update on sequence instruction_id_seq to hub_app;   -- a session reserves its numbers at once
grant update on business_clock, calendar_day, batch, bank_file_seen, bank_circuit, work_item to hub_app;
grant update (awaiting, published_at, published) on outbox to hub_app;
grant delete on bank_file_seen to hub_app;
