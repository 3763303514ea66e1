// What the watch for other DHCP servers says to people: evidence, news, the whole state. Pure.

import type { DhcpNews, OtherServer } from '../status.ts';
import type { Evidence, SeenServer, Standing, WatchMode } from './watch-decide.ts';

const EVIDENCE: Readonly<Record<Evidence, string>> = {
  probe: 'it answered our search',
  heard: 'it was heard answering a client',
  named: 'a client named it as its server',
};

export function otherServer({ address, mac, role, evidence, firstSeenAt, lastSeenAt }: SeenServer): OtherServer {
  return { address, mac, role, evidence: EVIDENCE[evidence], firstSeenAt, lastSeenAt };
}

interface Context {
  readonly mode: WatchMode;
  readonly allowOtherServers: boolean;
  readonly interfaceName: string;
}

export function newServerNews(server: SeenServer, standing: Standing, context: Context): DhcpNews {
  const { mode, allowOtherServers, interfaceName } = context;
  const isExpected = server.role === 'addresses' && (mode === 'proxy' || allowOtherServers);
  const what = server.role === 'boot' ? 'another network-boot server' : 'another DHCP server';
  const who = server.mac === null ? server.address : `${server.address} (${server.mac})`;
  return {
    event: 'dhcp.other_server',
    severity: isExpected ? 'info' : 'warning',
    interfaceName,
    message: `${what}, ${who}, is on ${interfaceName}: ${EVIDENCE[server.evidence]}; ${consequence(server, standing, mode)}`,
    hint: isExpected ? null : standing.hint,
    server: otherServer(server),
  };
}

function consequence(server: SeenServer, { state }: Standing, mode: WatchMode): string {
  if (server.role === 'boot') return 'machines may boot from either';
  if (mode === 'proxy') return 'it gives the addresses, this one says what to boot';
  if (state === 'standing-aside') return 'this one stands aside and answers nobody there';
  if (server.evidence === 'named') return 'nothing changes by that alone';
  return 'this one goes on answering, so both do now';
}

export function goneNews(server: SeenServer, interfaceName: string, missesUntilGone: number): DhcpNews {
  return {
    event: 'dhcp.other_server_gone',
    severity: 'info',
    interfaceName,
    message: `the other server ${server.address} on ${interfaceName} was not heard in ${missesUntilGone} searches: taken for gone`,
    hint: null,
    server: otherServer(server),
  };
}

/** What a change of standing is worth telling; null when the new one says nothing that a person needs. */
export function standingNews(before: Standing, after: Standing, interfaceName: string): DhcpNews | null {
  const common = { interfaceName, hint: after.hint, server: null };
  if (before.state === 'standing-aside' && after.state === 'answering')
    return {
      ...common,
      event: 'dhcp.resumed',
      severity: 'info',
      message: `DHCP is answered again on ${interfaceName}: ${after.reason}`,
    };
  if (after.isWithoutServer === true && before.isWithoutServer !== true)
    return { ...common, event: 'dhcp.no_server', severity: 'warning', message: after.reason };
  return null;
}

export function problemNews(interfaceName: string, problem: string | null, standing: Standing): DhcpNews {
  return {
    event: 'dhcp.interface',
    severity: problem === null ? 'info' : 'warning',
    interfaceName,
    message: problem === null ? `${interfaceName} works again` : standing.reason,
    hint: problem === null ? null : standing.hint,
    server: null,
  };
}
