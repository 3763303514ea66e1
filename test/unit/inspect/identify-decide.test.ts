// Every combination of what can be known of a machine and a node goes through the table, and what must always hold is asked of each.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Evidence, outcome, RULES, ruleFor, rulesTable } from '../../../src/inspect/identify-decide.ts';

const ALL: readonly Evidence[] = (['own', 'shared', 'none'] as const).flatMap((mac) =>
  (['same', 'shared', 'differs', 'unknown'] as const).flatMap((uuid) =>
    (['same', 'differs', 'unknown'] as const).flatMap((serial) =>
      (['same', 'other', 'unknown'] as const).flatMap((disks) =>
        [true, false].flatMap((hasPorts) => [true, false].map((isBoot) => ({ mac, uuid, serial, disks, hasPorts, isBoot }))),
      ),
    ),
  ),
);

function verdicts(filter: (evidence: Evidence) => boolean): string[] {
  return [...new Set(ALL.filter(filter).map((evidence) => ruleFor(evidence).verdict))].toSorted();
}

describe('the table of identity', () => {
  it('has a row that decides for every combination, and none that never does', () => {
    expect(ALL).toHaveLength(3 * 4 * 3 * 3 * 2 * 2);
    expect(new Set(ALL.map((evidence) => ruleFor(evidence).id))).toEqual(new Set(RULES.map(({ id }) => id)));
  });

  it('never takes a machine for a node that has another UUID', () => {
    expect(verdicts(({ uuid }) => uuid === 'differs')).toEqual(['maybe', 'no']);
  });

  it('never identifies by a card that was seen in several machines: only a UUID of one node does then', () => {
    expect(verdicts(({ mac, uuid }) => mac === 'shared' && uuid !== 'same')).toEqual(['maybe', 'no']);
  });

  it('never identifies by a UUID that several nodes have: only an own port does then', () => {
    expect(verdicts(({ mac, uuid }) => mac !== 'own' && uuid === 'shared')).toEqual(['maybe', 'no']);
    expect(verdicts(({ mac, uuid }) => mac === 'own' && uuid === 'shared')).toEqual(['yes']);
  });

  it('never takes two machines with one UUID for one: another serial number without an own port says that they are two', () => {
    expect(verdicts(({ mac, uuid, serial }) => mac !== 'own' && uuid === 'same' && serial === 'differs')).toEqual(['maybe', 'no']);
  });

  it('never identifies by serial number and disks alone', () => {
    expect(verdicts(({ mac, uuid }) => mac === 'none' && uuid !== 'same')).toEqual(['maybe', 'no']);
  });

  it('says maybe, not no, whenever all disks are those of the node and it is not taken for it', () => {
    expect(verdicts(({ disks }) => disks === 'same')).not.toContain('no');
  });

  it('lets a UUID alone decide only while a machine boots, or for a node without ports', () => {
    const alone = ({ mac, uuid, serial, disks }: Evidence): boolean =>
      mac === 'none' && uuid === 'same' && serial === 'unknown' && disks !== 'same';
    expect(verdicts((evidence) => alone(evidence) && evidence.hasPorts && !evidence.isBoot)).toEqual(['maybe']);
    expect(verdicts((evidence) => alone(evidence) && (evidence.isBoot || !evidence.hasPorts))).toEqual(['for-now']);
  });

  it('stands in the guide as it is in the code', () => {
    const guide = readFileSync(new URL('../../../docs/guide/enrolment.md', import.meta.url), 'utf8');
    expect(guide).toContain(rulesTable());
  });
});

describe('of several nodes', () => {
  const candidate = (name: string, evidence: Partial<Evidence>) => ({
    name,
    rule: ruleFor({ mac: 'none', uuid: 'unknown', serial: 'unknown', disks: 'unknown', hasPorts: true, isBoot: false, ...evidence }),
  });

  it('the one that it surely is wins over one that it is for now', () => {
    const [mac, uuid] = [candidate('mac', { mac: 'own' }), candidate('uuid', { uuid: 'same', isBoot: true })];
    expect(outcome([uuid, mac])).toEqual({ is: 'known', one: mac, maybe: [uuid] });
  });

  it('two that it surely is are none for sure', () => {
    const both = [candidate('a', { mac: 'own' }), candidate('b', { uuid: 'same', serial: 'same' })];
    expect(outcome(both)).toEqual({ is: 'unclear', several: both });
  });

  it('those that it may be are told beside it, and the others are not', () => {
    const [one, disks, stranger] = [candidate('a', { mac: 'own' }), candidate('b', { disks: 'same' }), candidate('c', { uuid: 'differs' })];
    expect(outcome([one, disks, stranger])).toEqual({ is: 'known', one, maybe: [disks] });
    expect(outcome([stranger])).toEqual({ is: 'new', maybe: [] });
  });
});
