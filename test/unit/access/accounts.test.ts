// Users, sessions, tokens and the set-up link over a real store.

import { describe, expect, it, onTestFinished } from 'vitest';
import { createAccess, type Identity } from '../../../src/access/index.ts';
import { systemRandom as random, silentLog } from '../../../src/lib/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

const HOUR = 3_600_000;
const FROM = { address: '192.0.2.1', agent: 'test' };
const OWNER: Identity = { name: 'admin', role: 'admin', by: 'admin-token' };
const PASSWORD = 'correct horse';

async function open() {
  const store = await openTestStore();
  const clock = createFakeClock();
  const times = { idleMs: 12 * HOUR, absoluteMs: 168 * HOUR };
  const access = await createAccess({ store, clock, random, log: silentLog, times });
  onTestFinished(() => access.stop());
  return { access, clock, store };
}

describe('users', () => {
  it('are added once, changed and removed', async () => {
    const { access } = await open();
    expect(await access.users.add('ada', 'operator', PASSWORD)).toMatchObject({ name: 'ada', role: 'operator', isDisabled: false });
    await expect(access.users.add('ada', 'reader', PASSWORD)).rejects.toMatchObject({ code: 'access.user_exists', status: 409 });
    expect(await access.users.change('ada', { role: 'reader' })).toMatchObject({ role: 'reader' });
    expect((await access.users.list()).map((one) => one.name)).toEqual(['ada']);
    await access.users.remove('ada');
    await expect(access.users.get('ada')).rejects.toMatchObject({ code: 'access.user_unknown' });
    await expect(access.users.remove('ada')).rejects.toMatchObject({ code: 'access.user_unknown' });
    await expect(access.users.change('ada', { role: 'admin' })).rejects.toMatchObject({ code: 'access.user_unknown' });
  });

  it.each(['', 'a b', '-x', 'x'.repeat(65), 'a/b', 'ä'])('are not named %j', async (name) => {
    const { access } = await open();
    await expect(access.users.add(name, 'reader', PASSWORD)).rejects.toMatchObject({ code: 'access.bad_user_name' });
  });

  it('keep at least one administrator who can sign in', async () => {
    const { access } = await open();
    await access.users.add('ada', 'admin', PASSWORD);
    const refused = { code: 'access.last_admin' };
    await expect(access.users.remove('ada')).rejects.toMatchObject(refused);
    await expect(access.users.change('ada', { role: 'operator' })).rejects.toMatchObject(refused);
    await expect(access.users.change('ada', { isDisabled: true })).rejects.toMatchObject(refused);
    expect(await access.users.get('ada')).toMatchObject({ role: 'admin', isDisabled: false });
    await access.users.add('eve', 'admin', PASSWORD);
    await access.users.remove('ada');
  });

  it('are told neither whether the name or the password was wrong; wrong ones are counted until the next right one', async () => {
    const { access, clock } = await open();
    await access.users.add('ada', 'admin', PASSWORD);
    const wrong = { code: 'access.wrong_credentials', message: 'the name or the password is wrong' };
    await expect(access.signIn('ada', 'wrong', FROM)).rejects.toMatchObject(wrong);
    await expect(access.signIn('eve', PASSWORD, FROM)).rejects.toMatchObject(wrong);
    expect(await access.users.get('ada')).toMatchObject({ failures: 1, lastLoginAt: null });
    await access.signIn('ada', PASSWORD, FROM);
    expect(await access.users.get('ada')).toMatchObject({ failures: 0, lastLoginAt: clock.now() });
  });

  it('cannot sign in when disabled', async () => {
    const { access } = await open();
    await access.users.add('ada', 'reader', PASSWORD);
    await access.users.change('ada', { isDisabled: true });
    await expect(access.signIn('ada', PASSWORD, FROM)).rejects.toMatchObject({ code: 'access.wrong_credentials' });
  });
});

describe('sessions', () => {
  it('know their user, and keep nothing of the cookie in the database', async () => {
    const { access, store } = await open();
    await access.users.add('ada', 'operator', PASSWORD);
    const { session } = await access.signIn('ada', PASSWORD, FROM);
    expect((await access.sessions.find(session.word))?.identity).toEqual({ name: 'ada', role: 'operator', by: 'session' });
    expect(JSON.stringify(await store.db.selectFrom('sessions').selectAll().execute())).not.toContain(session.word);
    await access.sessions.end(session.word);
    expect(await access.sessions.find(session.word)).toBeUndefined();
  });

  it('end when they are not used, and at the latest after their whole time', async () => {
    const { access, clock } = await open();
    await access.users.add('ada', 'operator', PASSWORD);
    const idle = await access.signIn('ada', PASSWORD, FROM);
    const busy = await access.signIn('ada', PASSWORD, FROM);
    for (let hours = 0; hours < 160; hours += 10) {
      await clock.advance(10 * HOUR);
      expect(await access.sessions.find(busy.session.word)).toBeDefined();
    }
    expect(await access.sessions.find(idle.session.word)).toBeUndefined();
    await clock.advance(8 * HOUR);
    expect(await access.sessions.find(busy.session.word)).toBeUndefined();
  });

  it.each([
    ['a new password', { password: 'another long one' }],
    ['another role', { role: 'reader' }],
    ['being disabled', { isDisabled: true }],
  ] as const)('end with %s', async (_, change) => {
    const { access } = await open();
    await access.users.add('ada', 'operator', PASSWORD);
    const { session } = await access.signIn('ada', PASSWORD, FROM);
    await access.users.change('ada', change);
    expect(await access.sessions.find(session.word)).toBeUndefined();
  });

  it('are at most twenty for each user: the oldest goes', async () => {
    const { access, clock } = await open();
    await access.users.add('ada', 'operator', PASSWORD);
    const user = await access.users.get('ada');
    const words: string[] = [];
    for (let n = 0; n < 22; n += 1) {
      words.push((await access.sessions.begin(user, FROM)).word);
      await clock.advance(1000);
    }
    const found = await Promise.all(words.map((word) => access.sessions.find(word)));
    expect(found.map((one) => one !== undefined)).toEqual([false, false, ...Array<boolean>(20).fill(true)]);
  });

  it('have a token against cross-site requests of their own', async () => {
    const { access } = await open();
    await access.users.add('ada', 'operator', PASSWORD);
    const [one, other] = [await access.signIn('ada', PASSWORD, FROM), await access.signIn('ada', PASSWORD, FROM)];
    const token = access.sessions.csrfToken(one.session.word);
    expect(access.sessions.isCsrfToken(one.session.word, token)).toBe(true);
    for (const wrong of ['', 'x', `${token}x`, access.sessions.csrfToken(other.session.word)]) {
      expect(access.sessions.isCsrfToken(one.session.word, wrong)).toBe(false);
    }
  });
});

const REQUEST = { name: 'ci', role: 'operator', scopes: [], project: null, expiresAt: null } as const;

describe('API tokens', () => {
  it('let their bearer in with their role, scopes and project, and are kept as a hash', async () => {
    const { access, store } = await open();
    const { token, record } = await access.tokens.create({ ...REQUEST, scopes: ['read', 'power'], project: 'blue' }, OWNER);
    expect(token).toMatch(/^rs_[A-Za-z0-9_-]{43}$/);
    expect(await access.tokens.verify(token)).toEqual({
      name: 'token:ci',
      role: 'operator',
      by: 'token',
      scopes: ['read', 'power'],
      project: 'blue',
    });
    expect(JSON.stringify(await store.db.selectFrom('api_tokens').selectAll().execute())).not.toContain(token.slice(3));
    await access.tokens.remove(record.id, OWNER);
    expect(await access.tokens.verify(token)).toBeUndefined();
  });

  it('end at their time', async () => {
    const { access, clock } = await open();
    const { token } = await access.tokens.create({ ...REQUEST, expiresAt: clock.now() + HOUR }, OWNER);
    expect(await access.tokens.verify(token)).toBeDefined();
    await clock.advance(HOUR);
    expect(await access.tokens.verify(token)).toBeUndefined();
    await expect(access.tokens.create({ ...REQUEST, expiresAt: clock.now() }, OWNER)).rejects.toMatchObject({ status: 400 });
  });

  it.each<[string, Identity, object]>([
    ['a higher role', { name: 'olga', role: 'operator' }, { role: 'admin' }],
    ['another project', { name: 'olga', role: 'operator', project: 'blue' }, { project: 'red' }],
    ['all projects', { name: 'olga', role: 'operator', project: 'blue' }, {}],
    ['more scopes', { name: 'olga', role: 'operator', scopes: ['read'] }, { scopes: ['read', 'power'] }],
    ['no limits', { name: 'olga', role: 'operator', scopes: ['read'] }, {}],
  ])('cannot be made with %s than the maker has', async (_, maker, more) => {
    const { access } = await open();
    await expect(access.tokens.create({ ...REQUEST, ...more }, maker)).rejects.toMatchObject({ code: 'access.more_than_own', status: 403 });
  });

  it('fall with the user who made them: role, being disabled, removal', async () => {
    const { access } = await open();
    await access.users.add('olga', 'operator', PASSWORD);
    const { token } = await access.tokens.create(REQUEST, { name: 'olga', role: 'operator', by: 'session' });
    await access.users.change('olga', { role: 'reader' });
    expect(await access.tokens.verify(token)).toMatchObject({ role: 'reader' });
    await access.users.change('olga', { role: 'admin', isDisabled: true });
    expect(await access.tokens.verify(token)).toBeUndefined();
    await access.users.change('olga', { isDisabled: false });
    expect(await access.tokens.verify(token)).toMatchObject({ role: 'operator' });
    await access.users.remove('olga').catch(() => undefined); // the last administrator stays
    await access.users.add('ada', 'admin', PASSWORD);
    await access.users.remove('olga');
    expect(await access.tokens.list(OWNER)).toEqual([]);
  });

  it('are seen and removed by who made them and by administrators', async () => {
    const { access } = await open();
    const olga: Identity = { name: 'olga', role: 'operator', by: 'session' };
    const { record } = await access.tokens.create(REQUEST, OWNER);
    await access.tokens.create(REQUEST, olga);
    expect(await access.tokens.list(OWNER)).toHaveLength(2);
    expect((await access.tokens.list(olga)).map((one) => one.createdBy)).toEqual(['user:olga']);
    await expect(access.tokens.remove(record.id, olga)).rejects.toMatchObject({ code: 'access.token_unknown' });
  });

  it.each(['', 'rs_', 'x'.repeat(46), `rs_${'A'.repeat(43)}`])('are nobody’s when they are %j', async (token) => {
    const { access } = await open();
    expect(await access.tokens.verify(token)).toBeUndefined();
  });
});

describe('the set-up link', () => {
  it('makes the first administrator, once', async () => {
    const { access } = await open();
    const { word } = await access.setupLink.renew();
    expect(await access.setupLink.use(word, 'ada', PASSWORD)).toMatchObject({ name: 'ada', role: 'admin' });
    await expect(access.setupLink.use(word, 'eve', PASSWORD)).rejects.toMatchObject({ code: 'access.setup_link_invalid' });
    await expect(access.setupLink.renew()).rejects.toMatchObject({ code: 'access.already_set_up' });
    expect(await access.tokens.list(OWNER)).toEqual([]);
  });

  it('lets one of two in who use it at the same time', async () => {
    const { access } = await open();
    const { word } = await access.setupLink.renew();
    const both = await Promise.allSettled(['ada', 'eve'].map((name) => access.setupLink.use(word, name, PASSWORD)));
    expect(both.map((one) => one.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await access.users.list()).toHaveLength(1);
  });

  it('expires after a day, and is void when another is made', async () => {
    const { access, clock } = await open();
    const first = await access.setupLink.renew();
    const second = await access.setupLink.renew();
    await expect(access.setupLink.use(first.word, 'ada', PASSWORD)).rejects.toMatchObject({ code: 'access.setup_link_invalid' });
    await clock.advance(24 * HOUR);
    await expect(access.setupLink.use(second.word, 'ada', PASSWORD)).rejects.toMatchObject({ code: 'access.setup_link_invalid' });
  });

  it('survives a bad name and a weak password', async () => {
    const { access } = await open();
    const { word } = await access.setupLink.renew();
    await expect(access.setupLink.use(word, 'a b', PASSWORD)).rejects.toMatchObject({ code: 'access.bad_user_name' });
    await expect(access.setupLink.use(word, 'ada', 'short')).rejects.toMatchObject({ code: 'access.weak_password' });
    await access.setupLink.use(word, 'ada', PASSWORD);
  });

  it('is no API token', async () => {
    const { access } = await open();
    const { word } = await access.setupLink.renew();
    expect(await access.tokens.verify(word)).toBeUndefined();
    expect(await access.tokens.verify(`rs_${word}`)).toBeUndefined();
  });
});
