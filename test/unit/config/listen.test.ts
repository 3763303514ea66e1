import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopback, parseListen } from '../../../src/config/index.ts';
import { containing } from './load-text.ts';

describe('an address to listen on', () => {
  it.each([
    ['0.0.0.0:6385', '0.0.0.0', 6385],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['[::1]:6385', '::1', 6385],
    ['[::]:65535', '::', 65535],
    ['[fe80::1]:69', 'fe80::1', 69],
    ['localhost:80', 'localhost', 80],
    ['rackseed.example:443', 'rackseed.example', 443],
  ])('%s is host %s and port %d', (text, host, port) => {
    expect(parseListen(text)).toEqual({ host, port });
  });

  it.each([
    ['', 'the port is missing'],
    ['6385', 'the port is missing'],
    [':6385', 'the address is missing'],
    ['0.0.0.0', 'the port is missing'],
    ['0.0.0.0:', 'the port is a number'],
    ['0.0.0.0:65536', 'the port is a number from 0 to 65535'],
    ['0.0.0.0:-1', 'the port is a number'],
    ['0.0.0.0:0x10', 'the port is a number'],
    ['::1:6385', 'an IPv6 address goes in brackets'],
    ['[::1]', 'the port is missing'],
    ['[::g]:1', 'neither an address nor a host name'],
    ['[127.0.0.1]:1', 'neither an address nor a host name'],
    ['256.0.0.1:1', 'neither an address nor a host name'],
    ['1.2.3:1', 'neither an address nor a host name'],
    ['*:6385', 'neither an address nor a host name'],
    ['a b:1', 'neither an address nor a host name'],
    ['-a:1', 'neither an address nor a host name'],
    ['http://0.0.0.0:80', 'an IPv6 address goes in brackets'],
  ])('%j is refused: %s', (text, reason) => {
    expect(() => parseListen(text)).toThrow(expect.objectContaining({ code: 'config.bad_listen', message: containing(reason) }));
  });

  it('never fails otherwise than by its own error, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('[', ']', ':', '.', '1', '0', 'a', '%', '/', ' ', '\n', 'é'), maxLength: 30 }),
        (text) => {
          try {
            const { port } = parseListen(text);
            expect(port).toBeLessThanOrEqual(65_535);
          } catch (error) {
            expect(error).toHaveProperty('code', 'config.bad_listen');
          }
        },
      ),
    );
  });

  it('knows what only this machine can reach', () => {
    expect(['127.0.0.1', '127.8.9.1', '::1', '0:0:0:0:0:0:0:1', 'localhost'].filter((host) => !isLoopback(host))).toEqual([]);
    expect(['0.0.0.0', '::', '10.0.0.1', '127.example.org', 'fe80::1', 'rackseed.example'].filter(isLoopback)).toEqual([]);
  });
});
