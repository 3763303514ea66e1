// /api/network: what DHCP, TFTP and HTTP boot do on the wires, and who else gives addresses there.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from 'typebox';
import { isoTime } from '../../lib/index.ts';
import type { RouteDeps } from '../build.ts';
import { Network } from '../schemas.ts';
import type { NetworkStatus } from '../services.ts';

export function networkPlugin({ services }: RouteDeps): FastifyPluginAsyncTypebox {
  const tags = ['network'];
  return async (app) => {
    app.get(
      '/',
      {
        config: { access: 'reader' },
        schema: { operationId: 'getNetwork', summary: 'What network boot does on each interface', tags, response: { 200: Network.ref } },
      },
      async () => networkBody(services.network.status()),
    );

    app.post(
      '/probe',
      {
        config: { access: 'operator' },
        schema: {
          operationId: 'probeNetwork',
          summary: 'Ask now whether other DHCP servers are there; answers after some seconds',
          tags,
          response: { 200: Network.ref },
        },
      },
      async () => {
        await services.network.probe();
        return networkBody(services.network.status());
      },
    );
  };
}

function networkBody({ dhcp, dhcp6, tftp, http }: NetworkStatus): Static<typeof Network.schema> {
  return {
    dhcp: {
      mode: dhcp.mode,
      state: dhcp.state,
      reason: dhcp.reason,
      interfaces: dhcp.interfaces.map(({ name, address, state, reason, hint, otherServers }) => ({
        name,
        address,
        state,
        reason,
        hint,
        otherServers: otherServers.map((other) => ({
          address: other.address,
          mac: other.mac,
          role: other.role,
          evidence: other.evidence,
          firstSeenAt: isoTime(other.firstSeenAt),
          lastSeenAt: isoTime(other.lastSeenAt),
        })),
      })),
      counters: { ...dhcp.counters },
    },
    dhcp6: { mode: dhcp6.mode, counters: { ...dhcp6.counters } },
    tftp: tftp === null ? null : { listen: tftp.listen, counters: { ...tftp.counters } },
    http: {
      listen: http.listen,
      counters: { ...http.counters },
      downloads: http.downloads.map(({ peer, file, sent, total, bytesPerSecond, state, startedAt }) => ({
        peer,
        file,
        sentBytes: sent,
        totalBytes: total,
        bytesPerSecond: Math.round(bytesPerSecond),
        state,
        startedAt: isoTime(startedAt),
      })),
    },
  };
}
