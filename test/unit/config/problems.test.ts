import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONFIG_ERRORS, renderExample } from '../../../src/config/index.ts';
import { RackseedError } from '../../../src/lib/index.ts';
import { containing, linesOf, load, problemsIn, SOME_WORDS } from './load-text.ts';

describe('a wrong setting', () => {
  it.each([
    ['[dhcp]\nmode = "ful"', 'rackseed.toml:2: dhcp.mode: expected one of "off", "proxy", "full", got "ful". Did you mean "full"?'],
    ['[dhcp]\nmode = true', 'rackseed.toml:2: dhcp.mode: expected one of "off", "proxy", "full", got true'],
    ['[dhcp]\nintefaces = []', 'rackseed.toml:2: dhcp.intefaces: unknown key. Did you mean "interfaces"?'],
    ['[dhpc]\nmode = "off"', 'rackseed.toml:1: dhpc: unknown key. Did you mean "dhcp"?'],
    ['[dhcp]\nmax_transfers = 9', 'rackseed.toml:2: dhcp.max_transfers: unknown key here. "max_transfers" belongs in [tftp]'],
    ['[dhcp]\nmax_transfer = 9', 'rackseed.toml:2: dhcp.max_transfer: unknown key here. "max_transfers" belongs in [tftp]'],
    ['mode = "full"', 'rackseed.toml:1: mode: unknown key here. "mode" belongs in [auth], [dhcp], [dhcp6], [enrol]'],
    ['[dhcp]\nport = "67"', 'rackseed.toml:2: dhcp.port: expected a whole number from 0 to 65535, got "67"'],
    ['[dhcp]\nport = 67.5', 'rackseed.toml:2: dhcp.port: expected a whole number from 0 to 65535, got 67.5'],
    ['[dhcp]\nport = inf', 'rackseed.toml:2: dhcp.port: expected a whole number from 0 to 65535, got Infinity'],
    ['[server]\ntls = "yes"', 'rackseed.toml:2: server.tls: expected true or false, got "yes"'],
    [
      '[server]\nlisten = 6385',
      'rackseed.toml:2: server.listen: expected an address and a port such as "0.0.0.0:6385" or "[::1]:6385", got 6385',
    ],
    ['[server]\ndata_dir = "data"', 'rackseed.toml:2: server.data_dir: expected an absolute path, beginning with "/", got "data"'],
    [
      '[server]\nname = 2020-01-01',
      'rackseed.toml:2: server.name: expected a host name of letters, digits and "-" such as "pve1" (each part at most 63 characters), got a date or time (put it in quotation marks)',
    ],
    [
      '[server]\npublic_url = "rackseed.example"',
      'rackseed.toml:2: server.public_url: expected a URL of scheme, host and port only, such as "https://rackseed.example:6385", got "rackseed.example"',
    ],
    [
      '[server]\npublic_url = "https://a.example/path"',
      'rackseed.toml:2: server.public_url: expected a URL of scheme, host and port only, such as "https://rackseed.example:6385", got "https://a.example/path"',
    ],
    ['[dhcp]\ninterfaces = "eno1"', 'rackseed.toml:2: dhcp.interfaces: expected a list in brackets, such as ["one", "two"], got "eno1"'],
    [
      '[dhcp]\ninterfaces = ["eno1", 2]',
      'rackseed.toml:2: dhcp.interfaces[1]: expected the name of a network interface such as "eno1", got 2',
    ],
    ['[rule]\nname = "a"', 'rackseed.toml:1: rule: expected tables, each begun by [[rule]], got a table'],
    ['[[dhcp]]', 'rackseed.toml:1: dhcp: expected a table, begun by [dhcp], got a list'],
    ['dhcp = 5', 'rackseed.toml:1: dhcp: expected a table, begun by [dhcp], got 5'],
    [
      '\n[[dhcp.subnet]]\ndns = []',
      'rackseed.toml:2: dhcp.subnet[0].subnet: missing; expected an IPv4 network such as "10.0.0.0/24" (prefix from 8 to 30)',
    ],
    [
      '[store]\npassword = "hunter2"',
      'rackseed.toml:2: store.password: expected a secret by reference: { env = "NAME" }, { file = "/path" } or { credential = "name" }, got a plain text',
    ],
    [
      '[store]\npassword = {}',
      'rackseed.toml:2: store.password: expected a secret by reference: { env = "NAME" }, { file = "/path" } or { credential = "name" }, got an empty table',
    ],
    [
      '[store]\npassword = { env = "A", file = "/b" }',
      'rackseed.toml:2: store.password: expected a secret by reference: { env = "NAME" }, { file = "/path" } or { credential = "name" }, got a table',
    ],
    ['[store]\npassword = { fiel = "/b" }', 'rackseed.toml:2: store.password.fiel: unknown key. Did you mean "file"?'],
    [
      '[store]\npassword = { file = "b" }',
      'rackseed.toml:2: store.password.file: expected an absolute path, beginning with "/", got a plain text',
    ],
    [
      '[[profile]]\nname = "a"\nos = "image"\nimage = "/srv/x.raw"\nvariables = { Zone = 1 }',
      'rackseed.toml:5: profile[0].variables.Zone: not a name for a variable; expected lower case letters, digits and "_"',
    ],
    [
      '[[profile]]\nname = "a"\nos = "image"\nimage = "/srv/x.raw"\nvariables = { z = 9223372036854775807 }',
      'rackseed.toml:5: profile[0].variables.z: 9223372036854775807 is too large a number; write it as a text',
    ],
    [
      '[server]\nname = ""',
      'rackseed.toml:2: server.name: expected a host name of letters, digits and "-" such as "pve1" (each part at most 63 characters), got ""',
    ],
  ])('%j is explained', async (text, line) => {
    expect(await linesOf(text)).toEqual([line]);
  });

  it('is a problem with file, line, column, key, what was expected and the nearest word', async () => {
    expect(await problemsIn('\n[dhcp]\n  mode = "ful"')).toEqual([
      {
        file: 'rackseed.toml',
        line: 3,
        column: 10,
        key: 'dhcp.mode',
        message: 'expected one of "off", "proxy", "full", got "ful". Did you mean "full"?',
        expected: 'one of "off", "proxy", "full"',
        nearest: 'full',
      },
    ]);
  });
});

describe('many wrong settings', () => {
  const text = [
    '[server]',
    'tls = 1',
    'listn = ""',
    '[dhcp]',
    'mode = "full"',
    '[auth]',
    'mode = "basic"',
    '[[rule]]',
    'name = "a"',
    'match = { serial = "*" }',
    'profile = "b"',
  ].join('\n');

  it('are all told at once, in the order of the file, rules between settings among them', async () => {
    const lines = await linesOf(text, { RACKSEED_SERVER_NAEM: 'x' });
    expect(lines.map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
      'RACKSEED_SERVER_NAEM unknown environment variable. Did you mean "RACKSEED_SERVER_NAME"?',
      'rackseed.toml:2 server.tls',
      'rackseed.toml:3 server.listn',
      'rackseed.toml:5 dhcp.mode',
      'rackseed.toml:6 auth.htpasswd_file',
      'rackseed.toml:11 rule[0].profile',
    ]);
  });

  it('are one error whose message lists them and whose hint says how to go on', async () => {
    const error: unknown = await load(text).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'config.invalid', status: 500, hint: containing('rackseed config check') });
    expect(String(error)).toContain('The configuration has 5 problems:\nrackseed.toml:2: server.tls: expected true or false, got 1\n');
  });

  it('do not bring a second problem for the same wrong value', async () => {
    expect(
      await linesOf(
        '[dhcp]\nmode = "full"\n[[dhcp.subnet]]\nsubnet = "10.0.0/24"\nranges = ["10.0.0.1-10.0.0.9"]\n[[dhcp.reservation]]\nmac = "52:54:00:12:34:56"\naddress = "10.0.0.5"',
      ),
    ).toEqual([
      'rackseed.toml:4: dhcp.subnet[0].subnet: expected an IPv4 network such as "10.0.0.0/24" (prefix from 8 to 30), got "10.0.0/24"',
    ]);
  });

  it('are listed up to a cap, and quickly', async () => {
    const error: unknown = await load(Array.from({ length: 5000 }, (_, index) => `key${index} = 1`).join('\n')).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(RackseedError);
    expect(String(error).split('\n').length).toBeLessThan(110);
  });
});

describe('bytes that are no configuration', () => {
  it.each([
    ['a NUL byte', Buffer.from('[server]\nname = "a\0b"'), 'config.not_text', 'rackseed.toml:2: holds a NUL byte (byte 18)'],
    ['Latin-1', Buffer.from('[server]\n# gr\xfcn', 'latin1'), 'config.not_text', 'rackseed.toml:2: is not UTF-8 (byte 13)'],
    ['a text cut in a character', Buffer.from('# é').subarray(0, 3), 'config.not_text', 'rackseed.toml:1: is not UTF-8 (byte 2)'],
    ['UTF-16', Buffer.from('\ufeff[server]', 'utf16le'), 'config.not_text', 'rackseed.toml:1: holds a NUL byte (byte 3)'],
    ['more than 1 MiB', Buffer.alloc(1024 * 1024 + 1, '#'), 'config.too_large', 'rackseed.toml: is larger than 1 MiB'],
    ['other syntax', Buffer.from('{"server": {}}'), 'config.syntax', 'rackseed.toml:1: not TOML: '],
    [
      'a key written twice',
      Buffer.from('[server]\nname = "a"\nname = "b"'),
      'config.syntax',
      'rackseed.toml:3: not TOML: server.name is written twice; it already stands on line 2',
    ],
  ])('%s: named with the next step', async (_, bytes, code, line) => {
    const error: unknown = await load(bytes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: containing(line), hint: SOME_WORDS });
  });

  it('a byte order mark and 1 MiB exactly are fine', async () => {
    expect((await load('\ufeff[server]\nname = "a"')).config.server.name).toBe('a');
    await expect(load(Buffer.alloc(1024 * 1024, '#'))).resolves.toBeDefined();
  });

  const codes = new Set<string>(Object.keys(CONFIG_ERRORS));
  const isOurs = (thrown: unknown): boolean => thrown instanceof RackseedError && codes.has(thrown.code);

  it('never end in anything but our own errors', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await load(bytes).catch((thrown: unknown) => expect(thrown).toSatisfy(isOurs));
      }),
      { numRuns: 300 },
    );
  });

  it('nor does a good file with a piece of it changed', async () => {
    const good = renderExample().replaceAll(/^#(?![ :]|$)/gm, '');
    const piece = fc.oneof(
      fc.constantFrom('"', '[', ']', '[[', '=', '{', '}', '\n', '.', '__proto__', '1', '-', 'inf', '1979-05-27', '#'),
      fc.string({ maxLength: 6 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length), fc.nat(20), piece, async (at, length, text) => {
        await load(good.slice(0, at) + text + good.slice(at + length)).catch((thrown: unknown) => expect(thrown).toSatisfy(isOurs));
      }),
      { numRuns: 100 },
    );
  });
});
