import { describe, expect, it } from 'vitest';
import { createPasswords } from '../../../src/access/password.ts';
import { systemRandom } from '../../../src/lib/index.ts';

const passwords = createPasswords(systemRandom);

describe('passwords', () => {
  it('are kept as argon2id with OWASP’s costs and a salt of their own', async () => {
    const [one, other] = await Promise.all([passwords.hash('correct horse', 'ada'), passwords.hash('correct horse', 'ada')]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(other);
    expect(await passwords.verify('correct horse', one)).toBe(true);
    expect(await passwords.verify('correct horsf', one)).toBe(false);
  });

  it('verifies what another program made, with its own costs', async () => {
    // The reference implementation's own test vector (phc-winner-argon2, test.c).
    const phc = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await passwords.verify('password', phc)).toBe(true);
    expect(await passwords.verify('passwore', phc)).toBe(false);
  });

  it('takes the same letters for the same password, however they are composed', async () => {
    const hash = await passwords.hash('Zu\u0308rich am See', 'ada');
    expect(await passwords.verify('Z\u00fcrich am See', hash)).toBe(true);
  });

  it.each([
    ['123456789', 'has 9 characters'],
    ['x'.repeat(257), 'is too long'],
    ['Administrator', 'is the name'],
  ])('refuses %s', async (password, what) => {
    await expect(passwords.hash(password, 'administrator')).rejects.toMatchObject({
      code: 'access.weak_password',
      message: `the password ${what}`,
    });
  });

  it('is false for nobody, for what is no hash, and for hashes that would cost us too much', async () => {
    const dear = '$argon2id$v=19$m=9999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    for (const phc of [undefined, '', 'x', '$2b$10$abc', dear]) expect(await passwords.verify('correct horse', phc)).toBe(false);
    // All zeros is what a missing user is compared with: it lets nobody in.
    expect(await passwords.verify('', undefined)).toBe(false);
  });

  it('sends away who would wait behind too many others', async () => {
    const hash = await passwords.hash('correct horse', 'ada');
    const tries = await Promise.allSettled(Array.from({ length: 40 }, () => passwords.verify('wrong', hash)));
    const busy = tries.filter((one) => one.status === 'rejected');
    expect(busy.length).toBe(6);
    for (const one of busy) expect(one.reason).toMatchObject({ code: 'access.busy', status: 503 });
    expect(await passwords.verify('correct horse', hash)).toBe(true);
  });
});
