// The sockets of DHCPv6 where nobody asked for it by name: one for each interface that has IPv6, and a plain word about the others.

import type { Warning } from './api/index.ts';
import { type Log, RackseedError } from './lib/index.ts';
import { type Dhcp6Socket, interfacesWithIpv6, openLinkSocket6 } from './net/dhcp6/index.ts';

export interface LinkSocketOptions {
  /** Empty: all that have IPv6. */
  readonly interfaces: readonly string[];
  readonly port: number;
  readonly log: Log;
  readonly withIpv6?: () => readonly string[];
  readonly openLink?: (interfaceName: string, port: number) => Promise<Dhcp6Socket>;
}

export interface LinkSockets {
  /** Those that are not heard on yet, as far as they can be opened now. */
  readonly open: (signal: AbortSignal, heard: ReadonlySet<string>) => Promise<Dhcp6Socket[]>;
  readonly warnings: () => Warning[];
}

const HINT =
  'Machines that look for a server over IPv6 wait a minute for an answer there. It is tried again by itself; [dhcp6] mode = "off" ends that.';
const NO_IPV6 = 'no interface of this machine has IPv6';

export function createLinkSockets(options: LinkSocketOptions): LinkSockets {
  const { interfaces, port, log, withIpv6 = interfacesWithIpv6, openLink = openLinkSocket6 } = options;
  let warnings: readonly Warning[] = [];

  function tell(now: readonly Warning[]): void {
    const told = new Set(warnings.map(({ message }) => message));
    warnings = now;
    for (const { code, message, hint } of now) if (!told.has(message)) log.warn({ code, hint }, message);
  }

  return {
    warnings: () => [...warnings],
    async open(_signal, heard) {
      const names = interfaces.length > 0 ? interfaces : withIpv6();
      const opened: Dhcp6Socket[] = [];
      const troubles: Warning[] = [];
      for (const name of names.filter((one) => !heard.has(one))) {
        try {
          opened.push(await openLink(name, port));
        } catch (thrown) {
          if (!(thrown instanceof RackseedError)) throw thrown;
          troubles.push(warningOf(thrown.code, thrown.message));
        }
      }
      tell(names.length === 0 && heard.size === 0 ? [warningOf('dhcp6.no_address', NO_IPV6)] : troubles);
      for (const { interfaceName } of opened)
        log.info({ interface: interfaceName }, 'DHCPv6: firmware that starts its own disk is told so');
      return opened;
    },
  };
}

function warningOf(code: string, message: string): Warning {
  return { code, message: `Without DHCPv6: ${message}`, hint: HINT };
}
