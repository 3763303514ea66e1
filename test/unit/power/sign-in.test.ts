import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/lib/index.ts';
import { createSignIn } from '../../../src/power/sign-in.ts';
import type { SshAsk, SshEnd } from '../../../src/power/ssh-session.ts';
import { containing } from '../../support/containing.ts';

const BLOB = Buffer.from('a host key of some length').toString('base64');
const LINE = `ssh-ed25519 ${BLOB}`;
const PRINT = `SHA256:${createHash('sha256').update(Buffer.from(BLOB, 'base64')).digest('base64').replace(/=+$/, '')}`;

function setUp(ends: Readonly<Record<string, SshEnd>>) {
  const asked: SshAsk[] = [];
  const key = { privateKey: () => Promise.resolve(new Secret('private')), publicLine: () => Promise.resolve('ssh-ed25519 AAAA rackseed') };
  const signIn = createSignIn({
    key,
    ask: (ask) => {
      asked.push(ask);
      return Promise.resolve(ends[ask.host] ?? { is: 'silent', said: 'timed out' });
    },
  });
  const order = { title: 'pve1', addresses: Object.keys(ends), hostKeys: [LINE], signal: new AbortController().signal };
  return { asked, signIn: (change: object = {}) => signIn({ ...order, ...change }) };
}

const done = (said: string): SshEnd => ({ is: 'done', hostKey: PRINT, code: 0, said });

describe('signing in to a new system', () => {
  it('believes only who has a host key that was told, and says what runs there', async () => {
    const the = setUp({ '10.0.0.11': done('Linux 6.14.8-2-pve x86_64\npve-manager/9.1.1/42 \u001b[31m\n') });
    expect(await the.signIn()).toEqual({ address: '10.0.0.11', system: 'Linux 6.14.8-2-pve x86_64, pve-manager/9.1.1/42 [31m' });
    expect(the.asked).toMatchObject([{ hostKey: [PRINT], username: 'root', privateKey: 'private', password: undefined }]);
  });

  it('tries each address in turn', async () => {
    const the = setUp({ '10.0.0.11': { is: 'refused', said: 'ECONNREFUSED' }, 'fd00::11': done('Linux') });
    expect((await the.signIn()).address).toBe('fd00::11');
  });

  it('asks nobody where no key or no address is known', async () => {
    const the = setUp({ '10.0.0.11': done('') });
    for (const hostKeys of [[], ['nonsense'], ['ssh-ed25519 not base64 at all'], ['ssh-ed25519']])
      await expect(the.signIn({ hostKeys })).rejects.toMatchObject({ code: 'power.not_trusted', message: containing('no SSH host keys') });
    await expect(the.signIn({ addresses: [] })).rejects.toMatchObject({ code: 'power.unreachable', message: containing('no address') });
    expect(the.asked).toEqual([]);
  });

  it('tells another machine at its address from silence, and a closed door from both', async () => {
    const other: SshEnd = { is: 'other-key', hostKey: 'SHA256:other' };
    await expect(setUp({ a: other }).signIn()).rejects.toMatchObject({ code: 'power.not_trusted', message: containing('SHA256:other') });
    await expect(setUp({ a: other, b: { is: 'silent', said: 'timed out' } }).signIn()).rejects.toMatchObject({
      code: 'power.unreachable',
      message: containing('SHA256:other'),
    });
    const denied: SshEnd = { is: 'denied', hostKey: PRINT, said: 'no' };
    await expect(setUp({ a: denied, b: other }).signIn()).rejects.toMatchObject({
      code: 'power.refused',
      hint: containing('ssh-ed25519 AAAA rackseed'),
    });
  });
});
