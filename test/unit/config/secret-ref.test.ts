import { describe, expect, it } from 'vitest';
import { resolveSecret, secretRefs } from '../../../src/config/index.ts';
import { load, SOME_WORDS } from './load-text.ts';

function files(content: Record<string, string | Uint8Array>) {
  return (path: string): Promise<Uint8Array> => {
    const bytes = content[path];
    return bytes === undefined
      ? Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }))
      : Promise.resolve(Buffer.from(bytes));
  };
}

describe('a reference to a secret', () => {
  it('leads to an environment variable, a file or a systemd credential', async () => {
    const sources = {
      env: { PW: 'one', CREDENTIALS_DIRECTORY: '/run/credentials/x' },
      readFile: files({ '/a': 'two\n', '/run/credentials/x/c': 'three' }),
    };
    expect((await resolveSecret({ env: 'PW' }, sources)).reveal()).toBe('one');
    expect((await resolveSecret({ file: '/a' }, sources)).reveal()).toBe('two');
    expect((await resolveSecret({ credential: 'c' }, sources)).reveal()).toBe('three');
  });

  it('loses only the last line end of a file', async () => {
    const sources = { env: {}, readFile: files({ '/a': ' a b \n\n', '/b': 'x\r\n' }) };
    expect((await resolveSecret({ file: '/a' }, sources)).reveal()).toBe(' a b \n');
    expect((await resolveSecret({ file: '/b' }, sources)).reveal()).toBe('x');
  });

  it('gives a value that no printing shows', async () => {
    const secret = await resolveSecret({ env: 'PW' }, { env: { PW: 'canary' } });
    expect(`${String(secret)} ${JSON.stringify({ secret })}`).not.toContain('canary');
  });

  it.each([
    [{ env: 'PW' }, 'the environment variable PW is not set'],
    [{ env: 'EMPTY' }, 'the environment variable EMPTY is empty'],
    [{ file: '/none' }, 'the file /none cannot be read: ENOENT'],
    [{ file: '/empty' }, 'the file /empty is empty'],
    [{ file: '/huge' }, 'the file /huge is larger than 64 KiB'],
    [{ credential: 'c' }, 'the credential c cannot be read: not started by systemd with credentials'],
    [{}, 'a secret has an empty reference'],
  ])('%j that leads nowhere says so, with the next step', async (ref, message) => {
    const sources = { env: { EMPTY: '' }, readFile: files({ '/empty': '\n', '/huge': Buffer.alloc(64 * 1024 + 1, 'x') }) };
    await expect(resolveSecret(ref, sources)).rejects.toMatchObject({
      code: 'config.secret_unavailable',
      message,
      hint: SOME_WORDS,
    });
  });

  it('never leaves the folder of credentials', async () => {
    const sources = { env: { CREDENTIALS_DIRECTORY: '/run/c' }, readFile: files({ '/run/c/../../etc/shadow': 'x' }) };
    await expect(resolveSecret({ credential: '../../etc/shadow' }, sources)).rejects.toMatchObject({ code: 'config.secret_unavailable' });
    await expect(resolveSecret({ credential: '..' }, sources)).rejects.toMatchObject({ code: 'config.secret_unavailable' });
  });

  it('is found wherever a configuration has one', async () => {
    const { config } = await load(
      '[store]\npassword = { env = "A" }\n[[webhooks.target]]\nurl = "http://h.example"\nsecret = { file = "/s" }\n[[cluster]]\nname = "c"\nroot_password = { credential = "r" }',
    );
    expect(secretRefs(config)).toEqual([
      { key: 'store.password', ref: { env: 'A' } },
      { key: 'webhooks.target[0].secret', ref: { file: '/s' } },
      { key: 'cluster[0].root_password', ref: { credential: 'r' } },
    ]);
  });
});
