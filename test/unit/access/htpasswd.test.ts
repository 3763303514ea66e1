import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createBasicAuth, parseBasic } from '../../../src/access/basic.ts';
import { parseHtpasswd } from '../../../src/access/htpasswd.ts';
import { openHtpasswd } from '../../../src/access/htpasswd-file.ts';
import { createThrottle } from '../../../src/access/throttle.ts';
import { RackseedError, silentLog, systemRandom } from '../../../src/lib/index.ts';
import { containing } from '../../support/containing.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const ADA = hashSync('secret of ada', 4);
const BOB = hashSync('secret of bob', 4).replace('$2b$', '$2y$');

function codeOf(reason: unknown): string {
  return reason instanceof RackseedError ? reason.code : String(reason);
}

async function fileWith(text: string) {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-htpasswd-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'htpasswd');
  await writeFile(path, text);
  /** As editors do it: the new file takes the old one's place. */
  const replace = async (next: string): Promise<void> => {
    await writeFile(`${path}.new`, next);
    await rename(`${path}.new`, path);
  };
  return { path, replace };
}

async function basicWith(text: string, isRight?: (password: string, hash: string) => Promise<boolean>) {
  const { path, replace } = await fileWith(text);
  const clock = createFakeClock();
  const { compareSync } = await import('bcryptjs');
  let checks = 0;
  const bcrypt = {
    isRight: (password: string, hash: string) => {
      checks += 1;
      return isRight?.(password, hash) ?? Promise.resolve(compareSync(password, hash));
    },
  };
  const file = await openHtpasswd({ path, clock, log: silentLog });
  const identityOf = (name: string) => ({ name, role: 'admin', by: 'basic' }) as const;
  const basic = createBasicAuth({ file, bcrypt, throttle: createThrottle(clock), clock, random: systemRandom, identityOf });
  const verify = (name: string, password: string, address = '192.0.2.1') => basic.verify({ name, password }, address);
  return { verify, replace, clock, file, checks: () => checks };
}

describe('a file of users and bcrypt hashes', () => {
  it('is read with empty lines, comments and all three bcrypt prefixes', () => {
    const users = parseHtpasswd(`\n# people\nada:${ADA}\r\n  bob:${BOB}\neve:${ADA.replace('$2b$', '$2a$')}\n\n`, '/x');
    expect([...users.keys()]).toEqual(['ada', 'bob', 'eve']);
    expect(users.get('bob')).toBe(BOB);
  });

  it.each([
    [`ada:${ADA}\nbob:$apr1$x$y\n`, '/x:2 has no bcrypt hash for "bob"'],
    ['ada\n', '/x:1 is not NAME:HASH'],
    [`:${ADA}\n`, '/x:1 is not NAME:HASH'],
    ['\n\nada:secret', '/x:3 has no bcrypt hash for "ada"'],
    [`ada:${ADA}\nada:${ADA}`, '/x:2 names "ada" a second time'],
    [`ada:${ADA.replace('$04$', '$31$')}`, '/x:1 has a bcrypt cost of 31'],
  ])('is refused with the number of the line: %j', (text, message) => {
    expect(() => parseHtpasswd(text, '/x')).toThrow(message);
  });

  it('never says a hash', () => {
    expect(() => parseHtpasswd('ada:notahash', '/x')).toThrow(/^(?!.*notahash)/);
  });

  it('is refused when it is not there', async () => {
    const opened = openHtpasswd({ path: '/nowhere/htpasswd', clock: createFakeClock(), log: silentLog });
    await expect(opened).rejects.toMatchObject({ code: 'access.htpasswd_broken', hint: containing('htpasswd -B -c') });
  });

  it('is read again when it has changed; a broken one leaves the old users in force and is told', async () => {
    const { verify, replace, clock, file } = await basicWith(`ada:${ADA}\n`);
    await verify('ada', 'secret of ada');
    await replace(`bob:${BOB}\n`);
    await clock.advance(1000);
    await expect(verify('ada', 'secret of ada')).rejects.toMatchObject({ status: 401 });
    expect(await verify('bob', 'secret of bob')).toMatchObject({ name: 'bob' });
    await replace('eve:plain\n');
    await clock.advance(1000);
    expect(await verify('bob', 'secret of bob')).toMatchObject({ name: 'bob' });
    expect(file.problem()).toMatchObject({ message: containing(':1 has no bcrypt hash') });
    await replace(`ada:${ADA}\n`);
    await clock.advance(1000);
    expect(await verify('ada', 'secret of ada')).toMatchObject({ name: 'ada' });
    expect(file.problem()).toBeUndefined();
  });
});

describe('HTTP basic', () => {
  it('asks bcrypt once for a client that sends its password with each request, also with many at once', async () => {
    const { verify, checks, clock } = await basicWith(`ada:${ADA}\n`);
    await Promise.all(Array.from({ length: 20 }, () => verify('ada', 'secret of ada')));
    for (let n = 0; n < 20; n += 1) await verify('ada', 'secret of ada');
    expect(checks()).toBe(1);
    await clock.advance(600_001);
    await verify('ada', 'secret of ada');
    expect(checks()).toBe(2);
  });

  it('tells neither whether the name or the password was wrong, and asks bcrypt for both', async () => {
    const { verify, checks } = await basicWith(`ada:${ADA}\n`);
    const wrong = { code: 'access.wrong_credentials', message: 'Incorrect username or password' };
    await expect(verify('ada', 'wrong')).rejects.toMatchObject(wrong);
    await expect(verify('nobody', 'secret of ada')).rejects.toMatchObject(wrong);
    expect(checks()).toBe(2);
  });

  it('slows down who guesses, and not who is right', async () => {
    const { verify } = await basicWith(`ada:${ADA}\n`);
    await verify('ada', 'secret of ada');
    const tries = await Promise.allSettled(Array.from({ length: 30 }, (_, n) => verify('ada', `guess ${n}`)));
    const codes = tries.map((one) => (one.status === 'rejected' ? codeOf(one.reason) : 'in'));
    expect(codes.filter((code) => code === 'access.too_many_attempts').length).toBe(21);
    expect(await verify('ada', 'secret of ada')).toMatchObject({ name: 'ada' });
  });

  it('does not remember a failed check as right', async () => {
    const { verify } = await basicWith(`ada:${ADA}\n`, () => Promise.reject(new Error('the thread died')));
    await expect(verify('ada', 'secret of ada')).rejects.toThrow('the thread died');
    await expect(verify('ada', 'secret of ada')).rejects.toThrow('the thread died');
  });

  it.each([
    ['YWRhOnNlY3JldA==', { name: 'ada', password: 'secret' }],
    ['YWRhOg==', { name: 'ada', password: '' }],
    [Buffer.from('ada:a:b:ü').toString('base64'), { name: 'ada', password: 'a:b:ü' }],
    ['YWRh', undefined],
    ['!!!', undefined],
    ['', undefined],
    [Buffer.from([0x61, 0x3a, 0xff]).toString('base64'), undefined],
  ])('reads %s', (encoded, credentials) => {
    expect(parseBasic(encoded)).toEqual(credentials);
  });
});
