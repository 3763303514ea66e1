// Rules between the settings of [server], [store], [auth] and the ports of all listeners.

import { isLoopback, isWildcard, type Listen, parseListen } from '../listen.ts';
import type { Config } from '../schema.ts';
import type { Check, Notes } from './check.ts';

export const SERVER_CHECKS: readonly Check[] = [
  { needs: ['/server/listen', '/server/tls', '/server/force_plain'], run: plainOnlyOnLoopback },
  { needs: ['/server/listen', '/auth/mode', '/auth/force_open'], run: openOnlyOnLoopback },
  { needs: ['/auth/mode', '/auth/htpasswd_file'], run: basicNeedsUsers },
  { needs: ['/auth/mode', '/auth/htpasswd_file', '/auth/user'], run: basicUsersAreUsed },
  { needs: ['/store/url'], run: noPasswordInUrl },
  { needs: ['/store/url', '/store/password'], run: passwordIsUsed },
  { needs: ['/server/listen', '/server/boot_listen'], run: httpPortsApart },
  { needs: ['/server/boot_x_accel', '/server/boot_url', '/server/boot_proxies'], run: proxyIsKnown },
  {
    needs: ['/dhcp/mode', '/dhcp/port', '/dhcp/proxy_port', '/tftp/listen', '/tftp/enabled'],
    run: udpPortsApart,
  },
];

function plainOnlyOnLoopback({ server }: Config, notes: Notes): void {
  if (server.tls || isLoopback(parseListen(server.listen).host)) return;
  if (server.force_plain) notes.warning('/server/tls', `passwords and tokens cross the network in clear: tls = false on ${server.listen}`);
  else
    notes.problem(
      '/server/tls',
      `false is for loopback only, and server.listen is ${JSON.stringify(server.listen)}. Set listen = "127.0.0.1:6385", tls = true, or force_plain = true`,
      {
        expected: 'true, a loopback address to listen on, or server.force_plain = true',
      },
    );
}

function openOnlyOnLoopback({ server, auth }: Config, notes: Notes): void {
  if (auth.mode !== 'none' || isLoopback(parseListen(server.listen).host)) return;
  if (auth.force_open) notes.warning('/auth/mode', `whoever reaches ${server.listen} may wipe machines: auth.mode is "none"`);
  else
    notes.problem(
      '/auth/mode',
      `"none" is for loopback only, and server.listen is ${JSON.stringify(server.listen)}. Set mode = "token", listen = "127.0.0.1:6385", or force_open = true`,
      {
        expected: '"token" or "basic", a loopback address to listen on, or auth.force_open = true',
      },
    );
}

function basicNeedsUsers({ auth }: Config, notes: Notes): void {
  if (auth.mode === 'basic' && auth.htpasswd_file === undefined)
    notes.problem('/auth/htpasswd_file', 'missing; mode = "basic" needs a file of users and password hashes', {
      expected: 'an absolute path',
    });
}

function basicUsersAreUsed({ auth }: Config, notes: Notes): void {
  if (auth.mode !== 'basic' && auth.htpasswd_file !== undefined)
    notes.warning('/auth/htpasswd_file', `is not used: auth.mode is ${JSON.stringify(auth.mode)}`);
  for (const [index, { name }] of auth.user.entries()) {
    if (auth.mode !== 'basic') notes.warning(`/auth/user/${index}`, `is not used: auth.mode is ${JSON.stringify(auth.mode)}`);
    if (auth.user.findIndex((one) => one.name === name) < index)
      notes.problem(`/auth/user/${index}/name`, `${JSON.stringify(name)} is named a second time`, { expected: 'each name once' });
  }
}

function noPasswordInUrl({ store }: Config, notes: Notes): void {
  const url = URL.parse(store.url);
  if (url === null) return;
  if (url.password !== '' || url.searchParams.has('password'))
    notes.problem(
      '/store/url',
      'holds a password. Take it out and refer to it: password = { file = "/etc/rackseed/store-password" } in [store]',
      {
        expected: 'a URL without password',
      },
    );
}

function passwordIsUsed({ store }: Config, notes: Notes): void {
  if (store.url.startsWith('sqlite:') && store.password !== undefined)
    notes.warning('/store/password', 'is not used: SQLite has no password');
}

function httpPortsApart({ server }: Config, notes: Notes): void {
  if (isClash(parseListen(server.listen), parseListen(server.boot_listen)))
    notes.problem(
      '/server/boot_listen',
      `${JSON.stringify(server.boot_listen)} is the same port as server.listen ${JSON.stringify(server.listen)}; each listener needs its own`,
      {
        expected: 'another port, such as 6386',
      },
    );
}

function proxyIsKnown({ server }: Config, notes: Notes): void {
  if (server.boot_x_accel === undefined) {
    if (server.boot_proxies.length > 0) notes.warning('/server/boot_proxies', 'is not used: it goes with server.boot_x_accel');
    return;
  }
  if (server.boot_url === undefined)
    notes.problem('/server/boot_url', 'missing; boot_x_accel needs it, so that machines are sent to the nginx and not past it', {
      expected: 'the URL of the nginx in front of boot_listen',
    });
}

function udpPortsApart({ dhcp, tftp }: Config, notes: Notes): void {
  const anywhere = (port: number): Listen => ({ host: '0.0.0.0', port });
  const dhcpListeners = [
    { pointer: '/dhcp/port', name: 'dhcp.port', listen: anywhere(dhcp.port) },
    { pointer: '/dhcp/proxy_port', name: 'dhcp.proxy_port', listen: anywhere(dhcp.proxy_port) },
  ];
  const listeners = [
    ...(dhcp.mode === 'off' ? [] : dhcpListeners),
    ...(tftp.enabled ? [{ pointer: '/tftp/listen', name: 'tftp.listen', listen: parseListen(tftp.listen) }] : []),
  ];
  for (const [index, later] of listeners.entries()) {
    const earlier = listeners.slice(0, index).find(({ listen }) => isClash(listen, later.listen));
    if (earlier !== undefined)
      notes.problem(later.pointer, `UDP port ${later.listen.port} is already used by ${earlier.name}; each needs its own`, {
        expected: 'another port',
      });
  }
}

/** Port 0 is any free one, so it never clashes. A wildcard address takes the port on every other address too. */
function isClash(a: Listen, b: Listen): boolean {
  return a.port === b.port && a.port !== 0 && (a.host === b.host || isWildcard(a.host) || isWildcard(b.host));
}
