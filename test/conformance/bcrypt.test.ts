// bcrypt on its thread: what a flood, an end in the middle and a long pause do.

import { hashSync } from 'bcryptjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createBcrypt } from '../../src/access/bcrypt.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const HASH = hashSync('secret', 4);

function open() {
  const clock = createFakeClock();
  const bcrypt = createBcrypt(clock);
  onTestFinished(() => bcrypt.stop());
  return { clock, bcrypt };
}

describe('the bcrypt thread', () => {
  it('answers each question with its own answer', async () => {
    const { bcrypt } = open();
    const asked = ['secret', 'wrong', 'secret', ''].map((password) => bcrypt.isRight(password, HASH));
    expect(await Promise.all(asked)).toEqual([true, false, true, false]);
    expect(await bcrypt.isRight('secret', HASH.replace('$2b$', '$2y$'))).toBe(true);
  });

  it('sends away whoever would wait behind too many others', async () => {
    const { bcrypt } = open();
    const asked = await Promise.allSettled(Array.from({ length: 40 }, () => bcrypt.isRight('secret', HASH)));
    const refused = asked.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(8);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'access.busy', status: 503, retryable: true });
  });

  it('ends after a long pause, and starts again', async () => {
    const { clock, bcrypt } = open();
    expect(await bcrypt.isRight('secret', HASH)).toBe(true);
    expect(clock.sleeping).toBe(1);
    await clock.advance(60_000);
    expect(clock.sleeping).toBe(0);
    expect(await bcrypt.isRight('secret', HASH)).toBe(true);
    expect(await bcrypt.isRight('wrong', HASH)).toBe(false);
    expect(clock.sleeping).toBe(1); // one pause is counted, not one for each question
  });

  it('lets nobody wait for ever when it is stopped', async () => {
    const { bcrypt } = open();
    const asked = bcrypt.isRight('secret', hashSync('secret', 10));
    const refused = expect(asked).rejects.toThrow('the appliance is stopping');
    await bcrypt.stop();
    await refused;
  });

  it('fails what it is asked with nonsense, and goes on', async () => {
    const { bcrypt } = open();
    expect(await bcrypt.isRight('secret', 'no hash')).toBe(false);
    expect(await bcrypt.isRight('secret', HASH)).toBe(true);
  });
});
