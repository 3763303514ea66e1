import { describe, expect, it } from 'vitest';
import { readReply } from '../../../src/agent/client.ts';
import { printable } from '../../../src/agent/screen.ts';
import { LookupReplySchema } from '../../../src/inspect/protocol.ts';
import { Secret } from '../../../src/lib/secret.ts';

const question = { path: '/api/agent/lookup', reply: LookupReplySchema };
const good = { token: 'a'.repeat(32), heartbeatSeconds: 30, node: null };
const problem = (status: number, detail: string): { status: number; text: string } => ({
  status,
  text: JSON.stringify({ title: 'no', status, detail }),
});

describe('a reply of the appliance', () => {
  it('is taken when it is in the protocol, with fields of a newer server left aside', () => {
    expect(readReply({ status: 200, text: JSON.stringify({ ...good, later: 1 }) }, question)).toMatchObject(good);
  });

  it.each([
    ['not JSON', '<html>'],
    ['another type', '[]'],
    ['a token that cannot be one', JSON.stringify({ ...good, token: 'x y' })],
    ['a heartbeat of a thousand years', JSON.stringify({ ...good, heartbeatSeconds: 3e10 })],
  ])('is refused when it is %s', (_what, text) => {
    expect(() => readReply({ status: 200, text }, question)).toThrow(expect.objectContaining({ code: 'agent.bad_reply' }));
  });

  it('that says no for good is a refusal, with its words', () => {
    const said = (): unknown => readReply(problem(403, 'boot secret\nis spent\u001b[2J'), question);
    expect(said).toThrow(expect.objectContaining({ code: 'agent.refused', message: '/api/agent/lookup: boot secret is spent [2J' }));
    expect(said).toThrow(expect.objectContaining({ retryable: false }));
  });

  it.each([500, 502, 503, 429, 408, 302])('with status %i passes by itself', (status) => {
    expect(() => readReply(problem(status, 'busy'), question)).toThrow(expect.objectContaining({ code: 'agent.unreachable' }));
  });

  it('of 401 is a lost token only where a token was sent', () => {
    expect(() => readReply(problem(401, 'no'), { ...question, token: new Secret('t') })).toThrow(
      expect.objectContaining({ code: 'agent.token_lost' }),
    );
    expect(() => readReply(problem(401, 'no'), question)).toThrow(expect.objectContaining({ code: 'agent.refused' }));
  });
});

describe('a line for the screen', () => {
  it('cannot steer a terminal or forge a second line', () => {
    expect(printable('hello\u001b[31m\r\nRACKSEED-MARK discovered')).toBe('hello [31m RACKSEED-MARK discovered');
  });
});
