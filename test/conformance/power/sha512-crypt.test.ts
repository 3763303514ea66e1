// Our crypt(3) against that of OpenSSL: passwords of every length around the block sizes, and other alphabets.

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { sha512Crypt } from '../../../src/lib/index.ts';

const SALT = 'kJ3./zQ0aBcD5678';
const LENGTHS = [1, 2, 15, 16, 31, 32, 33, 63, 64, 65, 95, 96, 97, 127, 128, 129, 200];

describe('the hash of a rescue password', () => {
  it('is that which OpenSSL makes', () => {
    const passwords = [...LENGTHS.map((length) => 'pW4!'.repeat(50).slice(0, length)), 'grüße', '密码'];
    const input = `${passwords.join('\n')}\n`;
    const { stdout } = spawnSync('openssl', ['passwd', '-6', '-salt', SALT, '-stdin'], { input, encoding: 'utf8', timeout: 60_000 });
    expect(passwords.map((password) => sha512Crypt(password, SALT))).toEqual(stdout.trim().split('\n'));
  });
});
