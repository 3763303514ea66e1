// Is this machine that node? One table, read from the top: the first row that fits is the answer. Pure. The guide shows the same table.

/** `shared`: a card that was seen in machines of different UUIDs, or a UUID that several nodes have. It tells machines apart no longer. */
export interface Evidence {
  /** own: it reports a port of the node. shared: ports of the node, and only such as identify nobody. */
  readonly mac: 'own' | 'shared' | 'none';
  readonly uuid: 'same' | 'shared' | 'differs' | 'unknown';
  readonly serial: 'same' | 'differs' | 'unknown';
  /** same: all built-in disks of one are among those of the other. */
  readonly disks: 'same' | 'other' | 'unknown';
  /** Whether the node has any port at all. */
  readonly hasPorts: boolean;
  /** It boots: neither serial number nor disks are known yet, the agent's report decides anew. */
  readonly isBoot: boolean;
}

/** for-now: it is that node unless another one has more to show for itself. */
export type Verdict = 'yes' | 'for-now' | 'maybe' | 'no';

export interface Rule {
  readonly id: string;
  /** In words, for the guide. */
  readonly when: string;
  readonly verdict: Verdict;
  readonly because: string;
  readonly fits: (evidence: Evidence) => boolean;
}

const NOTHING: Rule = { id: 'nothing', when: 'none of these', verdict: 'no', because: 'nothing of it is known', fits: () => true };

export const RULES: readonly Rule[] = [
  {
    id: 'port-and-uuid',
    when: 'a port of the node, and its UUID',
    verdict: 'yes',
    because: 'two names agree',
    fits: ({ mac, uuid }) => mac === 'own' && (uuid === 'same' || uuid === 'shared'),
  },
  {
    id: 'port-other-serial',
    when: 'a port of the node, no UUID to compare, another serial number',
    verdict: 'maybe',
    because: 'a network card that was moved, or a new mainboard',
    fits: ({ mac, uuid, serial }) => mac === 'own' && uuid === 'unknown' && serial === 'differs',
  },
  {
    id: 'port',
    when: 'a port of the node, no UUID to compare',
    verdict: 'yes',
    because: 'nothing speaks against the port',
    fits: ({ mac, uuid }) => mac === 'own' && uuid === 'unknown',
  },
  {
    id: 'uuid-other-serial-but',
    when: 'its UUID, another serial number, but its disks or a shared network card',
    verdict: 'maybe',
    because: 'boards of one UUID, or a serial number that was set anew',
    fits: ({ mac, uuid, serial, disks }) => uuid === 'same' && serial === 'differs' && (mac !== 'none' || disks === 'same'),
  },
  {
    id: 'uuid-other-serial',
    when: 'its UUID, another serial number',
    verdict: 'no',
    because: 'two machines with one UUID',
    fits: ({ uuid, serial }) => uuid === 'same' && serial === 'differs',
  },
  {
    id: 'uuid-and-shared-port',
    when: 'its UUID, and a shared network card that is a port of it',
    verdict: 'yes',
    because: 'the UUID says which of the machines that had the card it is',
    fits: ({ mac, uuid }) => uuid === 'same' && mac === 'shared',
  },
  {
    id: 'uuid-and-serial',
    when: 'its UUID and its serial number, and not other disks',
    verdict: 'yes',
    because: 'new network cards in the same machine',
    fits: ({ uuid, serial, disks }) => uuid === 'same' && serial === 'same' && disks !== 'other',
  },
  {
    id: 'uuid-and-disks',
    when: 'its UUID and its disks',
    verdict: 'yes',
    because: 'new network cards in the same machine',
    fits: ({ uuid, disks }) => uuid === 'same' && disks === 'same',
  },
  {
    id: 'uuid-no-ports',
    when: 'its UUID, and the node has no port',
    verdict: 'for-now',
    because: 'there is nothing else to know it by',
    fits: ({ uuid, hasPorts }) => uuid === 'same' && !hasPorts,
  },
  {
    id: 'uuid-at-boot',
    when: 'its UUID, while it boots',
    verdict: 'for-now',
    because: 'the report of the agent decides anew, with serial number and disks',
    fits: ({ uuid, isBoot }) => uuid === 'same' && isBoot,
  },
  {
    id: 'uuid',
    when: 'its UUID, and nothing else',
    verdict: 'maybe',
    because: 'new network cards, or two machines with one UUID',
    fits: ({ uuid }) => uuid === 'same',
  },
  {
    id: 'shared-uuid-stranger',
    when: 'a UUID that several nodes have, another serial number, other disks',
    verdict: 'no',
    because: 'two machines with one UUID',
    fits: ({ mac, uuid, serial, disks }) => uuid === 'shared' && mac === 'none' && serial === 'differs' && disks === 'other',
  },
  {
    id: 'shared-uuid',
    when: 'a UUID that several nodes have',
    verdict: 'maybe',
    because: 'such a UUID identifies none of them',
    fits: ({ uuid }) => uuid === 'shared',
  },
  {
    id: 'disks',
    when: 'its disks',
    verdict: 'maybe',
    because: 'a new mainboard, or the disks were moved',
    fits: ({ disks }) => disks === 'same',
  },
  {
    id: 'moved-port',
    when: 'a port of the node, another UUID, other disks',
    verdict: 'no',
    because: 'a network card that was moved, or goes from machine to machine',
    fits: ({ mac, uuid, disks }) => mac !== 'none' && uuid === 'differs' && disks === 'other',
  },
  {
    id: 'port-other-uuid',
    when: 'a port of the node, another UUID',
    verdict: 'maybe',
    because: 'a network card that was moved, or a new mainboard',
    fits: ({ mac, uuid }) => mac !== 'none' && uuid === 'differs',
  },
  {
    id: 'shared-port',
    when: 'a shared network card that is a port of it, no UUID to compare',
    verdict: 'maybe',
    because: 'a card that was seen under two UUIDs never identifies',
    fits: ({ mac }) => mac !== 'none',
  },
  {
    id: 'serial',
    when: 'its serial number, not both another UUID and other disks',
    verdict: 'maybe',
    because: 'a new mainboard that was given the old number, or a number that many carry',
    fits: ({ uuid, serial, disks }) => serial === 'same' && !(uuid === 'differs' && disks === 'other'),
  },
  NOTHING,
];

/** The row that decides. */
export function ruleFor(evidence: Evidence): Rule {
  return RULES.find((rule) => rule.fits(evidence)) ?? NOTHING;
}

export type Outcome<T> =
  | { readonly is: 'new'; readonly maybe: readonly T[] }
  | { readonly is: 'known'; readonly one: T; readonly maybe: readonly T[] }
  | { readonly is: 'unclear'; readonly several: readonly T[] };

/** What follows for all nodes together: one yes is it, several are none; one that is it for now stands where nobody says yes. */
export function outcome<T extends { readonly rule: Rule }>(candidates: readonly T[]): Outcome<T> {
  const of = (verdict: Verdict): T[] => candidates.filter(({ rule }) => rule.verdict === verdict);
  const [sure, forNow, maybe] = [of('yes'), of('for-now'), of('maybe')];
  const [one, ...more] = sure.length > 0 ? sure : forNow;
  if (one === undefined) return { is: 'new', maybe };
  if (more.length > 0) return { is: 'unclear', several: [one, ...more] };
  return { is: 'known', one, maybe: sure.length > 0 ? [...forNow, ...maybe] : maybe };
}

const WORDS: Readonly<Record<Verdict, string>> = {
  yes: 'is the node',
  'for-now': 'is the node, unless another one fits better',
  maybe: 'may be the node: a person decides',
  no: 'is not the node',
};

/** The table as the guide has it. */
export function rulesTable(): string {
  const rows = RULES.map(({ when, verdict, because }) => `| ${when} | ${WORDS[verdict]} | ${because} |`);
  return ['| the machine has | it | because |', '| --- | --- | --- |', ...rows].join('\n');
}
