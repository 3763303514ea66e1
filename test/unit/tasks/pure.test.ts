// The parts that need no store.

import fc from 'fast-check';
import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../src/tasks/backoff.ts';
import { createTaskIds } from '../../../src/tasks/ids.ts';
import { defineTask, done } from '../../../src/tasks/index.ts';
import { encodeJson, storedError } from '../../../src/tasks/json.ts';
import { decodeMailbox, MAX_WAKE_NAMES, mailboxObject, withMail, withoutSeen } from '../../../src/tasks/mailbox.ts';
import { overallProgress } from '../../../src/tasks/progress.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createRandom } from './harness.ts';

describe('the delay before the next try', () => {
  it('doubles up to its cap and stays between half of that and all of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.nat(10_000),
        fc.nat(100_000),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (n, first, more, spread) => {
          const full = Math.min(first + more, first * 2 ** Math.min(n - 1, 40));
          const delay = backoffMs(n, { firstDelayMs: first, maxDelayMs: first + more }, spread);
          expect(Number.isInteger(delay)).toBe(true);
          expect(delay).toBeGreaterThanOrEqual(Math.floor(full / 2));
          expect(delay).toBeLessThanOrEqual(Math.ceil(full));
        },
      ),
    );
  });
});

describe('task ids', () => {
  it('are UUIDs of version 7 that sort in the order they were made, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 50 }), (jumps) => {
        let now = 1_700_000_000_000;
        const next = createTaskIds({ ...createFakeClock(), now: () => now }, createRandom());
        const ids = jumps.flatMap((jump) => {
          now += jump;
          return [next(), next()];
        });
        for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect([...ids].sort()).toEqual(ids);
      }),
    );
  });

  it('keep their order when one millisecond runs out of numbers', () => {
    const next = createTaskIds(createFakeClock(), createRandom());
    const ids = Array.from({ length: 5000 }, next);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(5000);
  });
});

describe('the mailbox', () => {
  it('forgets what was seen and keeps what came later', () => {
    const seen = { seq: 5, payload: 'old' };
    const box = withMail(new Map(), 'report', seen);
    expect(withoutSeen(box, 'report', seen).size).toBe(0);
    expect(withoutSeen(withMail(box, 'report', { seq: 6, payload: 'new' }), 'report', seen).get('report')?.payload).toBe('new');
    expect(withoutSeen(box, 'other', seen).size).toBe(1);
    expect(withoutSeen(box, null, undefined).size).toBe(1);
  });

  it('has a cap, where the oldest goes, and survives being stored', () => {
    let box: ReturnType<typeof decodeMailbox> = new Map();
    for (let i = 0; i < MAX_WAKE_NAMES + 3; i += 1) box = withMail(box, `n${i}`, { seq: i, payload: i });
    expect(box.size).toBe(MAX_WAKE_NAMES);
    expect(box.has('n2')).toBe(false);
    expect(decodeMailbox(JSON.stringify(mailboxObject(box)))).toEqual(box);
    expect(decodeMailbox('[]').size).toBe(0);
    expect(decodeMailbox('{"x":{"no":1}}').size).toBe(0);
  });
});

describe('a definition', () => {
  const step = { name: 'go', title: 'Go', timeoutMs: 1, run: async () => done() };
  const spec = { kind: 'a.b', title: 'A', args: Type.Object({}), steps: [step] };

  it('is refused when it could not work', () => {
    expect(() => defineTask({ ...spec, kind: 'A B' })).toThrow('kind');
    expect(() => defineTask({ ...spec, steps: [] })).toThrow('1 to 64 steps');
    expect(() => defineTask({ ...spec, steps: [step, step] })).toThrow('same name');
    expect(() => defineTask({ ...spec, concurrency: 0 })).toThrow('concurrency');
    expect(() => defineTask({ ...spec, steps: [{ ...step, name: 'Go Go' }] })).toThrow('name');
    expect(() => defineTask({ ...spec, steps: [{ ...step, timeoutMs: 0 }] })).toThrow('timeoutMs');
    expect(() => defineTask({ ...spec, steps: [{ ...step, retry: { attempts: 0, firstDelayMs: 0, maxDelayMs: 0 } }] })).toThrow('attempts');
    expect(() => defineTask({ ...spec, steps: [{ ...step, retry: { attempts: 1, firstDelayMs: 2, maxDelayMs: 1 } }] })).toThrow(
      'maxDelayMs',
    );
    expect(defineTask(spec).kind).toBe('a.b');
  });
});

describe('what is stored', () => {
  it('is bounded and really JSON', () => {
    expect(encodeJson(undefined, 'x')).toBe('null');
    expect(() => encodeJson('x'.repeat(65_536), 'the result')).toThrow('the result: 65538 bytes');
    expect(() => encodeJson(1n, 'the result')).toThrow('the result cannot be written as JSON');
    expect(storedError('text')).toMatchObject({ code: 'tasks.bug', message: 'text' });
  });

  it('is never more than all of the progress, nor less than none', () => {
    expect([0.5, 7, -1, Number.NaN].map((fraction) => overallProgress(1, 4, fraction))).toEqual([0.375, 0.5, 0.25, 0.25]);
  });
});
