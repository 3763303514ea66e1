import { describe, expect, it } from 'vitest';
import { accelPath } from '../../../src/boot/http/http-accel.ts';
import { plainAddress, urlHost } from '../../../src/boot/http/http-address.ts';

const accel = { prefix: '/files/', root: '/srv/artefacts', proxies: new Set(['127.0.0.1']) };

describe('the place of a file behind the proxy', () => {
  it.each([
    ['/srv/artefacts/content/ab', '/files/content/ab'],
    ['/srv/artefacts/a b%/c', '/files/a%20b%25/c'],
    ['/srv/other/ab', undefined],
    ['/srv/artefacts/../secret', undefined],
    ['/srv/artefacts', undefined],
    [null, undefined],
  ])('of %s is %s', (path, expected) => expect(accelPath(accel, path)).toBe(expected));
});

describe('an address of a socket', () => {
  it.each([
    ['::ffff:10.0.0.2', '10.0.0.2', '10.0.0.2'],
    ['10.0.0.2', '10.0.0.2', '10.0.0.2'],
    ['fd00::1', 'fd00::1', '[fd00::1]'],
    ['fe80::1%eth0', 'fe80::1', '[fe80::1]'],
  ])('%s is %s, and %s in a URL', (socket, plain, url) => {
    expect([plainAddress(socket), urlHost(plainAddress(socket)), urlHost(urlHost(plainAddress(socket)))]).toEqual([plain, url, url]);
  });
});
