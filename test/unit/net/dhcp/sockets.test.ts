import { describe, expect, it } from 'vitest';
import { RackseedError } from '../../../../src/lib/index.ts';
import { reexecThroughLauncher, takeInheritedSockets } from '../../../../src/net/dhcp/sockets.ts';

describe('inherited sockets', () => {
  it('are those of the protocol whose names are ours, numbered from 3', () => {
    const env = { LISTEN_PID: '42', LISTEN_FDS: '3', LISTEN_FDNAMES: 'dhcp-67-eth0:http:dhcp-4011-br-lan.7' };
    expect(takeInheritedSockets(env, 42).sockets).toEqual([
      { fd: 3, interfaceName: 'eth0', port: 67 },
      { fd: 5, interfaceName: 'br-lan.7', port: 4011 },
    ]);
  });

  it.each([
    ['nothing is set', {}],
    ['they are for another process', { LISTEN_PID: '41', LISTEN_FDS: '1', LISTEN_FDNAMES: 'dhcp-67-eth0' }],
    ['the count is no number', { LISTEN_PID: '42', LISTEN_FDS: 'x', LISTEN_FDNAMES: 'dhcp-67-eth0' }],
    ['the count is beyond reason', { LISTEN_PID: '42', LISTEN_FDS: '99999999', LISTEN_FDNAMES: 'dhcp-67-eth0' }],
    ['they have no names', { LISTEN_PID: '42', LISTEN_FDS: '1' }],
  ])('are none when %s', (_why, env) => {
    expect(takeInheritedSockets(env, 42)).toEqual({ sockets: [], missing: [] });
  });

  it.each([
    ['eth0 67 bind 13', 'dhcp.port_denied', /CAP_NET_BIND_SERVICE/],
    ['eth0 67 device 1', 'dhcp.port_denied', /CAP_NET_BIND_SERVICE/],
    ['eth0 67 bind 98', 'dhcp.port_in_use', /sport = :67/],
    ['eth9 67 device 19', 'dhcp.no_interface', /ip -br link/],
    ['eth0 67 socket 24', 'dhcp.socket', /./],
    ['', 'dhcp.socket', /./],
  ])('the launcher’s refusal "%s" becomes %s', (text, code, hint) => {
    const thrown = caught(() => takeInheritedSockets({ RACKSEED_LISTEN_ERROR: text }, 42));
    expect(thrown).toMatchObject({ code });
    expect(thrown.hint).toMatch(hint);
  });
});

describe('what the launcher could not open', () => {
  const handed = { LISTEN_PID: '42', LISTEN_FDS: '1', LISTEN_FDNAMES: 'dhcp-67-eth0' };

  it('matters not when it is the client’s port, which a DHCP client of this machine may hold', () => {
    const { sockets, missing } = takeInheritedSockets({ ...handed, RACKSEED_LISTEN_ERROR: 'eth0 68 bind 98' }, 42);
    expect([sockets.length, missing]).toEqual([1, []]);
  });

  it('is a warning when it is an interface that is missing among others, said once', () => {
    const { sockets, missing } = takeInheritedSockets({ ...handed, RACKSEED_LISTEN_ERROR: 'eth9 67 device 19;eth9 4011 device 19' }, 42);
    expect([sockets.length, missing.map((one) => one.message)]).toEqual([1, ['There is no network interface named eth9.']]);
  });

  it('is an error when the port is taken on one of several interfaces: half a server helps nobody', () => {
    expect(caught(() => takeInheritedSockets({ ...handed, RACKSEED_LISTEN_ERROR: 'eth1 67 bind 98' }, 42))).toMatchObject({
      code: 'dhcp.port_in_use',
    });
  });
});

describe('going through the launcher', () => {
  const plan = {
    interfaces: ['eth0', 'eth1'],
    ports: [67, 4011],
    clientPort: 68,
    command: ['/n/node', 'main.ts', 'serve'],
    env: { HOME: '/root', NONE: undefined },
    launcher: '/x/listen.pl',
  };

  it('asks for each port on each interface, then for the same command again', () => {
    const calls: unknown[] = [];
    caught(() => reexecThroughLauncher(plan, (...call) => calls.push(call)));
    const wanted = ['eth0:67', 'eth0:4011', 'eth0:68:broadcast', 'eth1:67', 'eth1:4011', 'eth1:68:broadcast'];
    expect(calls).toEqual([
      ['/usr/bin/perl', ['/usr/bin/perl', '/x/listen.pl', ...wanted, '--', '/n/node', 'main.ts', 'serve'], { HOME: '/root' }],
    ]);
  });

  it('says what to do when perl cannot be started', () => {
    const noPerl = (): never => {
      throw new Error('ENOENT');
    };
    expect(caught(() => reexecThroughLauncher(plan, noPerl))).toMatchObject({
      code: 'dhcp.socket',
      hint: expect.stringContaining('perl-base') as unknown,
    });
  });
});

function caught(action: () => unknown): RackseedError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof RackseedError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}
