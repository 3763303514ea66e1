import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/inspect/commands.ts';
import {
  ATTEMPTS_MAX,
  answerEnd,
  answerRefusal,
  badOrder,
  GONE_MS,
  givenVerdict,
  LOOSE_MS,
  type OrderFacts,
  SILENT_MS,
  silenceVerdict,
  staleReason,
  taskOf,
} from '../../../src/inspect/orders-decide.ts';
import { containing } from '../../support/containing.ts';

const TASK = '0193b3a0-0000-7000-8000-000000000001';
const given = (change: Partial<OrderFacts> = {}): OrderFacts => ({
  id: 'o1',
  key: `${TASK}:0`,
  name: 'erase_disks',
  state: 'given',
  session: 'boot-1',
  attempts: 1,
  createdAt: 0,
  ...change,
});

describe('an order that was given', () => {
  it('runs while its own agent says that it is at something, and was never seen when it is at nothing', () => {
    expect(givenVerdict(given(), 'boot-1', { commandId: 'o1' })).toEqual({ is: 'running' });
    expect(givenVerdict(given(), 'boot-1', { commandId: 'other' })).toEqual({ is: 'running' });
    expect(givenVerdict(given(), 'boot-1', null)).toEqual({ is: 'unseen' });
  });

  it('goes to the agent of the next boot, three times in all, and fails then in words', () => {
    for (let attempts = 1; attempts < ATTEMPTS_MAX; attempts += 1)
      expect(givenVerdict(given({ attempts }), 'boot-2', null)).toEqual({ is: 'again' });
    expect(givenVerdict(given({ attempts: ATTEMPTS_MAX }), 'boot-2', null)).toMatchObject({
      is: 'over',
      end: { state: 'failed', message: containing('booted anew 3 times while its agent was at "Erase disks"') },
    });
  });

  it.each(['reboot', 'power_off', 'boot_disk'])('%s is done when the machine boots anew, and when its agent falls silent', (name) => {
    expect(givenVerdict(given({ name }), 'boot-2', null)).toMatchObject({ is: 'over', end: { state: 'done' } });
    expect(silenceVerdict(given({ name }), GONE_MS - 1)).toBeUndefined();
    expect(silenceVerdict(given({ name }), GONE_MS)).toMatchObject({ state: 'done' });
  });

  it('fails when nothing is heard for too long, and says what to look at', () => {
    expect(silenceVerdict(given(), SILENT_MS - 1)).toBeUndefined();
    expect(silenceVerdict(given(), SILENT_MS)).toMatchObject({
      state: 'failed',
      message: containing('for 15 minutes while it was at "Erase disks". Look'),
    });
  });
});

describe('an order that waits', () => {
  it('is nobody’s when its task is over, and otherwise waits as long as that', () => {
    expect(staleReason(given({ state: 'waiting' }), 1e12, false)).toBe('the work that wanted it is over');
    expect(staleReason(given({ state: 'waiting' }), 1e12, true)).toBeUndefined();
  });

  it('that no task wants is for now', () => {
    expect(staleReason(given(), LOOSE_MS, null)).toBeUndefined();
    expect(staleReason(given(), LOOSE_MS + 1, null)).toBe('no agent took it within 10 minutes');
  });

  it('belongs to the task that its key begins with', () => {
    expect(taskOf(`${TASK}:3`)).toBe(TASK);
    expect(taskOf(`${TASK}:3:again`)).toBe(TASK);
    for (const key of ['power:1', TASK, `x${TASK}:1`, '']) expect(taskOf(key)).toBeNull();
  });
});

describe('what may be placed', () => {
  const disk = { serial: 'S1', wwn: null, size: 1, byPath: null, expects: null, title: 'disk S1' };
  it.each([
    ['reboot', {}, undefined],
    ['erase_metadata', { disks: [disk] }, undefined],
    ['erase_metadata', { disks: 'all' }, containing('disks')],
    ['erase_metadata', {}, containing('disks')],
    ['erase_metadata', { disks: [], force: true }, 'force is not known to it'],
    ['erase_disks', { disks: [disk], method: 'hammer', verify: true, passes: 1 }, containing('method')],
    ['erase_disks', { disks: [disk], method: 'auto', verify: true, passes: 99 }, containing('passes')],
    ['format_c', {}, containing('no agent knows the command "format_c"')],
    ['toString', {}, containing('no agent knows')],
  ])('%s with %j', (name, args, wrong) => expect(badOrder(name, args)).toEqual(wrong));

  it('has arguments and a result in every command', () => {
    for (const [name, { args, result }] of Object.entries(COMMANDS))
      expect([name, args.type, result.type]).toEqual([name, 'object', 'object']);
  });
});

describe('an answer', () => {
  const done = { commandId: 'o1', outcome: 'done', message: 'erased', result: { disks: [] } } as const;

  it('ends its order', () => {
    expect(answerEnd(given(), done, 12, 100)).toEqual({ state: 'done', message: 'erased' });
    expect(answerEnd(given(), { ...done, outcome: 'refused', message: 'no such disk' }, 2, 100)).toEqual({
      state: 'failed',
      message: 'no such disk',
    });
    expect(answerEnd(given(), { ...done, outcome: 'failed', message: '' }, 2, 100)).toMatchObject({
      message: containing('did not say why'),
    });
  });

  it('whose result is too long, or is none of its command, is a failure that says so', () => {
    expect(answerEnd(given(), done, 101, 100)).toMatchObject({ state: 'failed', message: containing('101 bytes') });
    expect(answerEnd(given(), { ...done, result: {} }, 2, 100)).toMatchObject({ state: 'failed', message: containing('disks') });
  });

  it('counts only from the agent of the boot that the order was given to', () => {
    const of = { nodeUuid: 'n1', session: 'boot-1' };
    const order = { ...given(), nodeUuid: 'n1' };
    expect(answerRefusal(order, of)).toBeUndefined();
    expect(answerRefusal({ ...order, state: 'done' }, of)).toBeUndefined();
    expect(answerRefusal(undefined, of)).toBe('no order has that id');
    expect(answerRefusal({ ...order, nodeUuid: 'n2' }, of)).toContain('another machine');
    expect(answerRefusal({ ...order, session: 'boot-2' }, of)).toContain('another boot');
    expect(answerRefusal({ ...order, state: 'waiting', session: null }, of)).toContain('has not been given');
  });
});
