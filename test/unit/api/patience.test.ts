// A change that meets a locked node waits a little for its turn.

import fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fail } from '../../../src/api/errors.ts';
import { patient } from '../../../src/api/ironic/patience.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

function served(lockedTimes: number, code: 'api.node_locked' | 'api.not_found' = 'api.node_locked') {
  const clock = createFakeClock();
  let tries = 0;
  const app = fastify();
  onTestFinished(() => app.close());
  const handler = async () => {
    tries += 1;
    if (tries <= lockedTimes) throw fail(code, { message: 'not now' });
    return { ok: true };
  };
  app.put('/x', patient(handler, 1000, clock));
  return { app, clock, tries: () => tries };
}

describe('the patience of a change', () => {
  it('tries again until the node is free', async () => {
    const { app, clock, tries } = served(2);
    const asked = app.inject({ method: 'PUT', url: '/x', payload: { a: 1 } });
    await clock.advance(500);
    expect((await asked).json()).toEqual({ ok: true });
    expect(tries()).toBe(3);
  });

  it('gives up when the time is over', async () => {
    const { app, clock, tries } = served(100);
    const asked = app.inject({ method: 'PUT', url: '/x', payload: { a: 1 } });
    await clock.advance(1000);
    expect((await asked).body).toContain('not now');
    expect(tries()).toBe(5);
  });

  it('does not wait for anything else', async () => {
    const { app, tries } = served(1, 'api.not_found');
    expect((await app.inject({ method: 'PUT', url: '/x', payload: { a: 1 } })).body).toContain('not now');
    expect(tries()).toBe(1);
  });
});
